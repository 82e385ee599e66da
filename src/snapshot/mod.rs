//! The one value from which every outside view is rendered: phases, reasons and what is known, at one moment.

mod boot;
mod lifecycle;
mod moment;
mod views;

#[cfg(test)]
pub mod sample;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::facts::InstanceFacts;
use crate::finding::Finding;

pub use boot::{BootView, Span, SpanName};
pub use lifecycle::{ActionView, LifecycleView, Notice, NoticeName};
pub use moment::Timestamp;
pub use views::{
    AgentView, EngineView, HostView, LastExit, NannyView, RepairsView, RetryView, VolumeView,
    VolumesView,
};

/// The number that grows when the JSON of the health document changes incompatibly; fields are only added.
pub const SCHEMA: u32 = 1;

/// Where the boot or the supervision stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The process is up, nothing is known.
    Starting,
    /// Facts are read and rules run.
    Checking,
    /// Something outside is awaited; the reason names it.
    Waiting,
    /// The agent's container is being started.
    Launching,
    /// The agent runs and has not registered yet.
    Registering,
    /// The agent runs and is registered.
    Healthy,
    /// Something is broken and being mended.
    Degraded,
    /// An operator holds the supervision.
    Held,
    /// It ended; retried slowly.
    Failed,
    /// Stopping.
    Draining,
    /// Stopped.
    Stopped,
}

impl Phase {
    /// Every phase, in the order in which a boot and its end go through them.
    pub const ALL: [Phase; 11] = [
        Phase::Starting,
        Phase::Checking,
        Phase::Waiting,
        Phase::Launching,
        Phase::Registering,
        Phase::Healthy,
        Phase::Degraded,
        Phase::Held,
        Phase::Failed,
        Phase::Draining,
        Phase::Stopped,
    ];

    /// The word in the health document.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::Checking => "checking",
            Phase::Waiting => "waiting",
            Phase::Launching => "launching",
            Phase::Registering => "registering",
            Phase::Healthy => "healthy",
            Phase::Degraded => "degraded",
            Phase::Held => "held",
            Phase::Failed => "failed",
            Phase::Draining => "draining",
            Phase::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Why a phase is what it is: a closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The engine does not answer yet.
    Engine,
    /// Somebody stopped the engine's unit.
    EngineStoppedByOperator,
    /// The engine went away.
    EngineLost,
    /// The engine accepts connections and does not answer.
    EngineHung,
    /// The instance metadata service does not answer.
    Metadata,
    /// The instance profile's credentials are not there yet.
    Credentials,
    /// The GPU driver is not ready on a host that is to offer GPUs.
    Gpu,
    /// cloud-init has not run the user data yet, or failed to.
    UserData,
    /// No cluster is configured.
    Cluster,
    /// The Auto Scaling group keeps the instance in its warm pool.
    WarmPool,
    /// The agent's image is not there.
    Image,
    /// The agent's image can't be used.
    ImageInvalid,
    /// The packet filter or kernel parameters could not be set.
    Network,
    /// The container could not be created or started.
    LaunchFailed,
    /// The agent ended; it is started again.
    AgentExited,
    /// The agent ended terminally (exit status 5).
    AgentTerminal,
    /// The agent runs and does not answer.
    AgentSilent,
    /// The agent is registered and has no connection to ECS.
    AgentDisconnected,
    /// Amazon's unit, which runs the agent, was stopped by somebody.
    AgentStoppedByOperator,
    /// Amazon's unit and ecs-nanny would run an agent each.
    AgentConflict,
    /// The agent's self-update failed its probation; the agent runs as it was before.
    UpdateTakenBack,
    /// ecs-nanny, or the host, can open no more files: engine and agent can't be asked how they are.
    NannyExhausted,
    /// A required rule failed.
    HostUnfit,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 23] = [
        Reason::Engine,
        Reason::EngineStoppedByOperator,
        Reason::EngineLost,
        Reason::EngineHung,
        Reason::Metadata,
        Reason::Credentials,
        Reason::Gpu,
        Reason::UserData,
        Reason::Cluster,
        Reason::WarmPool,
        Reason::Image,
        Reason::ImageInvalid,
        Reason::Network,
        Reason::LaunchFailed,
        Reason::AgentExited,
        Reason::AgentTerminal,
        Reason::AgentSilent,
        Reason::AgentDisconnected,
        Reason::AgentStoppedByOperator,
        Reason::AgentConflict,
        Reason::UpdateTakenBack,
        Reason::NannyExhausted,
        Reason::HostUnfit,
    ];

    /// The words for people, as in `waiting for the engine`.
    pub fn words(self) -> &'static str {
        match self {
            Reason::Engine => "the Docker daemon does not answer yet",
            Reason::EngineStoppedByOperator => "the Docker daemon was stopped by an operator",
            Reason::EngineLost => "the Docker daemon went away",
            Reason::EngineHung => "the Docker daemon does not answer",
            Reason::Metadata => "the instance metadata service does not answer",
            Reason::Credentials => "the instance profile has no credentials yet",
            Reason::Gpu => "the GPU driver is not ready",
            Reason::UserData => "the user data has not run",
            Reason::Cluster => "no cluster is configured",
            Reason::WarmPool => "the instance is kept in a warm pool",
            Reason::Image => "the agent's image is missing",
            Reason::ImageInvalid => "the agent's image can't be used",
            Reason::Network => "the host's network settings could not be made",
            Reason::LaunchFailed => "the agent's container could not be started",
            Reason::AgentExited => "the agent ended",
            Reason::AgentTerminal => "the agent ended terminally",
            Reason::AgentSilent => "the agent does not answer",
            Reason::AgentDisconnected => "the agent has no connection to ECS",
            Reason::AgentStoppedByOperator => "the agent was stopped by an operator",
            Reason::AgentConflict => "a second agent is not started beside the one that runs",
            Reason::UpdateTakenBack => "the agent's update was taken back",
            Reason::NannyExhausted => "ecs-nanny can open no more files",
            Reason::HostUnfit => "the host is not fit",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The serialised word is the name of the variant in snake case.
        self.serialize(f)
    }
}

/// Everything shown to the outside, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Snapshot {
    /// Version of this document, [`SCHEMA`].
    pub schema: u32,
    /// The phase.
    pub phase: Phase,
    /// Why, from a closed set; absent where the phase says it all.
    pub reason: Option<Reason>,
    /// The same for people, with what was seen.
    pub detail: String,
    /// Since when phase and reason are what they are.
    pub since: Timestamp,
    /// When this document was made.
    pub updated_at: Timestamp,
    /// After this moment the document says nothing: take the health for unknown.
    pub valid_until: Timestamp,
    /// This process.
    pub nanny: NannyView,
    /// The instance, where the metadata service told.
    pub instance: Option<InstanceFacts>,
    /// The host.
    pub host: HostView,
    /// The Docker daemon.
    pub engine: EngineView,
    /// The ECS agent.
    pub agent: AgentView,
    /// What is tried again, and when.
    pub retry: Option<RetryView>,
    /// What had gone from the host and was put back.
    #[serde(default)]
    pub repairs: RepairsView,
    /// What EC2 and Auto Scaling have announced.
    #[serde(default)]
    pub lifecycle: LifecycleView,
    /// The volumes of tasks that the volume plugin mounts.
    #[serde(default)]
    pub volumes: VolumesView,
    /// What the boot's time was spent on.
    #[serde(default)]
    pub boot: BootView,
    /// What rules, lint and planning said.
    pub findings: Vec<Finding>,
}

impl Snapshot {
    /// Whether the document has expired, so that its phase must not be believed.
    pub fn expired(&self, now: Timestamp) -> bool {
        now > self.valid_until
    }

    /// True when the host does its work: the agent runs and is registered.
    pub fn ready(&self) -> bool {
        self.phase == Phase::Healthy
            || (self.phase == Phase::Degraded && self.reason == Some(Reason::UpdateTakenBack))
    }

    /// `waiting: no cluster is configured (…)`: the line for `STATUS=` and for people.
    pub fn line(&self) -> String {
        let mut line = self.phase.to_string();
        if let Some(reason) = self.reason {
            line.push_str(": ");
            line.push_str(reason.words());
        }
        if !self.detail.is_empty() {
            line.push_str(if self.reason.is_some() { "; " } else { ": " });
            line.push_str(&self.detail);
        }
        line
    }
}
