//! The audit log: who did what to which object, from where, written in the transaction of the deed itself.

use anlan_domain::time::UtcMillis;

use super::column::Column;
use super::record::next_number;
use super::{Doer, Registry, RegistryError, engine, execute, rows};
use crate::sql::{Connection, Statement};

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Place in the log.
    pub no: u32,
    /// When.
    pub at: UtcMillis,
    /// User name, or the command that acted (`import`).
    pub who: String,
    /// `create`, `change`, `delete`, `limits`, `sign_in`, `sign_in_failed`, `sign_out`, `acknowledge` …
    pub action: String,
    /// Kind and key of the object.
    pub object: String,
    /// What changed.
    pub detail: String,
    /// Network address of the person.
    pub address: String,
}

/// What to look for.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Not before.
    pub from: Option<UtcMillis>,
    /// Not after.
    pub to: Option<UtcMillis>,
    /// By whom.
    pub who: Option<String>,
    /// Text in object or detail.
    pub text: Option<String>,
    /// Entries before this number.
    pub before: Option<u32>,
    /// At most.
    pub limit: u32,
}

/// Longest detail that is kept: an audit log is read, not restored from.
const DETAIL_CHARS_MAX: usize = 2_000;

/// The same text with `***` for what stands before the `@` of an address: cameras are reached by
/// `rtsp://user:password@host`, and far more people read this log than may see a password. Done here, where every entry
/// passes, so that no new field can forget it. Rather too much is hidden than too little: passwords with `/` or `@` in
/// them are common and are not encoded by those who type them.
fn without_credentials(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, address) = rest.split_at(at + 3);
        out.push_str(before);
        let mut escaped = false;
        let end = address
            .find(|c: char| {
                // Differences are told in quotes, with the quotes inside escaped.
                let ends = !escaped && (c.is_whitespace() || c == '"');
                escaped = !escaped && c == '\\';
                ends
            })
            .unwrap_or(address.len());
        let (address, after) = address.split_at(end);
        match address.rfind('@') {
            Some(at) => {
                out.push_str("***");
                out.push_str(&address[at..]);
            }
            None => out.push_str(address),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

pub(crate) async fn write(
    on: &mut dyn Connection,
    by: &Doer,
    at: UtcMillis,
    action: &str,
    object: &str,
    detail: &str,
) -> Result<(), RegistryError> {
    let no = next_number(on, "audit").await?;
    let detail: String = without_credentials(detail).chars().take(DETAIL_CHARS_MAX).collect();
    let entry = Statement::new(
        "INSERT INTO audit (no, made_at, who, action, object, detail, address)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(i64::from(no))
    .bind(at.0)
    .bind(by.name.as_str())
    .bind(action)
    .bind(object)
    .bind(detail)
    .bind(by.address.as_str());
    execute(on, entry).await
}

impl Registry {
    /// Writes an entry that belongs to no change of the registry (an acknowledgement, a command to the simulator).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note(
        &self,
        by: &Doer,
        at: UtcMillis,
        action: &str,
        object: &str,
        detail: &str,
    ) -> Result<(), RegistryError> {
        let mut on = self.writing().await?;
        write(&mut *on, by, at, action, object, detail).await?;
        on.commit().await.map_err(engine("write to"))
    }

    /// Entries, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, RegistryError> {
        let mut query = Statement::new("SELECT * FROM audit WHERE 1 = 1");
        if let Some(from) = filter.from {
            query.push(" AND made_at >= ").push_bind(from.0);
        }
        if let Some(to) = filter.to {
            query.push(" AND made_at <= ").push_bind(to.0);
        }
        if let Some(who) = &filter.who {
            query.push(" AND who = ").push_bind(who.clone());
        }
        if let Some(text) = &filter.text {
            let like = super::scoped::like(text);
            query.push(" AND (object LIKE ").push_bind(like.clone()).push(" ESCAPE '!'");
            query.push(" OR detail LIKE ").push_bind(like).push(" ESCAPE '!')");
        }
        if let Some(before) = filter.before {
            query.push(" AND no < ").push_bind(i64::from(before));
        }
        query.push(" ORDER BY no DESC LIMIT ").push_bind(i64::from(filter.limit));
        let mut on = self.reading().await?;
        rows(&mut *on, query, |row| {
            Ok(AuditEntry {
                no: u32::read(row, "no")?,
                at: UtcMillis(i64::read(row, "made_at")?),
                who: String::read(row, "who")?,
                action: String::read(row, "action")?,
                object: String::read(row, "object")?,
                detail: String::read(row, "detail")?,
                address: String::read(row, "address")?,
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::without_credentials;

    #[test]
    fn no_password_of_an_address_is_left() {
        let difference = |before: &str, after: &str| format!("url: {before:?} → {after:?}");
        for (before, after, expected) in [
            (
                "rtsp://user:pw@10.0.0.9/1",
                "rtsp://user:new@10.0.0.9/1",
                "url: \"rtsp://***@10.0.0.9/1\" → \"rtsp://***@10.0.0.9/1\"",
            ),
            ("", "rtsp://a:p@ss/w@h/2", "url: \"\" → \"rtsp://***@h/2\""),
            ("", "rtsp://a:p\"q@h/2", "url: \"\" → \"rtsp://***@h/2\""),
            ("rtsp://h/1", "http://h/2 x@y", "url: \"rtsp://h/1\" → \"http://h/2 x@y\""),
        ] {
            assert_eq!(without_credentials(&difference(before, after)), expected);
        }
        for text in ["", "://", "a: 1 → 2; mail x@y", "://@"] {
            assert_eq!(without_credentials(text).replace("***", ""), text);
        }
    }
}
