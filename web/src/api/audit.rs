//! The audit log, for administrators.

use anlan_domain::time::UtcMillis;
use anlan_store::registry::audit::AuditFilter;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::cursor;
use crate::gate::{Answer, Call, Reply};
use crate::problem::Problem;

/// One entry.
#[derive(Serialize, ToSchema)]
pub struct Entry {
    /// When.
    at: i64,
    /// Who.
    who: String,
    /// What was done.
    action: String,
    /// To what.
    object: String,
    /// What changed.
    detail: String,
    /// From where.
    address: String,
}

#[derive(Deserialize)]
struct AuditQuery {
    from: Option<i64>,
    to: Option<i64>,
    who: Option<String>,
    q: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

/// `GET /audit`
pub async fn list(call: Call) -> Answer {
    let query: AuditQuery = call.query()?;
    let limit = query.limit.unwrap_or(100).clamp(1, 500);
    let before =
        match query.cursor.as_deref().filter(|c| !c.is_empty()) {
            Some(cursor) => Some(cursor::text(cursor)?.parse().map_err(|_| {
                Problem::bad_request("cursor", "This is no cursor that was given out")
            })?),
            None => None,
        };
    let filter = AuditFilter {
        from: query.from.map(UtcMillis),
        to: query.to.map(UtcMillis),
        who: query.who.filter(|w| !w.is_empty()),
        text: query.q.filter(|q| !q.trim().is_empty()),
        before,
        limit,
    };
    let entries = call.audit(&filter).await?;
    let full = entries.len() == limit as usize;
    let next = entries.last().filter(|_| full).map(|last| cursor::of_text(&last.no.to_string()));
    let items: Vec<_> = entries
        .into_iter()
        .map(|e| Entry {
            at: e.at.0,
            who: e.who,
            action: e.action,
            object: e.object,
            detail: e.detail,
            address: e.address,
        })
        .collect();
    Reply::page(&items, next)
}
