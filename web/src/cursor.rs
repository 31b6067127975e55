//! Cursors: opaque to whoever gets one, refused when they were not given out.

use anlan_store::state::AlarmSeq;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::problem::Problem;

/// A place in the alarm log.
#[must_use]
pub fn of_alarm(seq: AlarmSeq) -> String {
    of_text(&format!("a{}", seq.0))
}

/// Reads a place in the alarm log.
///
/// # Errors
/// When it was not given out.
pub fn alarm(text: &str) -> Result<AlarmSeq, Problem> {
    let seq = self::text(text)?.strip_prefix('a').and_then(|n| n.parse().ok());
    seq.map(AlarmSeq).ok_or_else(bad)
}

/// The key after which the next page of a list begins.
#[must_use]
pub fn of_text(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

/// Reads the key of a page.
///
/// # Errors
/// When it was not given out.
pub fn text(cursor: &str) -> Result<String, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad())?;
    String::from_utf8(bytes).map_err(|_| bad())
}

fn bad() -> Problem {
    Problem::bad_request("cursor", "This is no cursor that was given out")
}
