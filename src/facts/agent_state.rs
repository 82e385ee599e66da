//! What the agent keeps between its runs.

use std::fs;
use std::os::unix::fs::MetadataExt;

use serde::{Deserialize, Serialize};

use crate::host::files::Root;

/// Where the agent keeps its identity and its tasks.
pub const AGENT_DATA: &str = "/var/lib/ecs/data";

/// The agent's data directory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentStateFacts {
    /// Names in [`AGENT_DATA`].
    pub files: Vec<String>,
    /// The newest change of one of them, in seconds since 1970.
    pub changed_at: Option<i64>,
    /// The file that the cached tarball is, behind links, for example `ecs-agent-v1.105.1.tar`.
    pub tarball: Option<String>,
    /// Its size in bytes.
    pub tarball_bytes: u64,
    /// The instance that ecs-nanny last knew itself to be on.
    pub known_instance: Option<String>,
}

/// Where the agent's image is kept.
const TARBALL: &str = "/var/cache/ecs/ecs-agent.tar";

/// Where ecs-nanny keeps the id of the instance that it last knew itself to be on.
pub const KNOWN_INSTANCE: &str = "/var/lib/ecs-nanny/instance-id";

/// Reads names and times; the content is the agent's own.
pub fn agent_state(root: &Root) -> AgentStateFacts {
    let files = root.names(AGENT_DATA);
    let changed_at = files
        .iter()
        .filter_map(|name| fs::metadata(root.path(&format!("{AGENT_DATA}/{name}"))).ok())
        .map(|metadata| metadata.mtime())
        .max();
    let tarball = root.path(TARBALL);
    let metadata = fs::metadata(&tarball).ok().filter(|it| it.is_file());
    AgentStateFacts {
        files,
        changed_at,
        tarball: metadata.as_ref().and_then(|_| {
            let target = root.link_target(TARBALL).unwrap_or(tarball);
            Some(target.file_name()?.to_string_lossy().into_owned())
        }),
        tarball_bytes: metadata.map_or(0, |metadata| metadata.len()),
        known_instance: root.line(KNOWN_INSTANCE).filter(|id| !id.is_empty()),
    }
}
