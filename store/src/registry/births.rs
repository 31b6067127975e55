//! When points were first configured: from then on their readings are expected.
//!
//! Apart from the points themselves, because it is no wish of anybody and no import or change can state it.

use std::collections::HashMap;

use anlan_domain::ids::EnterpriseCode;
use anlan_domain::time::UtcMillis;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::{RegistryError, Scoped, engine};

/// Notes that the points of `count` numbers from `first` on were made.
pub(crate) async fn note(
    on: &mut SqliteConnection,
    first: u32,
    count: u32,
    at: UtcMillis,
) -> Result<(), RegistryError> {
    if count == 0 {
        return Ok(());
    }
    let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO point_births (point_no, made_at) ");
    query.push_values((first..).take(count as usize), |mut values, no| {
        values.push_bind(i64::from(no)).push_bind(at.0);
    });
    query.build().execute(on).await.map_err(engine("write to")).map(drop)
}

impl Scoped {
    /// When each point of an enterprise was first configured, by the point's number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn points_made_at(
        &self,
        enterprise: &EnterpriseCode,
    ) -> Result<HashMap<u32, UtcMillis>, RegistryError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT no, made_at FROM points JOIN point_births ON point_no = no WHERE ",
        );
        self.scope().restrict(&mut query, "enterprise");
        query.push(" AND enterprise = ").push_bind(enterprise.as_str().to_owned());
        let rows: Vec<(i64, i64)> = query
            .build_query_as()
            .fetch_all(self.registry().readers())
            .await
            .map_err(engine("read"))?;
        Ok(rows
            .into_iter()
            .filter_map(|(no, at)| Some((u32::try_from(no).ok()?, UtcMillis(at))))
            .collect())
    }
}
