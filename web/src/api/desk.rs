//! What the alarm desk of the page must know of the installation.

use serde::Serialize;
use utoipa::ToSchema;

use crate::gate::{Answer, Call, Reply};

/// Settings of the alarm desk.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeskSettings {
    /// An alarm that nobody has answered is overdue (超时) after this long, by level 1 to 4, in milliseconds from its decision on.
    pub overdue_ms: [i64; 4],
}

/// `GET /desk`
pub async fn settings(call: Call) -> Answer {
    Reply::json(&DeskSettings { overdue_ms: call.options().overdue_ms })
}
