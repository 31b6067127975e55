//! Passwords and keys: named in the configuration, kept in a file or the environment, and never shown.

use std::fmt;
use std::path::PathBuf;

/// Where a secret is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// The first line of a file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
}

impl SecretSource {
    /// Reads it.
    ///
    /// # Errors
    /// A sentence that names file or variable, and nothing of what is in it.
    pub fn read(&self) -> Result<Secret, String> {
        let (text, place) = match self {
            Self::File(path) => {
                let place = path.display().to_string();
                (
                    std::fs::read_to_string(path)
                        .map_err(|e| format!("cannot read {place}: {e}"))?,
                    place,
                )
            }
            Self::Environment(name) => {
                let place = format!("environment variable {name}");
                (
                    std::env::var(name)
                        .map_err(|_| format!("{place} is not set, or is no text"))?,
                    place,
                )
            }
        };
        let line = text.lines().next().unwrap_or_default().trim();
        if line.is_empty() { Err(format!("{place} is empty")) } else { Ok(Secret(line.to_owned())) }
    }
}

/// A password, key or PIN. Printing it prints that there is one.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps what must not be shown.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one place that sends it or signs with it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_first_line_and_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("smtp.password");
        std::fs::write(&path, "  tr0ub4dor \nsecond line\n").unwrap();
        let secret = SecretSource::File(path).read().unwrap();
        assert_eq!(secret.expose(), "tr0ub4dor");
        assert!(!format!("{secret:?}").contains("tr0ub4dor"));
    }

    #[test]
    fn what_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty");
        std::fs::write(&empty, "\n").unwrap();
        assert!(SecretSource::File(empty).read().unwrap_err().ends_with("empty is empty"));
        let error = SecretSource::File(folder.path().join("none")).read().unwrap_err();
        assert!(error.contains("none") && error.contains("cannot read"), "{error}");
        let error = SecretSource::Environment("ANLAN_NOT_SET".into()).read().unwrap_err();
        assert_eq!(error, "environment variable ANLAN_NOT_SET is not set, or is no text");
    }
}
