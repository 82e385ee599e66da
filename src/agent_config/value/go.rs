//! Values as Go's standard library reads them.

use std::time::Duration;

/// `strconv.ParseBool`.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// `time.ParseDuration`, for spans that are not negative: numbers with a fraction or without, each with its unit.
/// A bare number is none, but for 0.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(digits);
        let letters = behind
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(behind.len());
        let (unit, next) = behind.split_at(letters);
        let unit = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        // Rust reads "." as no number and "1.", ".5" as Go does.
        let part = number.parse::<f64>().ok()? * unit;
        total = total.checked_add(Duration::try_from_secs_f64(part).ok()?)?;
        rest = next;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, seconds) in [
            ("10m", Some(600.0)),
            ("1h30m", Some(5400.0)),
            ("1.5h", Some(5400.0)),
            ("+.5s", Some(0.5)),
            ("100ms", Some(0.1)),
            ("3µs", Some(3e-6)),
            ("0", Some(0.0)),
            ("10", None),
            ("", None),
            ("+", None),
            ("m", None),
            (".s", None),
            ("1 h", None),
            ("1d", None),
            ("10min", None),
            ("-5s", None),
            ("99999999999999999999h", None),
        ] {
            assert_eq!(
                duration(text).map(|read| read.as_secs_f64()),
                seconds,
                "{text}"
            );
        }
    }

    #[test]
    fn truth_is_that_of_go() {
        assert_eq!(boolean("True"), Some(true));
        assert_eq!(boolean("F"), Some(false));
        for text in ["yes", "on", "tRUE", "", " true"] {
            assert_eq!(boolean(text), None, "{text}");
        }
    }
}
