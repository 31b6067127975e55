//! When points were first configured: from then on their readings are expected.
//!
//! Apart from the points themselves, because it is no wish of anybody and no import or change can state it.

use std::collections::HashMap;

use anlan_domain::ids::EnterpriseCode;
use anlan_domain::time::UtcMillis;

use super::column::Column as _;
use super::{RegistryError, Scoped, execute, rows};
use crate::sql::{Connection, Statement};

/// Notes that the points of `count` numbers from `first` on were made.
pub(crate) async fn note(
    on: &mut dyn Connection,
    first: u32,
    count: u32,
    at: UtcMillis,
) -> Result<(), RegistryError> {
    if count == 0 {
        return Ok(());
    }
    let mut query = Statement::new("INSERT INTO point_births (point_no, made_at) ");
    query.push_values((first..).take(count as usize), |values, no| {
        values.push_bind(i64::from(no)).push_bind(at.0);
    });
    execute(on, query).await
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
        let mut query = Statement::new(
            "SELECT no, made_at FROM points JOIN point_births ON point_no = no WHERE ",
        );
        self.scope().restrict(&mut query, "enterprise");
        query.push(" AND enterprise = ").push_bind(enterprise.as_str().to_owned());
        let mut on = self.registry().reading().await?;
        let made = rows(&mut *on, query, |row| {
            Ok((u32::read(row, "no")?, UtcMillis(i64::read(row, "made_at")?)))
        });
        Ok(made.await?.into_iter().collect())
    }
}
