//! Import and export of the registry as a folder of CSV tables and a GeoJSON map: the plant's way in, and out again.
//!
//! Import reads everything, names every problem with file, line and column, and then writes all or nothing in one
//! transaction. What is there already in the same form is left alone, so importing twice changes nothing; what is not in
//! the files stays as it is. `docs/import.md` describes the tables. Users come in for the first time this way where that
//! is allowed; they never go out.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anlan_domain::ids::PointId;
use anlan_domain::limits::Limits;
use anlan_domain::time::UtcMillis;

use super::detectors::Detector;
use super::people::User;
use super::records::{
    Camera, Enterprise, Equipment, Gateway, HazardSource, MapFeature, Point, Region,
};
use super::{Change, Doer, Expected, Outcome, Record, Registry, RegistryError};

mod duty;
mod export;
mod map;
mod plant;
mod table;

use plant::Plant;

pub use export::feature as geojson_of;
pub use map::parse as feature_of;

/// Turns a password into an argon2id PHC string.
pub type Hasher = dyn Fn(&str) -> Result<String, String> + Send + Sync;

/// How to import.
#[derive(Clone, Copy)]
pub struct ImportOptions<'a> {
    /// Length of enterprise codes in this installation: 9 or 11.
    pub enterprise_code_length: usize,
    /// Takes `users.csv`, with this hasher for its passwords. `None` refuses such a file: bootstrap and demo only.
    pub users: Option<&'a Hasher>,
    /// Told how many of how many objects are written.
    pub progress: Option<&'a (dyn Fn(usize, usize) + Send + Sync)>,
    /// Now.
    pub at: UtcMillis,
}

/// What an import did, by table: created, changed, left as they were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Table → (created, changed, same).
    pub tables: BTreeMap<&'static str, (usize, usize, usize)>,
}

impl Report {
    /// Whether anything was written.
    #[must_use]
    pub fn changed_anything(&self) -> bool {
        self.tables.values().any(|(created, changed, _)| created + changed > 0)
    }

    fn count(&mut self, table: &'static str, outcome: Outcome) {
        let (created, changed, same) = self.tables.entry(table).or_default();
        *match outcome {
            Outcome::Created => created,
            Outcome::Changed => changed,
            Outcome::Same => same,
        } += 1;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (table, (created, changed, same)) in &self.tables {
            writeln!(f, "{table}: {created} created, {changed} changed, {same} as they were")?;
        }
        Ok(())
    }
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Every problem found, each as `file:line: column: what and what to do`.
    #[error("{}", .0.join("\n"))]
    Problems(Vec<String>),
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// Why the export is not complete.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A file could not be written.
    #[error("cannot write {path}")]
    File {
        /// Which one.
        path: std::path::PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
}

impl Registry {
    /// Imports a folder: all of it or nothing.
    ///
    /// # Errors
    /// With every problem of the files, or when the registry fails.
    pub async fn import(
        &self,
        dir: &Path,
        options: ImportOptions<'_>,
    ) -> Result<Report, ImportError> {
        let mut change = self.change(Doer::command("import"), options.at).await?.in_bulk();
        let plant = plant::read(dir, &mut change, &options).await?;
        let mut report = Report::default();
        write(&mut change, plant, &options, &mut report).await?;
        if report.changed_anything() {
            let detail = report.to_string();
            change.audit("import", "registry", detail.trim_end()).await?;
            change.touches_rights();
            change.touches_duty();
            change.commit().await?;
        }
        Ok(report)
    }

    /// Writes everything but users as a folder that [`Registry::import`] takes.
    ///
    /// # Errors
    /// When the registry fails or a file cannot be written.
    pub async fn export(&self, dir: &Path) -> Result<(), ExportError> {
        export::write(self, dir).await
    }
}

struct Writer<'a, 'b, 'c> {
    change: &'a mut Change<'b>,
    report: &'a mut Report,
    progress: Option<&'c (dyn Fn(usize, usize) + Send + Sync)>,
    done: usize,
    total: usize,
}

impl Writer<'_, '_, '_> {
    async fn put<R: Record>(&mut self, records: &[R]) -> Result<(), ImportError> {
        let Self { change, report, progress, done, total } = self;
        let each = |outcome| {
            report.count(R::TABLE, outcome);
            *done += 1;
            progress.inspect(|progress| progress(*done, *total));
        };
        change.put_all(records, each).await.map_err(not_seen_in_files)
    }

    async fn put_limits(&mut self, limits: &[(PointId, Limits)]) -> Result<(), ImportError> {
        let Self { change, report, progress, done, total } = self;
        let each = |outcome| {
            report.count("limits", outcome);
            *done += 1;
            progress.inspect(|progress| progress(*done, *total));
        };
        change.put_all_limits(limits, each).await.map_err(not_seen_in_files)
    }

    fn counted(&mut self, table: &'static str, outcome: Outcome) {
        self.report.count(table, outcome);
        self.done += 1;
        if let Some(progress) = self.progress {
            progress(self.done, self.total);
        }
    }
}

/// The files were checked as a whole before; what is refused now depends on what was there.
fn not_seen_in_files(error: RegistryError) -> ImportError {
    match error {
        RegistryError::Refused(problems) => ImportError::Problems(
            problems.into_iter().map(|p| format!("registry: {}: {}", p.field, p.why)).collect(),
        ),
        other => other.into(),
    }
}

async fn write(
    change: &mut Change<'_>,
    plant: Plant,
    options: &ImportOptions<'_>,
    report: &mut Report,
) -> Result<(), ImportError> {
    let total = plant.len();
    let mut writer = Writer { change, report, progress: options.progress, done: 0, total };
    writer.put::<Region>(&plant.regions).await?;
    writer.put::<Enterprise>(&plant.enterprises).await?;
    writer.put::<HazardSource>(&plant.hazards).await?;
    writer.put::<Equipment>(&plant.equipment).await?;
    writer.put::<Gateway>(&plant.gateways).await?;
    writer.put::<Point>(&plant.points).await?;
    writer.put_limits(&plant.limits).await?;
    writer.put::<Detector>(&plant.detectors).await?;
    writer.put::<Camera>(&plant.cameras).await?;
    writer.put::<MapFeature>(&plant.map).await?;
    for (user, password) in &plant.users {
        // Somebody who is there keeps the password that they have.
        let present: Option<User> = writer.change.get(user.username.as_str()).await?;
        let password_hash = match (present, options.users) {
            (Some(present), _) => present.password_hash,
            (None, Some(hash)) => hash(password).map_err(|why| ImportError::Problems(vec![why]))?,
            (None, None) => unreachable!("users are read only where a hasher is given"),
        };
        let user = User { password_hash, ..user.clone() };
        let outcome =
            writer.change.put_user(&user, Expected::Any).await.map_err(not_seen_in_files)?;
        writer.counted("users", outcome);
    }
    duty::write(&mut writer, &plant.duty).await
}
