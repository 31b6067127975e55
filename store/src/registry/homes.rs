//! Where the alarms of a point are numbered: one host, for good.
//!
//! An alarm is known by its point, its condition and a number that its host counts. Were the point to move to another host, or be
//! deleted and made again under one, that host would count from one, and an alarm would come under a name that is taken. So a point
//! stays with its first host: equipment that has points keeps its hazard source, and a point that shall stand elsewhere gets a new tag.

use anlan_domain::ids::EnterpriseCode;

use super::column::Column as _;
use super::{Problem, RegistryError, execute, rows};
use crate::sql::{Connection, Row, Statement};

/// Points with the host that they belong to by their equipment.
const NOW: &str = "FROM points p JOIN equipment e ON e.id = p.equipment JOIN hosts n ON n.host_key = \
    CASE WHEN e.hazard IS NULL THEN 'general:' || p.enterprise ELSE 'hazard:' || e.hazard END";
/// Points that are named in a refusal.
const NAMED_MAX: i64 = 10;

/// Refuses points of an enterprise, or of all, that are not where their alarms are numbered; notes where new ones are.
pub(crate) async fn keep(
    on: &mut dyn Connection,
    enterprise: Option<&EnterpriseCode>,
) -> Result<(), RegistryError> {
    let only = |query: &mut Statement, word: &str| {
        if let Some(enterprise) = enterprise {
            query.push(word).push(" p.enterprise = ").push_bind(enterprise.as_str().to_owned());
        }
    };
    let mut moved = Statement::new("SELECT p.id AS point, w.host_key AS was ");
    moved.push(NOW).push(
        " JOIN point_homes o ON o.point = p.id JOIN hosts w ON w.no = o.host WHERE o.host <> n.no",
    );
    only(&mut moved, " AND");
    moved.push(" ORDER BY p.id LIMIT ").push_bind(NAMED_MAX);
    let problem = |row: &Row| {
        let (point, was) = (String::read(row, "point")?, String::read(row, "was")?);
        let was = match was.split_once(':') {
            Some(("hazard", code)) => format!("hazard source {code}"),
            _ => "no hazard source".to_owned(),
        };
        Ok(Problem::new(
            "hazard",
            format!(
                "{point} belongs to {was} for good, because its alarms are numbered there; make it anew under another tag"
            ),
        ))
    };
    let problems = rows(&mut *on, moved, problem).await?;
    if !problems.is_empty() {
        return Err(RegistryError::Refused(problems));
    }
    let mut note = Statement::new("INSERT INTO point_homes (point, host) SELECT p.id, n.no ");
    // What is there already is right, as was just seen.
    note.push(NOW).push(" WHERE NOT EXISTS (SELECT 1 FROM point_homes o WHERE o.point = p.id)");
    only(&mut note, " AND");
    execute(on, note).await
}
