//! Reading duty: the whole book for the machine, and the units in scope for a person, each in one snapshot.

use std::collections::BTreeMap;

use anlan_domain::ids::{Role, UserName};
use anlan_domain::roster::book::{DutyBook, Person};
use anlan_domain::roster::pattern::Rotation;
use anlan_domain::roster::{DutyUnit, Member, Slot, StandIn, Swap, UnitId};

use super::{
    ContactRecord, DayRecord, MemberRecord, RotationRecord, StandInRecord, SwapRecord, UnitRecord,
};
use crate::registry::people::User;
use crate::registry::record::{self, Record};
use crate::registry::scope::below;
use crate::registry::{Registry, RegistryError, Scope, Scoped};
use crate::sql::{Connection, Statement};

/// A unit in the parts that it is edited by.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitParts {
    /// Clock and shifts.
    pub record: UnitRecord,
    /// Members.
    pub members: Vec<MemberRecord>,
    /// Rotations.
    pub rotations: Vec<RotationRecord>,
    /// Days of its own.
    pub days: Vec<DayRecord>,
    /// 换班
    pub swaps: Vec<SwapRecord>,
    /// 代班
    pub stand_ins: Vec<StandInRecord>,
}

/// Units with what they share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Duties {
    /// Units.
    pub units: BTreeMap<UnitId, UnitParts>,
    /// Holidays and swapped working days of every unit.
    pub days: Vec<DayRecord>,
    /// Members of the units.
    pub people: BTreeMap<UserName, Person>,
}

impl UnitParts {
    fn new(record: UnitRecord) -> Self {
        Self {
            record,
            members: Vec::new(),
            rotations: Vec::new(),
            days: Vec::new(),
            swaps: Vec::new(),
            stand_ins: Vec::new(),
        }
    }

    /// The unit as the domain has it. Its own days win over those of every unit.
    #[must_use]
    pub fn unit(&self, common: &[DayRecord]) -> DutyUnit {
        let Self { record, members, rotations, days, swaps, stand_ins } = self;
        DutyUnit {
            id: record.id.clone(),
            utc_offset_min: record.utc_offset_min,
            shifts: record.shifts.clone(),
            members: members
                .iter()
                .map(|m| Member {
                    username: m.username.clone(),
                    role: m.role,
                    team: m.team.clone(),
                })
                .collect(),
            rotations: rotations
                .iter()
                .map(|r| Rotation {
                    role: r.role,
                    anchor: r.anchor,
                    days: r.days.clone(),
                    rest_days: r.rest_days.clone(),
                })
                .collect(),
            calendar: common.iter().chain(days).map(|day| (day.date, day.kind)).collect(),
            swaps: swaps
                .iter()
                .map(|s| Swap {
                    role: s.role,
                    slot: Slot { date: s.date, shift: s.shift.clone() },
                    gives: s.gives.clone(),
                    takes: s.takes.clone(),
                    back: s
                        .back_date
                        .zip(s.back_shift.clone())
                        .map(|(date, shift)| Slot { date, shift }),
                })
                .collect(),
            stand_ins: stand_ins
                .iter()
                .map(|s| StandIn {
                    absent: s.absent.clone(),
                    deputy: s.deputy.clone(),
                    from: s.from_at,
                    until: s.until_at,
                })
                .collect(),
        }
    }
}

/// Which units are read.
pub(super) enum Which<'a> {
    In(&'a Scope),
    One(&'a UnitId),
}

impl Which<'_> {
    /// Adds the condition on rows of `duty_units`.
    fn restrict(&self, query: &mut Statement) {
        match self {
            Self::In(Scope::Everything) => {
                query.push("1 = 1");
            }
            Self::In(scope) => {
                query.push("(");
                scope.restrict(query, "enterprise");
                if let Scope::Region(code) = scope {
                    query.push(" OR region IN (SELECT code FROM regions WHERE ");
                    below(query, "path", code);
                    query.push(")");
                }
                query.push(")");
            }
            Self::One(id) => {
                query.push("id = ").push_bind(id.to_string());
            }
        }
    }

    /// Rows of a table that belong to these units.
    async fn rows<R: Record>(&self, on: &mut dyn Connection) -> Result<Vec<R>, RegistryError> {
        let mut query = record::select::<R>();
        query.push(" WHERE unit IN (SELECT id FROM duty_units WHERE ");
        self.restrict(&mut query);
        query.push(") ORDER BY id");
        record::fetch(on, query).await
    }
}

macro_rules! sort_in {
    ($units:expr, $rows:expr, $part:ident) => {
        for row in $rows {
            if let Some(parts) = $units.get_mut(&row.unit) {
                parts.$part.push(row);
            }
        }
    };
}

/// Reads units within one snapshot or change.
pub(super) async fn read(
    on: &mut dyn Connection,
    which: Which<'_>,
) -> Result<Duties, RegistryError> {
    let mut query = record::select::<UnitRecord>();
    query.push(" WHERE ");
    which.restrict(&mut query);
    let found: Vec<UnitRecord> = record::fetch(on, query).await?;
    let mut units: BTreeMap<UnitId, UnitParts> =
        found.into_iter().map(|unit| (unit.id.clone(), UnitParts::new(unit))).collect();
    sort_in!(units, which.rows::<MemberRecord>(on).await?, members);
    sort_in!(units, which.rows::<RotationRecord>(on).await?, rotations);
    sort_in!(units, which.rows::<SwapRecord>(on).await?, swaps);
    sort_in!(units, which.rows::<StandInRecord>(on).await?, stand_ins);
    for day in which.rows::<DayRecord>(on).await? {
        if let Some(parts) = day.unit.as_ref().and_then(|unit| units.get_mut(unit)) {
            parts.days.push(day);
        }
    }
    let days = common_days(on).await?;

    let of_members = |query: &mut Statement| {
        query.push(" WHERE username IN (SELECT username FROM duty_members WHERE unit IN (SELECT id FROM duty_units WHERE ");
        which.restrict(query);
        query.push("))");
    };
    let mut query = record::select::<User>();
    of_members(&mut query);
    let users: Vec<User> = record::fetch(on, query).await?;
    let mut query = record::select::<ContactRecord>();
    of_members(&mut query);
    let contacts: Vec<ContactRecord> = record::fetch(on, query).await?;
    let mut contacts: BTreeMap<UserName, ContactRecord> =
        contacts.into_iter().map(|c| (c.username.clone(), c)).collect();
    let person = |user: User| {
        let contact = contacts.remove(&user.username).map(|c| c.contact()).unwrap_or_default();
        (user.username, Person { name: user.name, contact })
    };
    Ok(Duties { units, days, people: users.into_iter().map(person).collect() })
}

/// Days of every unit, by date.
pub(super) async fn common_days(on: &mut dyn Connection) -> Result<Vec<DayRecord>, RegistryError> {
    let mut query = record::select::<DayRecord>();
    query.push(" WHERE unit IS NULL ORDER BY date");
    record::fetch(on, query).await
}

impl Registry {
    /// Every unit with members, contacts and rosters, for the machine itself: unscoped. [`Registry::duty_changes`] says when it
    /// is out of date.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn duty_book(&self) -> Result<DutyBook, RegistryError> {
        // Before the snapshot: a change in between makes the book look older than it is, and it is read once too often.
        let version = *self.duty.borrow();
        let mut on = self.snapshot().await?;
        let Duties { units, days, people } = read(&mut *on, Which::In(&Scope::Everything)).await?;
        let units = units.into_iter().map(|(id, parts)| (id, parts.unit(&days))).collect();
        Ok(DutyBook { version, units, people })
    }

    /// How a person is reached; empty where they never said.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn contact(&self, username: &UserName) -> Result<ContactRecord, RegistryError> {
        let mut on = self.reading().await?;
        let found = record::get(&mut *on, username.as_str()).await?;
        Ok(found.unwrap_or_else(|| ContactRecord::none_of(username.clone())))
    }
}

impl Scoped {
    /// Units in scope, with their members.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn duties(&self) -> Result<Duties, RegistryError> {
        let mut on = self.registry().snapshot().await?;
        read(&mut *on, Which::In(self.scope())).await
    }

    /// One unit in scope; `units` is empty where there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn duties_of(&self, id: &UnitId) -> Result<Duties, RegistryError> {
        // Before the snapshot: whoever holds one connection and waits for another may wait for themselves.
        let seen = self.organisation(id).await?.is_some();
        let mut on = self.registry().snapshot().await?;
        if !seen {
            return Ok(Duties { days: common_days(&mut *on).await?, ..Duties::default() });
        }
        read(&mut *on, Which::One(id)).await
    }

    /// Holidays and swapped working days of every unit, by date. They are nobody's own.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn common_duty_days(&self) -> Result<Vec<DayRecord>, RegistryError> {
        let mut on = self.registry().reading().await?;
        common_days(&mut *on).await
    }

    /// Names of the organisation whose unit this is or would be, where it is in scope: Chinese, English.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn organisation(
        &self,
        id: &UnitId,
    ) -> Result<Option<(String, String)>, RegistryError> {
        Ok(match id {
            UnitId::Enterprise(code) => {
                self.enterprise(code).await?.map(|e| (e.name_zh, e.name_en))
            }
            UnitId::Region(code) if self.scope().covers_region(code) => {
                let regions = self.regions().await?;
                let found = regions.into_iter().find(|region| region.code == *code);
                found.map(|region| (region.name_zh, region.name_en))
            }
            UnitId::Region(_) => None,
        })
    }

    /// People who may be members of a unit in scope: user name and name, testers not among them. `all` adds the center's administrators.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn duty_candidates(
        &self,
        id: &UnitId,
        all: bool,
    ) -> Result<Vec<(UserName, String)>, RegistryError> {
        if self.organisation(id).await?.is_none() {
            return Ok(Vec::new());
        }
        let mut query = record::select::<User>();
        query.push(" WHERE scope = ").push_bind(id.to_string());
        if all {
            query.push(" OR scope = ").push_bind(Scope::Everything.to_string());
        }
        query.push(" ORDER BY username");
        let mut on = self.registry().reading().await?;
        let users: Vec<User> = record::fetch(&mut *on, query).await?;
        let serve = users.into_iter().filter(|user| user.role != Role::Tester);
        Ok(serve.map(|user| (user.username, user.name)).collect())
    }
}
