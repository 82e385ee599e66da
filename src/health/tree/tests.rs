use std::collections::BTreeMap;

use super::*;
use crate::snapshot::{Snapshot, sample};

fn document(snapshot: &Snapshot) -> Value {
    serde_json::to_value(snapshot).unwrap()
}

/// Every leaf below a directory, found by its listings alone.
fn walk(document: &Value, directory: &str, leaves: &mut BTreeMap<String, String>) {
    let listing = look_up(document, directory).unwrap_or_else(|| panic!("{directory}"));
    for key in listing.lines() {
        let path = format!("{directory}{key}");
        if path.ends_with('/') {
            walk(document, &path, leaves);
        } else {
            leaves.insert(path.clone(), look_up(document, &path).unwrap());
        }
    }
}

fn leaves(document: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    walk(document, TOP, &mut found);
    found
}

/// How many values of a document say something; a list of plain values is one.
fn values(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Object(members) => members.values().map(values).sum(),
        Value::Array(items) if items.iter().all(is_plain) => usize::from(!items.is_empty()),
        Value::Array(items) => items.iter().map(values).sum(),
        _ => 1,
    }
}

#[test]
fn every_value_of_the_document_is_a_leaf() {
    for snapshot in [sample::full(), sample::empty()] {
        let document = document(&snapshot);
        let leaves = leaves(&document);
        let health = leaves
            .keys()
            .filter(|path| path.starts_with("/latest/health/"));
        assert_eq!(health.count(), values(&document));
    }
}

#[test]
fn a_leaf_says_what_the_document_says() {
    let document = document(&sample::full());
    for (path, wanted) in [
        ("/latest/health/phase", "healthy"),
        ("/latest/health/schema", "1"),
        ("/latest/health/engine/version", "29.3.1"),
        ("/latest/health/agent/tasks_running", "4"),
        ("/latest/health/agent/plan_pending", "false"),
        (
            "/latest/health/agent/last_exit/last_lines",
            "level=error msg=\"oh\"\nbye",
        ),
        ("/latest/health/checks/kernel.modern/outcome", "failed"),
        ("/latest/health/checks/config.value/severity", "required"),
        (
            "/latest/health/checks/config.value:2/severity",
            "informational",
        ),
        ("/latest/health/boot/spans/image/end_ms", "4100"),
        ("/latest/meta-data/instance-id", "i-0123456789abcdef0"),
        ("/latest/meta-data/ancestor-ami-ids", "ami-1\nami-2"),
        (
            "/latest/meta-data/placement/availability-zone",
            "us-east-1a",
        ),
        (
            "/latest/meta-data/autoscaling/target-lifecycle-state",
            "InService",
        ),
    ] {
        assert_eq!(look_up(&document, path).as_deref(), Some(wanted), "{path}");
    }
}

#[test]
fn directories_list_their_keys() {
    let document = document(&sample::full());
    assert_eq!(
        look_up(&document, "/latest/").as_deref(),
        Some("health/\nmeta-data/")
    );
    let placement = "availability-zone\navailability-zone-id\nregion";
    for path in [
        "/latest/meta-data/placement",
        "/latest/meta-data/placement/",
    ] {
        assert_eq!(look_up(&document, path).as_deref(), Some(placement));
    }
}

#[test]
fn what_is_not_known_is_not_there() {
    let document = document(&sample::empty());
    for path in [
        "/latest/health/reason",
        "/latest/health/instance/",
        "/latest/health/checks/",
        "/latest/meta-data/instance-id",
    ] {
        assert_eq!(look_up(&document, path), None, "{path}");
    }
    assert_eq!(
        look_up(&document, "/latest/meta-data/").as_deref(),
        Some("")
    );
}

#[test]
fn other_paths_lead_nowhere() {
    let document = document(&sample::full());
    for path in [
        "/",
        "/latest//",
        "/latest//health/phase",
        "/latest/health/phase/",
        "/latest/health/phase/x",
        "/latest/health/../health/phase",
        "/latest/health/%70hase",
        "/latest/health/engine/state\0",
        "/latest/user-data",
        "/latest/meta-data/iam/security-credentials/",
    ] {
        assert_eq!(look_up(&document, path), None, "{path}");
    }
}
