//! The parts of the document.

use serde::{Deserialize, Serialize};

use super::Timestamp;
use crate::checks::ImageRelease;

/// This process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NannyView {
    /// Version of ecs-nanny.
    pub version: String,
    /// Process id.
    pub pid: u32,
    /// When it started.
    pub started_at: Timestamp,
}

/// The host in a few words.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct HostView {
    /// Kernel release.
    pub kernel: Option<String>,
    /// `x86_64` or `aarch64`.
    pub machine: Option<String>,
    /// Name of the operating system.
    pub os: Option<String>,
    /// `nitro`, `xen-hvm`, … as the rules judge it.
    pub platform: Option<String>,
    /// Active profiles.
    pub profiles: Vec<String>,
    /// `yes`, `no` or `unknown`.
    pub fit: Option<String>,
    /// What the image's maker wrote of it, from `/etc/ecs-nanny/image-release.json`.
    pub image_release: Option<ImageRelease>,
}

/// The Docker daemon.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct EngineView {
    /// `starting`, `up`, `down`, `stopped` or `hung`.
    pub state: String,
    /// `unit` or `child`.
    pub backend: String,
    /// Its version.
    pub version: Option<String>,
    /// Newest API version that it speaks.
    pub api_version: Option<String>,
    /// Since when `state` is what it is.
    pub since: Option<Timestamp>,
    /// Why it is not up, in its own last words.
    pub why: Option<String>,
}

/// How the agent ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LastExit {
    /// Exit status of the container; 128 and the signal's number for a signal.
    pub code: i64,
    /// When it was seen.
    pub at: Timestamp,
    /// What that means.
    pub meaning: String,
    /// The agent's last lines, secrets masked; bounded.
    pub last_lines: Vec<String>,
}

/// The ECS agent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct AgentView {
    /// `absent`, `launching`, `running`, `backing_off`, `failed`, `stopping` or `stopped`.
    pub state: String,
    /// Id of the container.
    pub container_id: Option<String>,
    /// Id of the image that it was made from.
    pub image_id: Option<String>,
    /// When Docker started it, in Docker's words.
    pub started_at: Option<String>,
    /// Its version, as it says.
    pub version: Option<String>,
    /// The cluster: configured, then as the agent says.
    pub cluster: Option<String>,
    /// ARN of the container instance once registered.
    pub container_instance_arn: Option<String>,
    /// When the registration was first seen.
    pub registered_since: Option<Timestamp>,
    /// Connections that it holds, as `/proc` shows them, at most a minute old; absent where it does not.
    pub connections: Option<usize>,
    /// Tasks that run on this host by the agent's word; not known before it is registered, at most a minute old.
    pub tasks_running: Option<u64>,
    /// How often it was started again since this process started.
    pub restarts: u32,
    /// True when a running container was taken over.
    pub adopted: bool,
    /// True when the running container was made from another plan, or started by Amazon's unit before the agent's files were
    /// changed; replaced at its next exit.
    pub plan_pending: bool,
    /// How it ended the last time.
    pub last_exit: Option<LastExit>,
}

impl AgentView {
    /// Where it is registered.
    pub fn registered(&self) -> String {
        let version = self.version.as_deref().unwrap_or("the agent");
        let cluster = self.cluster.as_deref().unwrap_or("default");
        format!("{version} is registered in cluster {cluster}")
    }
}

/// What is tried again, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RetryView {
    /// `agent`, `engine`, `metadata`, `credentials`, `user_data`, `image` or `checks`.
    #[serde(default)]
    pub what: String,
    /// Failures since the last reset.
    pub attempts: u32,
    /// After more failures than these it is tried every few minutes only; absent where it keeps its pace.
    #[serde(default)]
    pub budget: Option<u32>,
    /// When it is tried next.
    pub next_try_at: Timestamp,
    /// Why it has to be tried again.
    pub why: String,
}

/// Parts of the plan (packet filter, kernel parameters, routes) that had gone from the host and were put back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct RepairsView {
    /// How many, since this process started.
    pub total: u64,
    /// When the last one was put back.
    pub last_at: Option<Timestamp>,
}

/// The volumes of tasks (EFS, S3 Files).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct VolumesView {
    /// The volume plugin: `absent`, `listening`, `answers` or `silent`; empty before it was looked at.
    pub plugin: String,
    /// Why it is silent.
    pub why: Option<String>,
    /// The directory that volumes are mounted below.
    pub directory: String,
    /// Each volume.
    pub volumes: Vec<VolumeView>,
}

/// One volume.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct VolumeView {
    /// Its name.
    pub name: String,
    /// `efs` or `s3files`.
    pub fs_type: String,
    /// What is mounted, for example `fs-0123456789abcdef0:/`.
    pub device: Option<String>,
    /// Where it is mounted.
    pub path: String,
    /// Whether it is.
    pub mounted: bool,
    /// How often containers use it.
    pub references: u32,
}
