use std::collections::BTreeSet;

use super::*;
use crate::settings::{EngineBackend, OnFailed};

fn document(path: &str, text: &str) -> Document {
    Document {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

#[test]
fn later_documents_win_key_by_key() {
    let loaded = merge(&[
        document(
            "/usr/lib/a.toml",
            "[engine]\nbackend = \"child\"\nsocket = \"/a\"\n",
        ),
        document(
            "/etc/b.toml",
            "[engine]\nsocket = \"/b\"\n[run]\non_failed = \"exit\"\n",
        ),
    ])
    .unwrap();
    assert_eq!(loaded.settings.engine.backend, EngineBackend::Child);
    assert_eq!(loaded.settings.engine.socket, "/b");
    assert_eq!(loaded.settings.run.on_failed, OnFailed::Exit);
    assert_eq!(
        loaded.origins["engine.backend"].to_string(),
        "/usr/lib/a.toml:2:11"
    );
    assert_eq!(
        loaded.origins["engine.socket"].to_string(),
        "/etc/b.toml:2:10"
    );
    assert!(!loaded.origins.contains_key("engine.unit"));
}

#[test]
fn every_problem_is_told_with_its_line() {
    let error = merge(&[
        document(
            "/etc/a.toml",
            "[agent]\nstop_grace = \"soon\"\ntarball = \"x.tar\"\n",
        ),
        document("/etc/b.toml", "[agnet]\n"),
        document("/etc/c.toml", "[health]\ntcp = \"0.0.0.0:1\"\n"),
    ])
    .unwrap_err();
    let told = error.to_string();
    for part in [
        "/etc/a.toml:2:14: agent.stop_grace is \"soon\"; wanted: a time span",
        "/etc/a.toml:3:11: agent.tarball is \"x.tar\"",
        "/etc/b.toml:1:2: unknown field `agnet`",
        "/etc/c.toml:2:7: health.tcp is \"0.0.0.0:1\"",
    ] {
        assert!(told.contains(part), "{part:?} is not in:\n{told}");
    }
}

#[test]
fn no_document_gives_the_defaults() {
    assert_eq!(merge(&[]).unwrap().settings, Settings::default());
}

#[test]
fn the_packaged_fragment_holds_the_defaults() {
    let text = include_str!("../../../packaging/config.d/00-defaults.toml");
    let loaded = merge(&[document("00-defaults.toml", text)]).unwrap();
    assert_eq!(loaded.settings, Settings::default());
}

#[test]
fn the_documentation_has_every_setting_with_its_default() {
    let rows: Vec<(&str, &str)> = include_str!("../../../docs/settings.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .collect();
    let documented: BTreeSet<&str> = rows
        .iter()
        .flat_map(|(keys, _)| keys.split("`, `"))
        .collect();
    let settings = serde_json::to_value(Settings::default()).unwrap();
    let known: BTreeSet<String> = settings
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(section, keys)| {
            let keys = keys.as_object().unwrap().keys();
            keys.map(move |key| format!("{section}.{key}"))
        })
        .collect();
    assert_eq!(documented, known.iter().map(String::as_str).collect());
    let defaults: String = rows
        .iter()
        .filter_map(|(key, rest)| {
            let default = rest.strip_prefix('`')?.split_once('`')?.0;
            Some(format!("{key} = {default}\n"))
        })
        .collect();
    let loaded = merge(&[document("settings.md", &defaults)]).unwrap();
    assert_eq!(loaded.settings, Settings::default());
    assert!(loaded.origins.len() > 40, "{}", loaded.origins.len());
}

#[test]
fn dockers_configuration_is_merged_key_by_key() {
    let loaded = merge(&[
        document(
            "/usr/lib/a.toml",
            "[engine.config]\ndebug = true\ndns = [\"10.0.0.2\"]\nlog-opts = { max-size = \"10m\" }\n",
        ),
        document(
            "/etc/b.toml",
            "[engine]\nconfig = { dns = [\"10.0.0.3\"], log-opts = { max-file = \"3\" } }\n",
        ),
        document("/etc/c.toml", "[run]\non_failed = \"stay\"\n"),
    ])
    .unwrap();
    let wanted = serde_json::json!({
        "debug": true,
        "dns": ["10.0.0.3"],
        "log-opts": {"max-size": "10m", "max-file": "3"},
    });
    assert_eq!(
        serde_json::Value::Object(loaded.settings.engine.config),
        wanted
    );

    let time = "[engine.config]\nlabels = [{ since = 2026-01-01 }]\n";
    let error = merge(&[document("/etc/d.toml", time)])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("/etc/d.toml:1:1: engine.config is \"2026-01-01\""),
        "{error}"
    );
}
