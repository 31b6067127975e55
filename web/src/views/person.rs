//! A person as they are sent, and where they may act.

use anlan_store::registry::Scope;
use anlan_store::registry::people::{User as UserRecord, role_code};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a person may act.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScopeBody {
    /// Region code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Enterprise code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise: Option<String>,
}

impl From<&Scope> for ScopeBody {
    fn from(scope: &Scope) -> Self {
        match scope {
            Scope::Everything => Self::default(),
            Scope::Region(code) => Self { region: Some(code.to_string()), enterprise: None },
            Scope::Enterprise(code) => Self { region: None, enterprise: Some(code.to_string()) },
        }
    }
}

/// A person.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct User {
    /// Name by which they sign in.
    pub username: String,
    /// 姓名
    pub name: String,
    /// `officer`, `enterprise_manager`, `enterprise_responder`, `administrator`, `tester`.
    pub role: &'static str,
    /// Where.
    pub scope: ScopeBody,
    /// Until when the name is locked; for administrators only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked_until: Option<i64>,
    /// Version.
    pub version: u32,
}

impl User {
    /// From the record.
    pub fn of(user: &UserRecord, locked_until: Option<i64>) -> Self {
        Self {
            username: user.username.to_string(),
            name: user.name.clone(),
            role: role_code(user.role),
            scope: (&user.scope).into(),
            locked_until,
            version: user.meta.version,
        }
    }
}
