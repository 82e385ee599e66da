//! The architecture, held true: a room uses only rooms above it in `src/lib.rs`, and names only its own outside crates.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The outside crates that each room may name.
const CRATES: &[(&str, &[&str])] = &[
    ("exit", &[]),
    ("finding", &["serde"]),
    (
        "telemetry",
        &["nix", "tracing", "tracing_journald", "tracing_subscriber"],
    ),
    (
        "host",
        &[
            "backon",
            "bollard",
            "fastrand",
            "futures_util",
            "http_body_util",
            "humantime",
            "hyper",
            "hyper_util",
            "inotify",
            "liboverdrop",
            "listenfd",
            "netlink_packet_core",
            "netlink_packet_route",
            "netlink_sys",
            "nix",
            "nvml_wrapper",
            "procfs",
            "reqwest",
            "rustix",
            "sd_notify",
            "serde",
            "serde_json",
            "tempfile",
            "thiserror",
            "tokio",
            "tokio_util",
            "tracing",
            "zbus",
        ],
    ),
    (
        "settings",
        &["humantime", "serde", "serde_json", "thiserror", "toml"],
    ),
    (
        "agent_config",
        &["humantime", "serde", "serde_json", "strsim"],
    ),
    (
        "volumes",
        &[
            "http_body_util",
            "humantime",
            "hyper",
            "hyper_util",
            "serde",
            "serde_json",
            "thiserror",
            "tokio",
            "tracing",
        ],
    ),
    (
        "facts",
        &["flate2", "nix", "serde", "serde_json", "sysinfo"],
    ),
    ("checks", &["humantime", "serde", "serde_json"]),
    (
        "agent_image",
        &[
            "bollard_stubs",
            "serde",
            "serde_json",
            "sha2",
            "tar",
            "thiserror",
        ],
    ),
    (
        "plan",
        &["bollard_stubs", "serde", "serde_json", "sha2", "shlex"],
    ),
    (
        "apply",
        &[
            "futures_util",
            "serde",
            "serde_json",
            "shlex",
            "thiserror",
            "tokio",
            "tracing",
        ],
    ),
    ("snapshot", &["humantime", "serde"]),
    (
        "supervise",
        &[
            "bollard_stubs",
            "fastrand",
            "humantime",
            "nix",
            "serde",
            "serde_json",
            "tokio",
            "tracing",
        ],
    ),
    (
        "lifecycle",
        &[
            "fastrand",
            "humantime",
            "serde",
            "serde_json",
            "tokio",
            "tracing",
        ],
    ),
    (
        "health",
        &[
            "http_body_util",
            "hyper",
            "hyper_util",
            "prometheus",
            "serde_json",
            "thiserror",
            "tokio",
            "tracing",
        ],
    ),
    ("bake", &["sha2", "thiserror"]),
    (
        "cli",
        &[
            "annotate_snippets",
            "anstyle",
            "bollard_stubs",
            "clap",
            "clap_complete",
            "humantime",
            "quick_junit",
            "serde",
            "serde_json",
            "svg",
            "textwrap",
        ],
    ),
    (
        "app",
        &[
            "anyhow",
            "clap",
            "clap_complete",
            "clap_mangen",
            "humantime",
            "nix",
            "serde_json",
            "tar",
            "terminal_size",
            "tokio",
            "tracing",
        ],
    ),
];

#[test]
fn a_room_uses_only_rooms_above_it() {
    let order = rooms();
    let mut wrong = Vec::new();
    for (place, room) in order.iter().enumerate() {
        for (file, text) in sources(room) {
            for used in paths_after(&text, "crate::") {
                let known = order.iter().position(|other| *other == used);
                if known.is_some_and(|used| used > place) {
                    wrong.push(format!(
                        "{} uses {used}, which is below {room}",
                        file.display()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_room_names_only_its_own_crates() {
    let dependencies = dependencies();
    let allowed: BTreeMap<&str, BTreeSet<&str>> = CRATES
        .iter()
        .map(|(room, crates)| (*room, crates.iter().copied().collect()))
        .collect();
    let mut wrong = Vec::new();
    let mut unused: BTreeMap<&str, BTreeSet<&str>> = allowed.clone();
    for room in rooms() {
        let Some(allowed) = allowed.get(room.as_str()) else {
            wrong.push(format!("{room} has no row in this test"));
            continue;
        };
        for (file, text) in sources(&room) {
            for name in &dependencies {
                if !names_crate(&text, name) {
                    continue;
                }
                if let Some(unused) = unused.get_mut(room.as_str()) {
                    unused.remove(name.as_str());
                }
                if !allowed.contains(name.as_str()) {
                    wrong.push(format!("{} names {name}", file.display()));
                }
            }
        }
    }
    for (room, crates) in unused {
        if !crates.is_empty() {
            wrong.push(format!("{room} may name {crates:?} and does not"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_looking_finds_what_it_looks_for() {
    let text = "use crate::{plan, health::people};\nlet x = crate::apply::RECORD; // crate::cli\n";
    let found: Vec<String> = paths_after(&code(text), "crate::").into_iter().collect();
    assert_eq!(found, ["apply", "health", "plan"]);
    assert!(names_crate("use tokio::sync;", "tokio"));
    assert!(names_crate("#[derive(thiserror::Error)]", "thiserror"));
    assert!(names_crate("tracing::info!(\"x\")", "tracing"));
    assert!(!names_crate("use tokio_util::io;", "tokio"));
    assert!(!names_crate("super::tar::read()", "tar"));
}

/// The rooms in the order of `src/lib.rs`.
fn rooms() -> Vec<String> {
    fs::read_to_string("src/lib.rs")
        .unwrap()
        .lines()
        .filter_map(|line| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned()))
        .collect()
}

/// The outside crates of `Cargo.toml`, as code names them.
fn dependencies() -> Vec<String> {
    let manifest: toml::Table = toml::from_str(&fs::read_to_string("Cargo.toml").unwrap()).unwrap();
    let table = manifest["dependencies"].as_table().unwrap();
    table.keys().map(|name| name.replace('-', "_")).collect()
}

/// The sources of a room without comments and tests.
fn sources(room: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let file = PathBuf::from(format!("src/{room}.rs"));
    if file.exists() {
        found.push(file);
    }
    collect(&PathBuf::from(format!("src/{room}")), &mut found);
    assert!(!found.is_empty(), "no source of {room}");
    found
        .into_iter()
        .map(|path| {
            let text = code(&fs::read_to_string(&path).unwrap());
            (path, text)
        })
        .collect()
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            if name != "tests" {
                collect(&path, found);
            }
        } else if name.ends_with(".rs") && name != "tests.rs" && name != "testing.rs" {
            found.push(path);
        }
    }
}

/// Source text up to its tests, without comments.
fn code(text: &str) -> String {
    let text = match text.find("#[cfg(test)]\nmod tests {") {
        Some(tests) => &text[..tests],
        None => text,
    };
    text.lines()
        .map(|line| match line.find("//") {
            // Addresses hold two strokes as well.
            Some(at) if !line[..at].ends_with(':') => &line[..at],
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// The first path segments after a prefix, groups in braces included.
fn paths_after(text: &str, prefix: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices(prefix) {
        let rest = &text[at + prefix.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut item = String::new();
            for character in group.chars() {
                match character {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => found.extend(segment(std::mem::take(&mut item).trim())),
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
                if !(character == ',' && depth == 1) {
                    item.push(character);
                }
            }
            found.extend(segment(item.trim()));
        } else {
            found.extend(segment(rest));
        }
    }
    found
}

fn segment(text: &str) -> Option<String> {
    let name: String = text
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    (!name.is_empty()).then_some(name)
}

/// Whether text names a crate: `name::` that is no later segment of a path.
fn names_crate(text: &str, name: &str) -> bool {
    let path = format!("{name}::");
    text.match_indices(&path).any(|(at, _)| {
        let before = text[..at].chars().next_back().unwrap_or(' ');
        !(before.is_ascii_alphanumeric() || before == '_' || before == ':')
    })
}
