//! What `ecs-nanny config show` prints: each effective variable of the agent and each of ecs-nanny's own settings, with
//! the file and line that set it. Secrets are never shown.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::columns::columns;
use super::plan::origin;
use crate::agent_config::{Variable, mask_value};
use crate::plan::mask_config;
use crate::settings::{Loaded, Settings};

/// The number that grows when the JSON of `ecs-nanny config show` changes incompatibly.
pub const SCHEMA: u32 = 1;

/// One setting of ecs-nanny.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Setting {
    value: Value,
    /// File and line; `default` where no file set it.
    origin: String,
}

/// Both tables as the JSON of `ecs-nanny config show --format json`, a public interface.
pub fn json(environment: &BTreeMap<String, Variable>, loaded: &Loaded) -> Value {
    serde_json::json!({
        "schema": SCHEMA,
        "agent": masked(environment),
        "settings": settings(loaded),
    })
}

/// Both tables for people.
pub fn table(environment: &BTreeMap<String, Variable>, loaded: &Loaded) -> String {
    let agent: Vec<[String; 3]> = masked(environment)
        .into_iter()
        .map(|(name, variable)| {
            let origin = origin(&variable);
            [name, variable.value, origin]
        })
        .collect();
    let settings: Vec<[String; 3]> = settings(loaded)
        .into_iter()
        .map(|(key, setting)| [key, written(&setting.value), setting.origin])
        .collect();
    format!(
        "agent's environment\n{}\necs-nanny's settings\n{}",
        columns("  ", &agent),
        columns("  ", &settings)
    )
}

fn masked(environment: &BTreeMap<String, Variable>) -> BTreeMap<String, Variable> {
    let masked = environment.iter().map(|(name, variable)| {
        let value = mask_value(name, &variable.value);
        (
            name.clone(),
            Variable {
                value,
                ..variable.clone()
            },
        )
    });
    masked.collect()
}

/// Every setting by `table.key`.
fn settings(loaded: &Loaded) -> BTreeMap<String, Setting> {
    let mut shown = loaded.settings.clone();
    mask_secrets(&mut shown);
    let mut settings = BTreeMap::new();
    let tables = serde_json::json!(shown);
    for (table, keys) in tables.as_object().into_iter().flatten() {
        for (key, value) in keys.as_object().into_iter().flatten() {
            let key = format!("{table}.{key}");
            let origin = match loaded.origins.get(&key) {
                Some(place) => place.to_string(),
                None => "default".to_owned(),
            };
            let value = value.clone();
            settings.insert(key, Setting { value, origin });
        }
    }
    settings
}

fn mask_secrets(settings: &mut Settings) {
    for (name, value) in &mut settings.agent.extra_env {
        *value = mask_value(name, value);
    }
    for (name, value) in &mut settings.engine.config {
        *value = mask_config(name, std::mem::take(value));
    }
}

/// A value as the settings file would have it, near enough for people.
fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent_config::Layer;
    use crate::settings::{Document, merge};

    fn environment(value: &str) -> BTreeMap<String, Variable> {
        let variable = Variable {
            value: value.to_owned(),
            layer: Layer::User,
            path: "/etc/ecs/ecs.config".to_owned(),
            line: Some(7),
        };
        BTreeMap::from([("ECS_ENGINE_AUTH_DATA".to_owned(), variable)])
    }

    fn loaded() -> Loaded {
        merge(&[Document {
            path: "/etc/ecs-nanny/config.d/10.toml".to_owned(),
            text: "[agent]\nextra_env = { DB_PASSWORD = \"hush\" }\n[engine]\nunit = \"other.service\"\nconfig = { proxies = { http-proxy = \"http://me:hush@proxy\" } }\n".to_owned(),
        }])
        .unwrap()
    }

    #[test]
    fn each_value_names_its_file() {
        let text = table(&environment("x"), &loaded());
        let line = |name: &str| text.lines().find(|line| line.contains(name)).unwrap();
        assert!(
            line("ECS_ENGINE_AUTH_DATA").ends_with("/etc/ecs/ecs.config:7"),
            "{text}"
        );
        assert!(line("engine.unit").contains("other.service"), "{text}");
        assert!(
            line("engine.unit").contains("/etc/ecs-nanny/config.d/10.toml:4"),
            "{text}"
        );
        assert!(line("engine.socket").ends_with("default"), "{text}");
    }

    #[test]
    fn secrets_are_not_shown() {
        let (environment, loaded) = (
            environment(r#"{"https://r":{"password":"hush"}}"#),
            loaded(),
        );
        for text in [
            json(&environment, &loaded).to_string(),
            table(&environment, &loaded),
        ] {
            assert!(!text.contains("hush"), "{text}");
            assert!(text.contains("DB_PASSWORD"), "{text}");
        }
    }
}
