//! `[engine.config]`: Docker's own configuration, in its own keys.

use serde_json::{Map, Value};

use super::check::{Complaint, complain};

/// The top of Docker's configuration.
pub type DockerConfig = Map<String, Value>;

/// A later configuration over an earlier one, key by key. As for Docker itself, a list is one value: the later list takes
/// the place of the earlier one. Tables are merged entry by entry.
pub fn overlaid(mut earlier: DockerConfig, later: &DockerConfig) -> DockerConfig {
    for (key, value) in later {
        match (earlier.get_mut(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                *old = overlaid(std::mem::take(old), new);
            }
            _ => {
                earlier.insert(key.clone(), value.clone());
            }
        }
    }
    earlier
}

/// A table as JSON, which has no times.
pub(super) fn docker_config(value: toml::Table) -> Result<DockerConfig, Complaint> {
    if let Some(time) = value.values().find_map(time_in) {
        return complain(
            &time,
            "values that JSON has: text, numbers, true and false, lists and tables",
            "put the time in quotes",
        );
    }
    match serde_json::to_value(&value) {
        Ok(Value::Object(table)) => Ok(table),
        // A number that is not finite.
        _ => complain("a table", "numbers that JSON has", "remove inf and nan"),
    }
}

fn time_in(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::Datetime(time) => Some(time.to_string()),
        toml::Value::Array(items) => items.iter().find_map(time_in),
        toml::Value::Table(items) => items.values().find_map(time_in),
        _ => None,
    }
}
