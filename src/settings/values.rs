//! How values of settings are written out.

use std::time::Duration;

use serde::Serializer;

/// A duration as the settings take it, for example `5m`.
pub(super) fn duration<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*value))
}

/// A duration, or `off`.
pub(super) fn some_duration<S: Serializer>(
    value: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => duration(value, serializer),
        None => serializer.serialize_str("off"),
    }
}
