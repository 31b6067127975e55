//! Percent-encoding (RFC 3986): all but letters, digits, `-`, `.`, `_` and `~`, so that a value can stand anywhere in a URL
//! or form and a space is never a `+`.

use std::fmt::Write as _;

/// The text, encoded.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for &octet in text.as_bytes() {
        if octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(octet));
        } else {
            write!(out, "%{octet:02X}").expect("writing to a String does not fail");
        }
    }
    out
}

/// `a=1&b=2`, names and values encoded, in the given order.
#[must_use]
pub fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let encoded =
        pairs.into_iter().map(|(name, value)| format!("{}={}", encode(name), encode(&value)));
    encoded.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_stay() {
        assert_eq!(encode("aZ09-._~"), "aZ09-._~");
        assert_eq!(encode("a b+c&d=e/超"), "a%20b%2Bc%26d%3De%2F%E8%B6%85");
        assert_eq!(pairs([("a", "1&2".to_owned()), ("é", String::new())]), "a=1%262&%C3%A9=");
    }
}
