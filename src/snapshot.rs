//! The one value from which every outside view is rendered: phases, reasons and what is known, at one moment.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::facts::InstanceFacts;
use crate::finding::Finding;

/// The number that grows when the JSON of the health document changes incompatibly; fields are only added.
pub const SCHEMA: u32 = 1;

/// Where the boot or the supervision stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// cloud-init has not run the user data yet, or failed to.
    UserData,
    /// No cluster is configured.
    Cluster,
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
    /// The agent's self-update failed its probation; the agent runs as it was before.
    UpdateTakenBack,
    /// A required rule failed.
    HostUnfit,
}

impl Reason {
    /// The words for people, as in `waiting for the engine`.
    pub fn words(self) -> &'static str {
        match self {
            Reason::Engine => "the Docker daemon does not answer yet",
            Reason::EngineStoppedByOperator => "the Docker daemon was stopped by an operator",
            Reason::EngineLost => "the Docker daemon went away",
            Reason::EngineHung => "the Docker daemon does not answer",
            Reason::Metadata => "the instance metadata service does not answer",
            Reason::Credentials => "the instance profile has no credentials yet",
            Reason::UserData => "the user data has not run",
            Reason::Cluster => "no cluster is configured",
            Reason::Image => "the agent's image is missing",
            Reason::ImageInvalid => "the agent's image can't be used",
            Reason::Network => "the host's network settings could not be made",
            Reason::LaunchFailed => "the agent's container could not be started",
            Reason::AgentExited => "the agent ended",
            Reason::AgentTerminal => "the agent ended terminally",
            Reason::AgentSilent => "the agent does not answer",
            Reason::UpdateTakenBack => "the agent's update was taken back",
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

/// A moment, in JSON as RFC 3339 with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub SystemTime);

impl Timestamp {
    /// Now, by the wall clock.
    pub fn now() -> Self {
        Timestamp(SystemTime::now())
    }

    /// This moment and a while later.
    pub fn after(self, while_: Duration) -> Self {
        Timestamp(self.0 + while_)
    }

    /// How long until this moment; zero for the past.
    pub fn left(self) -> Duration {
        self.0.duration_since(SystemTime::now()).unwrap_or_default()
    }

    /// How long ago this was; zero for the future.
    pub fn age(self) -> Duration {
        self.0.elapsed().unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_millis(self.0).fmt(f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_rfc3339(&text)
            .map(Timestamp)
            .map_err(serde::de::Error::custom)
    }
}

/// This process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// The Docker daemon.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
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
    /// How often it was started again since this process started.
    pub restarts: u32,
    /// True when a running container was taken over.
    pub adopted: bool,
    /// True when the running container was made from another plan; replaced at its next exit.
    pub plan_pending: bool,
    /// How it ended the last time.
    pub last_exit: Option<LastExit>,
}

/// What is tried again, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryView {
    /// Failures since the last reset.
    pub attempts: u32,
    /// When it is tried next.
    pub next_try_at: Timestamp,
    /// Why it has to be tried again.
    pub why: String,
}

/// Everything shown to the outside, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
