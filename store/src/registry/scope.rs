//! Whose data a person may see: one type, asked everywhere.
//!
//! A scope is a region with everything below it, or one enterprise. Administrators see everything. The SQL form and the
//! in-memory form below are the same rule; `web` uses the second on every batch of a live stream.

use std::fmt;
use std::str::FromStr;

use anlan_domain::ids::EnterpriseCode;
use anlan_domain::region::RegionCode;

use super::RegistryError;
use super::column::{Column, damaged};
use super::records::path_of;
use crate::sql::{Row, Separated, Statement};

/// What a person may see.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everything: administrators.
    Everything,
    /// A region and whatever lies below it.
    Region(RegionCode),
    /// One enterprise.
    Enterprise(EnterpriseCode),
}

impl Scope {
    /// Whether an enterprise that lies in `region` may be seen.
    #[must_use]
    pub fn covers(&self, enterprise: &EnterpriseCode, region: &RegionCode) -> bool {
        match self {
            Self::Everything => true,
            Self::Region(own) => own.covers(region),
            Self::Enterprise(own) => own == enterprise,
        }
    }

    /// Whether the whole of a region may be seen.
    #[must_use]
    pub fn covers_region(&self, region: &RegionCode) -> bool {
        match self {
            Self::Everything => true,
            Self::Region(own) => own.covers(region),
            Self::Enterprise(_) => false,
        }
    }

    /// Adds the condition that `column` (an enterprise code) is in scope.
    pub(crate) fn restrict(&self, query: &mut Statement, column: &str) {
        match self {
            Self::Everything => {
                query.push("1 = 1");
            }
            Self::Region(code) => {
                query
                    .push(column)
                    .push(" IN (SELECT e.code FROM enterprises e JOIN regions r ON r.code = e.region WHERE ");
                below(query, "r.path", code);
                query.push(")");
            }
            Self::Enterprise(code) => {
                query.push(column).push(" = ").push_bind(code.as_str().to_owned());
            }
        }
    }
}

/// Adds the condition that a path lies at or below a region. A range rather than LIKE: it uses the index on every engine.
pub(crate) fn below(query: &mut Statement, column: &str, region: &RegionCode) {
    let from = path_of(region);
    // '0' is the character after '/'.
    let to = format!("{}0", from.trim_end_matches('/'));
    query.push(format_args!("({column} >= ")).push_bind(from);
    query.push(format_args!(" AND {column} < ")).push_bind(to).push(")");
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Region(code) => write!(f, "region:{code}"),
            Self::Enterprise(code) => write!(f, "enterprise:{code}"),
        }
    }
}

impl FromStr for Scope {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "everything" => Ok(Self::Everything),
            Some(("region", code)) => {
                RegionCode::new(code).map(Self::Region).map_err(|e| e.to_string())
            }
            Some(("enterprise", code)) => {
                EnterpriseCode::new(code).map(Self::Enterprise).map_err(|e| e.to_string())
            }
            _ => Err(format!("{text:?} is no scope: region:CODE, enterprise:CODE or everything")),
        }
    }
}

impl Column for Scope {
    fn bind_to(&self, to: &mut Separated<'_>) {
        to.push_bind(self.to_string());
    }
    fn read(row: &Row, column: &'static str) -> Result<Self, RegistryError> {
        String::read(row, column)?.parse().map_err(|why: String| damaged(column, why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_covers_what_lies_below_it_and_nothing_else() {
        let enterprise = EnterpriseCode::new("410205001").unwrap();
        let park = RegionCode::new("410205P01").unwrap();
        for (scope, covered) in [
            ("everything", true),
            ("region:410000", true),
            ("region:410205", true),
            ("region:410205P01", true),
            ("region:410205P02", false),
            ("region:410100", false),
            ("enterprise:410205001", true),
            ("enterprise:410205002", false),
        ] {
            let scope: Scope = scope.parse().unwrap();
            assert_eq!(scope.covers(&enterprise, &park), covered, "{scope}");
        }
    }
}
