//! The registry as the alarm desk looks at it: who can be called, and what places and points are called.

use std::collections::BTreeMap;

use anlan_actors::desk::people::{DeskDirectory, Names, PeopleBook};
use anlan_actors::directory::DirectoryError;
use anlan_domain::alarm::AlarmId;
use anlan_domain::ids::{PointId, UserName};
use anlan_domain::roster::UnitId;
use anlan_domain::time::UtcMillis;
use anlan_domain::warning::Place;
use anlan_store::registry::{Registry, Scope};

/// The registry.
pub struct RegistryPeople(pub Registry);

fn failed(error: impl std::fmt::Display) -> DirectoryError {
    DirectoryError(error.to_string())
}

#[async_trait::async_trait]
impl DeskDirectory for RegistryPeople {
    async fn people(&self) -> Result<PeopleBook, DirectoryError> {
        let duty = self.0.duty_book().await.map_err(failed)?;
        let outline = self.0.outline().await.map_err(failed)?;
        // Whether a name is locked does not matter here, so any time will do.
        let users = self.0.users(UtcMillis(0)).await.map_err(failed)?;
        let mut by_unit: BTreeMap<UnitId, Vec<UserName>> = BTreeMap::new();
        let mut administrators = Vec::new();
        for (user, _) in users {
            match user.scope {
                Scope::Everything => administrators.push(user.username),
                // Whoever drives the simulator is nobody's duty officer.
                _ if user.role == anlan_domain::ids::Role::Tester => {}
                Scope::Region(code) => {
                    by_unit.entry(UnitId::Region(code)).or_default().push(user.username);
                }
                Scope::Enterprise(code) => {
                    by_unit.entry(UnitId::Enterprise(code)).or_default().push(user.username);
                }
            }
        }
        let regions = outline.enterprises.into_iter().map(|e| (e.code, e.region)).collect();
        Ok(PeopleBook { duty, regions, users: by_unit, administrators })
    }

    async fn names(&self, place: &Place, alarm: Option<&AlarmId>) -> Result<Names, DirectoryError> {
        let all = self.0.scoped(Scope::Everything);
        let mut names = Names::default();
        if let Some(code) = &place.enterprise
            && let Some(enterprise) = all.enterprise(code).await.map_err(failed)?
        {
            let regions = all.regions().await.map_err(failed)?;
            let park = regions.into_iter().find(|region| region.code == enterprise.region);
            names.park = park.map(|region| region.name_zh).unwrap_or_default();
            names.enterprise = enterprise.name_zh;
        }
        if let Some(code) = &place.hazard {
            let hazard = all.hazard(code).await.map_err(failed)?;
            names.hazard_source = hazard.map(|hazard| hazard.name_zh).unwrap_or_default();
        }
        let point = match alarm.and_then(|alarm| PointId::new(&alarm.subject.0).ok()) {
            Some(id) => all.point(&id).await.map_err(failed)?,
            None => None,
        };
        let equipment =
            point.as_ref().map(|p| p.equipment.clone()).or_else(|| place.equipment.clone());
        if let Some(id) = &equipment {
            let equipment = all.equipment_of(id).await.map_err(failed)?;
            names.equipment = equipment.map(|equipment| equipment.name_zh).unwrap_or_default();
        }
        match (point, alarm) {
            (Some(point), _) => {
                names.tag = point.id.tag().to_owned();
                names.point = point.name_zh;
                names.unit = point.unit;
            }
            (None, Some(alarm)) => names.point = alarm.subject.0.to_string(),
            (None, None) => {}
        }
        Ok(names)
    }
}
