//! The document as a tree of plain texts, in the manner of the instance metadata service: a directory lists its keys,
//! those of directories with a slash; a leaf is its value and nothing else; what is not known is not there.

use serde_json::{Map, Value, json};

#[cfg(test)]
mod tests;

/// Where the tree begins.
pub const TOP: &str = "/latest/";

/// Paths of the metadata service, and where their values are in the document. Identity that is not secret: no user data,
/// no credentials.
const META_DATA: &[(&str, &str)] = &[
    ("ami-id", "/instance/ami_id"),
    ("ancestor-ami-ids", "/instance/ancestor_ami_ids"),
    (
        "autoscaling/target-lifecycle-state",
        "/instance/target_lifecycle_state",
    ),
    ("instance-id", "/instance/instance_id"),
    ("instance-life-cycle", "/instance/life_cycle"),
    ("instance-type", "/instance/instance_type"),
    ("local-ipv4", "/instance/local_ipv4"),
    ("placement/availability-zone", "/instance/availability_zone"),
    (
        "placement/availability-zone-id",
        "/instance/availability_zone_id",
    ),
    ("placement/region", "/instance/region"),
    ("services/partition", "/instance/partition"),
];

/// What stands at a path of the tree; `None` where nothing does. A directory is found with and without its last slash.
pub fn look_up(document: &Value, path: &str) -> Option<String> {
    let path = match path {
        "/latest" => "",
        _ => path.strip_prefix(TOP)?,
    };
    let mut node = &tree(document);
    for key in path.strip_suffix('/').unwrap_or(path).split('/') {
        if path.is_empty() {
            break;
        }
        node = match node {
            Value::Object(members) => members.get(key)?,
            _ => return None,
        };
    }
    match node {
        Value::Object(members) => Some(listing(members)),
        // A leaf is no directory.
        _ if path.ends_with('/') => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn listing(members: &Map<String, Value>) -> String {
    let keys: Vec<String> = members
        .iter()
        .map(|(key, node)| match node {
            Value::Object(_) => format!("{key}/"),
            _ => key.clone(),
        })
        .collect();
    keys.join("\n")
}

/// The whole tree: objects are directories, everything else is a leaf.
fn tree(document: &Value) -> Value {
    let mut health = directory(document);
    if let Value::Object(members) = &mut health
        && let Some(findings) = members.remove("findings")
    {
        members.insert("checks".to_owned(), findings);
    }
    json!({ "health": health, "meta-data": meta_data(document) })
}

fn meta_data(document: &Value) -> Value {
    let mut top = json!({});
    for (path, pointer) in META_DATA {
        let Some(leaf) = document.pointer(pointer).and_then(node) else {
            continue;
        };
        let mut place = &mut top;
        for key in path.split('/') {
            place = &mut place[key];
        }
        *place = leaf;
    }
    top
}

fn directory(value: &Value) -> Value {
    node(value).unwrap_or_else(|| json!({}))
}

/// A value as a part of the tree; `None` where it says nothing.
fn node(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(members) => {
            let members: Map<String, Value> = members
                .iter()
                .filter_map(|(key, value)| Some((segment(key), node(value)?)))
                .collect();
            (!members.is_empty()).then_some(Value::Object(members))
        }
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) if items.iter().all(is_plain) => {
            let lines: Vec<String> = items.iter().map(plain).collect();
            Some(Value::String(lines.join("\n")))
        }
        Value::Array(items) => Some(Value::Object(named(items))),
        other => Some(other.clone()),
    }
}

/// The items of a list by their names: of several with one name the second is `name:2`.
fn named(items: &[Value]) -> Map<String, Value> {
    let mut members = Map::new();
    for (index, item) in items.iter().enumerate() {
        let name = ["rule", "name"]
            .iter()
            .find_map(|key| item.get(key)?.as_str())
            .map_or_else(|| index.to_string(), segment);
        let key = (1..)
            .map(|number| match number {
                1 => name.clone(),
                more => format!("{name}:{more}"),
            })
            .find(|key| !members.contains_key(key));
        if let (Some(key), Some(node)) = (key, node(item)) {
            members.insert(key, node);
        }
    }
    members
}

fn is_plain(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_) | Value::Null)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A key as one segment of a path.
fn segment(key: &str) -> String {
    key.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b':' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}
