//! The state file: ecs-init's, which has the volumes with their options and how often each mount id uses them. What is
//! ours alone stands under a key of its own, which ecs-init passes over.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::ser::PrettyFormatter;

/// Every volume by its name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct State {
    /// The volumes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, Volume>,
}

/// One volume.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Volume {
    /// The option `type`, empty where it was not given.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub fs_type: String,
    /// Where it is mounted.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// What it was created with.
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "or_default"
    )]
    pub options: BTreeMap<String, String>,
    /// When, RFC 3339.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub created_at: String,
    /// How often each mount id uses it.
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "counts"
    )]
    pub mounts: BTreeMap<String, u32>,
    /// What ecs-init has no word for.
    #[serde(rename = "ecsNanny", skip_serializing_if = "Ours::is_nothing")]
    pub ours: Ours,
}

/// What ecs-init has no word for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ours {
    /// It is being mounted and nobody was told that it is: what is mounted of it after a crash is nobody's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mounting: bool,
    /// Counted, and perhaps not yet answered: Docker sends again what was not answered, and it must not count twice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unanswered: Vec<Unanswered>,
    /// Found mounted when there was no state: how it was mounted is not known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rebuilt: bool,
}

/// A request that changed a count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unanswered {
    /// Which.
    pub change: Change,
    /// Whose.
    pub id: String,
}

/// A change of a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// One more.
    Mount,
    /// One less.
    Unmount,
}

impl Ours {
    fn is_nothing(&self) -> bool {
        *self == Ours::default()
    }
}

impl Volume {
    /// One use of an id less; false where it has none.
    pub fn release(&mut self, id: &str) -> bool {
        let Some(count) = self.mounts.get_mut(id) else {
            return false;
        };
        *count = count.saturating_sub(1);
        if *count == 0 {
            self.mounts.remove(id);
        }
        true
    }

    /// How many use it.
    pub fn references(&self) -> u32 {
        self.mounts.values().sum()
    }
}

/// A state file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What could be read.
    pub state: State,
    /// What could not: the file is not whole.
    pub complaints: Vec<String>,
}

impl State {
    /// Reads a state file; what of it can be read is kept.
    pub fn parse(bytes: &[u8]) -> Read {
        let nothing = |complaint: String| Read {
            state: State::default(),
            complaints: vec![complaint],
        };
        let document: Value = match serde_json::from_slice(bytes) {
            Ok(document) => document,
            Err(error) => return nothing(format!("it is not JSON: {error}")),
        };
        let volumes = match &document {
            Value::Object(members) => members.get("volumes"),
            other => return nothing(format!("it holds no object, but {}", kind(other))),
        };
        let volumes = match volumes {
            None | Some(Value::Null) => return Read::whole(State::default()),
            Some(Value::Object(volumes)) => volumes,
            Some(other) => return nothing(format!("volumes is no object, but {}", kind(other))),
        };
        let mut read = Read::whole(State::default());
        for (name, entry) in volumes {
            match Volume::deserialize(entry) {
                Ok(volume) if volume.path.starts_with('/') => {
                    read.state.volumes.insert(name.clone(), volume);
                }
                Ok(volume) => read
                    .complaints
                    .push(format!("the path of volume {name:?} is {:?}", volume.path)),
                Err(error) => read.complaints.push(format!("volume {name:?}: {error}")),
            }
        }
        read
    }

    /// The file's content, indented as ecs-init does.
    ///
    /// # Errors
    /// Those of serialisation.
    pub fn render(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let formatter = PrettyFormatter::with_indent(b"\t");
        self.serialize(&mut serde_json::Serializer::with_formatter(
            &mut bytes, formatter,
        ))?;
        Ok(bytes)
    }
}

impl Read {
    fn whole(state: State) -> Self {
        Read {
            state,
            complaints: Vec::new(),
        }
    }
}

/// A count of nothing is one: older releases of ecs-init wrote `null`.
fn counts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, u32>, D::Error> {
    let counts = Option::<BTreeMap<String, Option<u32>>>::deserialize(deserializer)?;
    let counts = counts.unwrap_or_default().into_iter();
    Ok(counts
        .map(|(id, count)| (id, count.unwrap_or_default().max(1)))
        .collect())
}

fn or_default<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
