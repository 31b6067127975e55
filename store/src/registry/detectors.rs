//! Detectors of points: conditions beyond limits (`domain::detect`), kept as the line of text that people write.
//!
//! What a detector says by itself is checked by the domain; here is checked what it says of others: that its point is of the right
//! kind, and that the points it looks at are of the same equipment. Every change is in the audit log with the text before and after.

use std::collections::HashMap;

use anlan_domain::alarm::{Condition, Level};
use anlan_domain::detect::Delays;
use anlan_domain::detect::detector::DetectorSettings;
use anlan_domain::ids::{EnterpriseCode, PointId};

use super::record::{self, record};
use super::records::{Enterprise, Point};
use super::{Change, Expected, Outcome, Problem, Record as _, RegistryError};
use crate::sql::{Connection, Statement};

/// Longest delay: a day.
const DELAY_MS_MAX: u32 = 86_400_000;
/// Longest reason that is kept, in characters.
const REASON_CHARS_MAX: usize = 500;

record! {
    /// 报警条件 of a point beyond its limits.
    Detector in "detectors", "detector", numbered: false,
    dependents: [],
    {
        /// `POINT|CONDITION`
        id: String,
        /// Its enterprise.
        enterprise: EnterpriseCode,
        /// The point that has it.
        point: PointId,
        /// Code of the condition that it finds.
        condition_code: String,
        /// Its settings, as `Detector::parse` reads them.
        settings: String,
        /// How long it must hold before its alarm is raised.
        on_delay_ms: u32,
        /// How long it must be gone before the alarm clears.
        off_delay_ms: u32,
        /// Level 1 (gravest) to 4; 0 takes the default.
        level: u8,
        /// Why it is there, in the words of who saved it.
        reason: String,
    }
    enterprise: |d| Some(d.enterprise.clone()),
    check: |d| d.problems(),
    references: |d| vec![
        ("enterprise", Enterprise::TABLE, d.enterprise.to_string()),
        ("point", Point::TABLE, d.point.to_string()),
    ],
}

impl Detector {
    /// The key of a point's detector.
    #[must_use]
    pub fn id_of(point: &PointId, condition_code: &str) -> String {
        format!("{point}|{condition_code}")
    }

    fn parsed(&self) -> Result<anlan_domain::detect::detector::Detector, Vec<Problem>> {
        let Some(condition) = Condition::from_code(&self.condition_code) else {
            let why = format!(
                "{:?} is no detector: DEVIATION, SPIKE, DRIFT, COUNTS, DISCREPANCY or EXPRESSION",
                self.condition_code
            );
            return Err(vec![Problem::new("condition", why)]);
        };
        anlan_domain::detect::detector::Detector::parse(condition, &self.settings).map_err(|all| {
            all.into_iter().map(|problem| Problem::new(problem.field, problem.why)).collect()
        })
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = self.parsed().err().unwrap_or_default();
        for (field, value) in
            [("on_delay_ms", self.on_delay_ms), ("off_delay_ms", self.off_delay_ms)]
        {
            if value > DELAY_MS_MAX {
                let why = format!("is {value}: at most a day ({DELAY_MS_MAX})");
                problems.push(Problem::new(field, why));
            }
        }
        if self.level != 0 && Level::new(self.level).is_none() {
            let why = format!("is {}: 1 (gravest) to 4, or none for the default", self.level);
            problems.push(Problem::new("level", why));
        }
        if self.reason.chars().count() > REASON_CHARS_MAX {
            let why = format!("is longer than {REASON_CHARS_MAX} characters");
            problems.push(Problem::new("reason", why));
        }
        if self.id != Self::id_of(&self.point, &self.condition_code) {
            let why = format!("{} is not of this point and condition", self.id);
            problems.push(Problem::new("id", why));
        }
        if self.point.enterprise() != self.enterprise {
            let why = format!("{} is not of enterprise {}", self.point, self.enterprise);
            problems.push(Problem::new("point", why));
        }
        problems
    }

    /// Identities of the other points that it looks at; none where its settings are wrong.
    #[must_use]
    pub fn looks_at(&self) -> Vec<PointId> {
        let Ok(detector) = self.parsed() else { return Vec::new() };
        let of = |tag: &str| PointId::of(&self.enterprise, tag).ok();
        detector.points().into_iter().filter_map(of).collect()
    }

    /// What is wrong with it beside the points that it is about. `others` holds those of [`Self::looks_at`] that exist.
    #[must_use]
    pub fn problems_among(&self, point: &Point, others: &HashMap<PointId, Point>) -> Vec<Problem> {
        let Ok(detector) = self.parsed() else { return Vec::new() };
        let mut problems = Vec::new();
        let discrete = point.kind == "discrete";
        if detector.of_states().is_some_and(|states| states != discrete) {
            let wanted = if discrete { "an analog" } else { "a discrete" };
            let why = format!("{} belongs to {wanted} point", self.condition_code);
            problems.push(Problem::new("condition", why));
        }
        for tag in detector.points() {
            let id = PointId::of(&self.enterprise, tag).ok();
            match id.and_then(|id| others.get(&id).or((id == point.id).then_some(point))) {
                None => {
                    let why = format!("there is no point {tag} in this enterprise");
                    problems.push(Problem::new("settings", why));
                }
                Some(other) if other.equipment != point.equipment => {
                    let why = format!(
                        "{tag} belongs to {}, and {} to {}: only points of one piece of equipment go together",
                        other.equipment,
                        point.id.tag(),
                        point.equipment
                    );
                    problems.push(Problem::new("settings", why));
                }
                Some(other)
                    if other.id == point.id
                        && self.condition_code != Condition::Expression.code() =>
                {
                    let why = format!("{tag} is the point itself: name another one");
                    problems.push(Problem::new("settings", why));
                }
                Some(_) => {}
            }
        }
        problems
    }

    /// As the host of its point takes it.
    ///
    /// # Errors
    /// When what is stored cannot be.
    pub fn configured(&self) -> Result<DetectorSettings, RegistryError> {
        let detector = self.parsed().map_err(|problems| RegistryError::Damaged {
            what: format!("detector {}", self.id),
            why: problems.into_iter().map(|p| p.why).collect::<Vec<_>>().join("; "),
        })?;
        let delays = Delays { on_ms: self.on_delay_ms, off_ms: self.off_delay_ms };
        Ok(DetectorSettings { detector, delays, level: (self.level != 0).then_some(self.level) })
    }
}

/// Every detector of an enterprise by its point, as hosts take them.
pub(crate) async fn of_enterprise(
    on: &mut dyn Connection,
    enterprise: &EnterpriseCode,
) -> Result<HashMap<PointId, Vec<DetectorSettings>>, RegistryError> {
    let mut query = record::select::<Detector>();
    query.push(" WHERE enterprise = ").push_bind(enterprise.as_str().to_owned());
    query.push(" ORDER BY id");
    let mut by_point: HashMap<PointId, Vec<DetectorSettings>> = HashMap::new();
    for detector in record::fetch::<Detector>(on, query).await? {
        by_point.entry(detector.point.clone()).or_default().push(detector.configured()?);
    }
    Ok(by_point)
}

/// Detectors of one point, by condition.
pub(crate) async fn of_point(
    on: &mut dyn Connection,
    point: &PointId,
) -> Result<Vec<Detector>, RegistryError> {
    let mut query: Statement = record::select::<Detector>();
    query.push(" WHERE point = ").push_bind(point.as_str().to_owned()).push(" ORDER BY id");
    record::fetch(on, query).await
}

impl Change<'_> {
    /// Creates or replaces a detector of a point.
    ///
    /// # Errors
    /// When it is wrong by itself or among the points of its equipment, or is not as expected.
    pub async fn put_detector(
        &mut self,
        detector: &Detector,
        expected: Expected,
    ) -> Result<Outcome, RegistryError> {
        let key = detector.point.to_string();
        let Some(point) = self.get::<Point>(&key).await? else {
            return Err(RegistryError::Missing { kind: Point::KIND, key });
        };
        let mut others = HashMap::new();
        for id in detector.looks_at() {
            if let Some(other) = self.get::<Point>(id.as_str()).await? {
                others.insert(id, other);
            }
        }
        let mut problems = detector.problems();
        problems.extend(detector.problems_among(&point, &others));
        if !problems.is_empty() {
            return Err(RegistryError::Refused(problems));
        }
        self.put(detector, expected).await
    }
}
