//! Docker's volume plugin protocol: requests from path and body, answers as JSON
//! (<https://docs.docker.com/engine/extend/plugins_volume/>).

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::state::{Change, Volume};

/// The largest body that is read, in bytes; Docker's are below one kilobyte.
pub const LARGEST_BODY: usize = 64 * 1024;

/// What arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A request.
    Request(Request),
    /// A request that needs a body and has none: Docker repeats one that was cut off.
    Repeated(Call),
}

/// A call that names a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Create,
    Remove,
    Mount,
    Unmount,
    Path,
    Get,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "lowercase")]
pub enum Request {
    /// What are you?
    Activate,
    /// What can you do?
    Capabilities,
    /// There shall be a volume; nothing is mounted yet.
    Create {
        /// Its name.
        name: String,
        /// What it is.
        options: BTreeMap<String, String>,
    },
    /// The volume is needed no more.
    Remove {
        /// Its name.
        name: String,
    },
    /// Somebody is about to use it.
    Mount {
        /// Its name.
        name: String,
        /// Who.
        id: String,
    },
    /// Somebody has used it.
    Unmount {
        /// Its name.
        name: String,
        /// Who.
        id: String,
    },
    /// Where is it?
    Path {
        /// Its name.
        name: String,
    },
    /// Is there one?
    Get {
        /// Its name.
        name: String,
    },
    /// Which are there?
    List,
}

/// Why there is no request in what was received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// No such call.
    #[error("there is no call {0}")]
    Unknown(String),
    /// The body is not what the call wants.
    #[error("{0}")]
    Body(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    name: String,
    #[serde(default)]
    opts: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Used {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "ID")]
    id: String,
}

impl Call {
    /// Each of them, in order.
    pub const ALL: [Call; 6] = [
        Call::Create,
        Call::Remove,
        Call::Mount,
        Call::Unmount,
        Call::Path,
        Call::Get,
    ];

    /// As Docker writes it.
    pub fn name(self) -> &'static str {
        match self {
            Call::Create => "Create",
            Call::Remove => "Remove",
            Call::Mount => "Mount",
            Call::Unmount => "Unmount",
            Call::Path => "Path",
            Call::Get => "Get",
        }
    }
}

impl Request {
    /// Which call it is, if it names a volume.
    pub fn call(&self) -> Option<Call> {
        match self {
            Request::Activate | Request::Capabilities | Request::List => None,
            Request::Create { .. } => Some(Call::Create),
            Request::Remove { .. } => Some(Call::Remove),
            Request::Mount { .. } => Some(Call::Mount),
            Request::Unmount { .. } => Some(Call::Unmount),
            Request::Path { .. } => Some(Call::Path),
            Request::Get { .. } => Some(Call::Get),
        }
    }

    /// The volume that it names.
    pub fn volume(&self) -> Option<&str> {
        match self {
            Request::Activate | Request::Capabilities | Request::List => None,
            Request::Create { name, .. }
            | Request::Remove { name }
            | Request::Mount { name, .. }
            | Request::Unmount { name, .. }
            | Request::Path { name }
            | Request::Get { name } => Some(name),
        }
    }

    /// Volume, change of its count, and who; of a request that changes one.
    pub fn change(&self) -> Option<(&str, Change, &str)> {
        match self {
            Request::Mount { name, id } => Some((name, Change::Mount, id)),
            Request::Unmount { name, id } => Some((name, Change::Unmount, id)),
            _ => None,
        }
    }

    /// What undoes it, of a request that changes a count.
    pub fn opposite(&self) -> Option<Request> {
        match self.clone() {
            Request::Mount { name, id } => Some(Request::Unmount { name, id }),
            Request::Unmount { name, id } => Some(Request::Mount { name, id }),
            _ => None,
        }
    }
}

/// Reads what arrived.
///
/// # Errors
/// [`Malformed`].
pub fn received(path: &str, body: &[u8]) -> Result<Received, Malformed> {
    if body.is_empty() {
        let named = path.strip_prefix("/VolumeDriver.").unwrap_or_default();
        if let Some(call) = Call::ALL.into_iter().find(|call| call.name() == named) {
            return Ok(Received::Repeated(call));
        }
    }
    request(path, body).map(Received::Request)
}

fn request(path: &str, body: &[u8]) -> Result<Request, Malformed> {
    match path {
        "/Plugin.Activate" => Ok(Request::Activate),
        "/VolumeDriver.Capabilities" => Ok(Request::Capabilities),
        "/VolumeDriver.List" => Ok(Request::List),
        "/VolumeDriver.Create" => {
            let Create { name, opts } = json_body(body, "Name and Opts")?;
            Ok(Request::Create {
                name: named(name)?,
                options: opts.unwrap_or_default(),
            })
        }
        "/VolumeDriver.Remove" => Ok(Request::Remove { name: name(body)? }),
        "/VolumeDriver.Path" => Ok(Request::Path { name: name(body)? }),
        "/VolumeDriver.Get" => Ok(Request::Get { name: name(body)? }),
        "/VolumeDriver.Mount" => {
            let (name, id) = used(body)?;
            Ok(Request::Mount { name, id })
        }
        "/VolumeDriver.Unmount" => {
            let (name, id) = used(body)?;
            Ok(Request::Unmount { name, id })
        }
        other => Err(Malformed::Unknown(other.to_owned())),
    }
}

fn json_body<T: DeserializeOwned>(body: &[u8], wanted: &str) -> Result<T, Malformed> {
    serde_json::from_slice(body)
        .map_err(|error| Malformed::Body(format!("the body is not JSON with {wanted}: {error}")))
}

fn name(body: &[u8]) -> Result<String, Malformed> {
    named(json_body::<Named>(body, "Name")?.name)
}

fn used(body: &[u8]) -> Result<(String, String), Malformed> {
    let Used { name, id } = json_body(body, "Name and ID")?;
    if id.is_empty() {
        return Err(Malformed::Body("the mount's ID is empty".to_owned()));
    }
    Ok((named(name)?, id))
}

fn named(name: String) -> Result<String, Malformed> {
    if name.is_empty() {
        return Err(Malformed::Body("the volume's name is empty".to_owned()));
    }
    Ok(name)
}

/// The answer to [`Request::Activate`].
pub fn activated() -> Value {
    json!({ "Implements": ["VolumeDriver"] })
}

/// The answer to [`Request::Capabilities`]: volumes are this host's, as far as Docker is concerned.
pub fn capabilities() -> Value {
    json!({ "Capabilities": { "Scope": "local" } })
}

/// The answer to what has only been done.
pub fn done() -> Value {
    json!({ "Err": "" })
}

/// The answer to what could not be done.
pub fn refused(why: &str) -> Value {
    json!({ "Err": why })
}

/// The answer to [`Request::Mount`] and [`Request::Path`].
pub fn mountpoint(path: &str) -> Value {
    json!({ "Mountpoint": path, "Err": "" })
}

/// The answer to [`Request::Get`].
pub fn volume(name: &str, volume: &Volume) -> Value {
    let mut described = json!({
        "Name": name,
        "Mountpoint": volume.path,
        "Status": { "References": volume.references() },
    });
    // Docker can't read an empty one.
    if !volume.created_at.is_empty() {
        described["CreatedAt"] = volume.created_at.clone().into();
    }
    json!({ "Volume": described, "Err": "" })
}

/// The answer to [`Request::List`].
pub fn volumes(volumes: &BTreeMap<String, Volume>) -> Value {
    let listed: Vec<Value> = volumes
        .iter()
        .map(|(name, volume)| json!({ "Name": name, "Mountpoint": volume.path }))
        .collect();
    json!({ "Volumes": listed, "Err": "" })
}
