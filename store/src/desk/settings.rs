//! Rules and ladder: every version is kept, with who made it, when and why.

use anlan_domain::time::UtcMillis;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{DeskError, DeskStore, doc, execute, get, json, rows, time};
use crate::sql::Statement;

/// What is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Which alarms make which warning.
    Rules,
    /// Who is called.
    Ladder,
}

impl What {
    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Ladder => "ladder",
        }
    }
}

/// One version.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved<T> {
    /// Counted from 1; 0 is what is shipped.
    pub version: u32,
    /// The setting.
    pub value: T,
    /// Who, by user name.
    pub by: String,
    /// When.
    pub at: UtcMillis,
    /// Why.
    pub reason: String,
}

impl DeskStore {
    /// The newest version; `None` while what is shipped was never changed.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn setting<T: DeserializeOwned + Send>(
        &self,
        what: What,
    ) -> Result<Option<Saved<T>>, DeskError> {
        Ok(self.versions(what, 1).await?.pop())
    }

    /// The newest versions, the newest first.
    ///
    /// # Errors
    /// When the database fails or is damaged.
    pub async fn versions<T: DeserializeOwned + Send>(
        &self,
        what: What,
        limit: u32,
    ) -> Result<Vec<Saved<T>>, DeskError> {
        let mut on = self.reading().await?;
        let newest = Statement::new(
            "SELECT version, doc, by_whom, at, reason FROM desk_settings WHERE what = $1 ORDER BY version DESC LIMIT $2",
        )
        .bind(what.code())
        .bind(i64::from(limit));
        rows(&mut *on, newest, |row| {
            Ok(Saved {
                version: u32::try_from(get::<i64>(row, "version")?).unwrap_or(u32::MAX),
                value: doc(row, "doc", what.code())?,
                by: get(row, "by_whom")?,
                at: time(row, "at")?,
                reason: get(row, "reason")?,
            })
        })
        .await
    }

    /// Saves a version after `saved.version`, which the person who made it had before them.
    ///
    /// # Errors
    /// [`DeskError::ChangedMeanwhile`] where another version came between; when the database fails.
    pub async fn save<T: Serialize + Sync>(
        &self,
        what: What,
        saved: &Saved<T>,
    ) -> Result<u32, DeskError> {
        let mut tx = self.writing().await?;
        let newest = Statement::new(
            "SELECT COALESCE(MAX(version), 0) AS version FROM desk_settings WHERE what = $1",
        );
        let newest = rows(&mut *tx, newest.bind(what.code()), |row| get::<i64>(row, "version"));
        let newest = newest.await?.first().copied().unwrap_or(0);
        let version = u32::try_from(newest).unwrap_or(u32::MAX);
        if version != saved.version {
            return Err(DeskError::ChangedMeanwhile { what: what.code(), version });
        }
        let row = Statement::new(
            "INSERT INTO desk_settings (what, version, doc, by_whom, at, reason) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(what.code())
        .bind(newest + 1)
        .bind(json(&saved.value))
        .bind(saved.by.as_str())
        .bind(saved.at.0)
        .bind(saved.reason.as_str());
        execute(&mut *tx, row).await?;
        tx.commit().await.map_err(super::engine("write to"))?;
        Ok(version + 1)
    }
}
