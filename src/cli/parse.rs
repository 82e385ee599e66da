//! Values of arguments.

use std::time::Duration;

pub(super) fn release(text: &str) -> Result<crate::checks::Version, String> {
    let numbers = text.strip_prefix("emr-").unwrap_or(text);
    crate::checks::Version::leading(numbers)
        .ok_or_else(|| "two or three numbers with dots between them, for example 7.1.0".to_owned())
}

pub(super) fn sha256(text: &str) -> Result<String, String> {
    let plain = text.strip_prefix("sha256:").unwrap_or(text);
    match plain.len() == 64 && plain.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => Ok(plain.to_ascii_lowercase()),
        false => Err("64 hexadecimal digits".to_owned()),
    }
}

pub(super) fn phase(word: &str) -> Result<crate::snapshot::Phase, String> {
    let quoted = serde_json::Value::String(word.to_owned());
    serde_json::from_value(quoted).map_err(|_| {
        "one of starting, checking, waiting, launching, registering, healthy, degraded, held, failed, draining, stopped"
            .to_owned()
    })
}

pub(super) fn span(text: &str) -> Result<Duration, String> {
    // A bare number is seconds, as `--timeout 60` of other tools.
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    humantime::parse_duration(text).map_err(|error| format!("{error}; for example 90s, 5m or 1h"))
}
