//! Deadband and delays that a limit gets where it was given none, by signal type: the domain's table, kept as data.
//!
//! Shipped rows come with the schema. Who edits one is in the audit log with the values before and after and the reason;
//! limits that exist keep what they have.

use anlan_domain::alarm_defaults::{BadDefaults, Origin, SignalDefaults, band};
use anlan_domain::limits::{Limit, LimitKind, Limits};

use super::record::{self, record};
use super::records::Point;
use super::{Change, Problem, Registry, RegistryError};

/// Longest reason that is kept, in characters.
const REASON_CHARS_MAX: usize = 500;

record! {
    /// The defaults of one signal type.
    AlarmDefaults in "alarm_defaults", "alarm defaults", numbered: false,
    dependents: [],
    {
        /// Signal type; `*` for every type without a row.
        signal: String,
        /// In percent of the span.
        deadband_percent: f64,
        /// How long H, L and the rate of change must hold.
        on_delay_ms: u32,
        /// How long HH and LL must hold.
        urgent_on_delay_ms: u32,
        /// How long any of them must be gone.
        off_delay_ms: u32,
        /// `recalled`, `proposal` or `edited`.
        origin: String,
        /// Why it is so, in the words of who edited it.
        reason: String,
    }
    enterprise: |_| None,
    check: problems_of,
    references: |_| Vec::new(),
}

fn problems_of(row: &AlarmDefaults) -> Vec<Problem> {
    let Some(defaults) = row.defaults() else {
        let why = format!("{:?} is not one of recalled, proposal, edited", row.origin);
        return vec![Problem::new("origin", why)];
    };
    let long = row.reason.chars().count() > REASON_CHARS_MAX;
    let long = long
        .then(|| Problem::new("reason", format!("is longer than {REASON_CHARS_MAX} characters")));
    let problems = defaults.check().err().unwrap_or_default();
    problems
        .into_iter()
        .map(|problem| {
            let field = match &problem {
                BadDefaults::Signal(_) => "signal",
                BadDefaults::Deadband(_) => "deadband_percent",
                BadDefaults::Delay { field, .. } | BadDefaults::GasDelay { field, .. } => field,
            };
            Problem::new(field, problem.to_string())
        })
        .chain(long)
        .collect()
}

impl AlarmDefaults {
    /// As the domain knows it; `None` where the origin is none.
    #[must_use]
    pub fn defaults(&self) -> Option<SignalDefaults> {
        let origin = match self.origin.as_str() {
            "recalled" => Origin::Recalled,
            "proposal" => Origin::Proposal,
            "edited" => Origin::Edited,
            _ => return None,
        };
        Some(SignalDefaults {
            signal: self.signal.as_str().into(),
            deadband_percent: self.deadband_percent,
            on_delay_ms: self.on_delay_ms,
            urgent_on_delay_ms: self.urgent_on_delay_ms,
            off_delay_ms: self.off_delay_ms,
            origin,
        })
    }
}

/// What of a limit was not given and shall be the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// The deadband.
    pub deadband: bool,
    /// The on-delay.
    pub on_delay: bool,
    /// The off-delay.
    pub off_delay: bool,
}

impl Gaps {
    /// Whether there is any.
    #[must_use]
    pub const fn any(self) -> bool {
        self.deadband || self.on_delay || self.off_delay
    }
}

/// Fills the gaps of one limit of a point with the defaults of its signal type. Without a row, gaps are zero.
pub fn fill(table: &[SignalDefaults], point: &Point, limits: &mut Limits, name: &str, gaps: Gaps) {
    let Some(row) = SignalDefaults::of(table, &point.signal).filter(|_| gaps.any()) else { return };
    let range = (point.range_lo, point.range_hi);
    let kind = LimitKind::ALL.into_iter().find(|kind| kind.abbreviation() == name);
    let full = match kind {
        Some(kind) => limits.get(kind).map(|limit| {
            let way = band(kind, limit.value, limits, range);
            row.limit(kind, limit.value, range, way, point.scan_ms)
        }),
        None => limits.rate_per_min.map(|limit| row.rate_limit(limit.value, point.scan_ms)),
    };
    let limit = match name {
        "HH" => &mut limits.hh,
        "H" => &mut limits.h,
        "L" => &mut limits.l,
        "LL" => &mut limits.ll,
        _ => &mut limits.rate_per_min,
    };
    let (Some(limit), Some(full)) = (limit, full) else { return };
    *limit = Limit {
        deadband: if gaps.deadband { full.deadband } else { limit.deadband },
        on_delay_ms: if gaps.on_delay { full.on_delay_ms } else { limit.on_delay_ms },
        off_delay_ms: if gaps.off_delay { full.off_delay_ms } else { limit.off_delay_ms },
        ..*limit
    };
}

/// Rows as the domain knows them.
///
/// # Errors
/// When one has an origin that is none.
pub fn defaults_of(rows: &[AlarmDefaults]) -> Result<Vec<SignalDefaults>, RegistryError> {
    rows.iter()
        .map(|row| {
            row.defaults().ok_or_else(|| RegistryError::Damaged {
                what: format!("alarm defaults {}", row.signal),
                why: format!("origin {:?}", row.origin),
            })
        })
        .collect()
}

impl Registry {
    /// Every row, by signal type.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn alarm_defaults(&self) -> Result<Vec<AlarmDefaults>, RegistryError> {
        record::all(&mut *self.reading().await?).await
    }
}

impl Change<'_> {
    /// Every row, as this change sees it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn alarm_defaults(&mut self) -> Result<Vec<SignalDefaults>, RegistryError> {
        let rows: Vec<AlarmDefaults> = record::all(self.on()).await?;
        defaults_of(&rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::record::Meta;
    use crate::registry::{Doer, Expected, Outcome};
    use anlan_domain::time::UtcMillis;

    async fn registry() -> (tempfile::TempDir, Registry) {
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::open(&dir.path().join("registry.db")).await.unwrap();
        (dir, registry)
    }

    #[tokio::test]
    async fn the_schema_ships_what_the_domain_ships() {
        let (_dir, registry) = registry().await;
        let mut of_schema = defaults_of(&registry.alarm_defaults().await.unwrap()).unwrap();
        let mut of_domain = SignalDefaults::shipped();
        of_schema.sort_by(|a, b| a.signal.cmp(&b.signal));
        of_domain.sort_by(|a, b| a.signal.cmp(&b.signal));
        assert_eq!(of_schema, of_domain);
    }

    #[tokio::test]
    async fn an_edit_has_a_version_and_an_entry_and_a_bad_one_is_refused() {
        let (_dir, registry) = registry().await;
        let rows = registry.alarm_defaults().await.unwrap();
        let level = rows.into_iter().find(|row| row.signal == "level").unwrap();
        let edited = AlarmDefaults {
            on_delay_ms: 5_000,
            origin: "edited".to_owned(),
            reason: "tank farm fills fast".to_owned(),
            meta: Meta::default(),
            ..level.clone()
        };
        let doer = || Doer::command("test");
        let mut change = registry.change(doer(), UtcMillis(1)).await.unwrap();
        let bad = AlarmDefaults { deadband_percent: 80.0, ..edited.clone() };
        let Err(RegistryError::Refused(problems)) = change.put(&bad, Expected::Version(1)).await
        else {
            panic!("taken")
        };
        assert_eq!(problems[0].field, "deadband_percent");
        assert_eq!(change.put(&edited, Expected::Version(1)).await.unwrap(), Outcome::Changed);
        let stale = AlarmDefaults { on_delay_ms: 7_000, ..edited.clone() };
        assert!(matches!(
            change.put(&stale, Expected::Version(1)).await,
            Err(RegistryError::ChangedMeanwhile { version: 2, .. })
        ));
        change.commit().await.unwrap();
        let filter = crate::registry::audit::AuditFilter {
            text: Some("alarm defaults level".to_owned()),
            limit: 10,
            ..Default::default()
        };
        let entries = registry.audit(&filter).await.unwrap();
        assert_eq!(entries.len(), 1);
        assert!(entries[0].detail.contains("on_delay_ms: 60000 → 5000"), "{}", entries[0].detail);
        assert!(entries[0].detail.contains("tank farm fills fast"), "{}", entries[0].detail);
    }
}
