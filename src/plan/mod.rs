//! Everything that `run` would put on the host, as data. Pure: settings and facts in, plan out.

mod network;

use serde::{Deserialize, Serialize};

pub use network::{Family, Operation, PlannedRoute, PlannedRule, PlannedSysctl};

use crate::agent_config::Variable;
use crate::finding::Finding;

/// The number that grows when the JSON of `ecs-nanny plan` changes incompatibly.
pub const SCHEMA: u32 = 1;

/// The agent's container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentPlan {
    /// Name of the container.
    pub name: String,
    /// Reference of the image.
    pub image: String,
    /// The exact body for the Engine API's `POST /containers/create`; environment and binds sorted.
    pub create_request: bollard_stubs::models::ContainerCreateBody,
    /// The effective environment with its origins, for `config show`. Not part of the public JSON.
    #[serde(skip)]
    pub environment: std::collections::BTreeMap<String, Variable>,
}

/// How a file will change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is not there yet.
    Create,
    /// It is there and differs.
    Update,
    /// It is there and as wanted.
    None,
}

/// A file with its wanted content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFile {
    /// Absolute path.
    pub path: String,
    /// Permission bits in octal, for example `0600`.
    pub mode: String,
    /// Content.
    pub content: String,
    /// What will happen to it.
    pub change: Change,
}

/// Which daemon runs the containers, and how it is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnginePlan {
    /// `unit` or `child`.
    pub backend: String,
    /// The unit, for backend `unit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The Engine API's socket.
    pub socket: String,
    /// The command line, for backend `child`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
}

/// The whole plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this document, [`SCHEMA`].
    pub schema: u32,
    /// The container, where the agent is ours.
    pub agent: Option<AgentPlan>,
    /// The engine.
    pub engine: EnginePlan,
    /// Files to write.
    pub files: Vec<PlannedFile>,
    /// Packet filter rules, in the order in which they are created.
    pub firewall: Vec<PlannedRule>,
    /// Kernel parameters to set.
    pub sysctls: Vec<PlannedSysctl>,
    /// Routes to add.
    pub routes: Vec<PlannedRoute>,
    /// What was noticed while planning.
    pub findings: Vec<Finding>,
}
