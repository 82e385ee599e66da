//! What the boot's time was spent on.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// One thing that was done or awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SpanName {
    /// Host facts were read and rules run.
    Facts,
    /// The end of cloud-init, which runs the user data, was awaited.
    UserData,
    /// No cluster was configured.
    Cluster,
    /// The instance metadata service was asked who this is.
    Identity,
    /// The instance profile's credentials were awaited.
    Credentials,
    /// The GPU driver's devices were awaited, and the agent's list of GPUs made.
    Gpu,
    /// The Docker daemon was started, until it answered.
    Engine,
    /// Packet filter, kernel parameters and files were put on the host.
    Network,
    /// The agent's image was verified and loaded.
    Image,
    /// The agent's container was created and started.
    Launch,
    /// The agent ran and was not registered yet.
    Registration,
}

impl SpanName {
    /// Every name, in the order in which a time line shows them.
    pub const ALL: [SpanName; 11] = [
        SpanName::Facts,
        SpanName::UserData,
        SpanName::Cluster,
        SpanName::Identity,
        SpanName::Credentials,
        SpanName::Gpu,
        SpanName::Engine,
        SpanName::Network,
        SpanName::Image,
        SpanName::Launch,
        SpanName::Registration,
    ];

    /// The word in the document.
    pub fn word(self) -> &'static str {
        match self {
            SpanName::Facts => "facts",
            SpanName::UserData => "user_data",
            SpanName::Cluster => "cluster",
            SpanName::Identity => "identity",
            SpanName::Credentials => "credentials",
            SpanName::Gpu => "gpu",
            SpanName::Engine => "engine",
            SpanName::Network => "network",
            SpanName::Image => "image",
            SpanName::Launch => "launch",
            SpanName::Registration => "registration",
        }
    }

    /// What was going on, for people.
    pub fn words(self) -> &'static str {
        match self {
            SpanName::Facts => "facts read, rules run",
            SpanName::UserData => "cloud-init awaited",
            SpanName::Cluster => "no cluster configured",
            SpanName::Identity => "instance metadata asked",
            SpanName::Credentials => "credentials awaited",
            SpanName::Gpu => "GPU driver awaited",
            SpanName::Engine => "Docker daemon starting",
            SpanName::Network => "network settings made",
            SpanName::Image => "agent image verified, loaded",
            SpanName::Launch => "agent container started",
            SpanName::Registration => "agent registering",
        }
    }
}

/// One thing that was done or awaited, in milliseconds after exec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Span {
    /// What.
    pub name: SpanName,
    /// When it began.
    pub start_ms: i64,
    /// When it ended; absent while it lasts.
    pub end_ms: Option<i64>,
    /// True when the boot's end was waiting for this: had it been shorter, the host would have been healthy sooner.
    pub critical: bool,
}

/// The time line of a boot, from exec to the first time the host was healthy. Kept over restarts of the process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BootView {
    /// The kernel's id of this boot.
    pub boot_id: Option<String>,
    /// When ecs-nanny was executed, for the first time in this boot.
    pub exec_at: Option<Timestamp>,
    /// How long after the kernel's start that was, in milliseconds: add it to any other number to count from there.
    pub exec_after_kernel_ms: u64,
    /// What was done and awaited, by its beginning.
    pub spans: Vec<Span>,
    /// When the host was healthy for the first time, in milliseconds after exec.
    pub healthy_ms: Option<i64>,
}
