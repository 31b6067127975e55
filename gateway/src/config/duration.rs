//! Durations as people write them: `250ms`, `3s`, `10m`, `2h`.

use std::time::Duration;

/// Reads a duration; a fraction is allowed (`1.5s`).
///
/// # Errors
/// A sentence that says how to write one.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let bad = || {
        format!(
            "{text:?} is no duration; write a number and ms, s, m or h, for example \"500ms\" or \"3s\""
        )
    };
    let split = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(bad)?;
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err(bad()),
    };
    let number: f64 = number.trim().parse().map_err(|_| bad())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| bad())
}

/// Reads a duration that may be negative, in milliseconds.
///
/// # Errors
/// As [`parse_duration`].
pub fn parse_signed_millis(text: &str) -> Result<i64, String> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let millis = parse_duration(rest)?.as_millis();
    i64::try_from(millis).map(|ms| sign * ms).map_err(|_| format!("{text:?} is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        for (text, ms) in [
            ("250ms", 250),
            ("3s", 3_000),
            ("1.5s", 1_500),
            ("10m", 600_000),
            ("2h", 7_200_000),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for bad in ["", "3", "s", "3 days", "-1s", "1e99h", "NaNs"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_signed_millis("-10m"), Ok(-600_000));
        assert_eq!(parse_signed_millis("1h"), Ok(3_600_000));
    }
}
