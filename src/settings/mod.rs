//! ecs-nanny's own settings: fragments (one TOML file each, every key optional) are merged in order and then validated.
//! Knows neither the host nor ecs.config.

mod acting;
mod check;
mod docker_config;
mod fragment;
mod gpu;
mod load;
mod metadata;
mod storage;
mod values;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

pub use acting::Acting;
pub use docker_config::{DockerConfig, overlaid};
pub use gpu::{Gpu, WithoutDriver};
pub use load::{Document, Loaded, NOTICES, PROFILES, SettingsError, merge, unreadable};
pub use metadata::{Metadata, OnEc2};
pub use storage::{ALL_VOLUMES, DOCKER_PLACE, FileSystem, Layout, Storage};

/// Validated settings. Every field has a default; `ecs-nanny config show` names the file that set it.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Settings {
    /// `[acting]`
    pub acting: Acting,
    /// `[agent]`
    pub agent: Agent,
    /// `[checks]`
    pub checks: Checks,
    /// `[engine]`
    pub engine: Engine,
    /// `[gpu]`
    pub gpu: Gpu,
    /// `[health]`
    pub health: Health,
    /// `[log]`
    pub log: Log,
    /// `[metadata]`
    pub metadata: Metadata,
    /// `[run]`
    pub run: Run,
    /// `[storage]`
    pub storage: Storage,
    /// `[user_data]`
    pub user_data: UserData,
}

/// `[agent]`: the ECS agent's container.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agent {
    /// Who runs the agent.
    pub backend: AgentBackend,
    /// Reference of the image.
    pub image: String,
    /// The image's tarball in the agent's cache.
    pub tarball: String,
    /// Wanted image id, `sha256:…`; `None` takes any.
    pub digest: Option<String>,
    /// Variables given to the agent over both of its files.
    pub extra_env: BTreeMap<String, String>,
    /// Whether the agent may update itself (exit status 42).
    pub updates: Switch,
    /// Whether static facts are registered as the container instance's attributes.
    pub attributes: Switch,
    /// Whether an image that is missing is fetched at boot.
    pub fetch: Fetch,
    /// The address that the image is fetched from; `None` is that of Amazon's bucket of the region.
    pub fetch_from: Option<String>,
    /// What becomes of the agent's state that another instance left in the image.
    pub baked_state: BakedState,
    /// Whether joining the cluster `default` without an explicit ECS_CLUSTER is meant.
    pub allow_default_cluster: bool,
    /// How long the agent has to stop before it is killed.
    #[serde(serialize_with = "values::duration")]
    pub stop_grace: Duration,
    /// How long a registered agent may not answer until it is ended and started again; `None` is written `off`.
    #[serde(serialize_with = "values::some_duration")]
    pub restart_silent_after: Option<Duration>,
    /// How long a registered agent may have no connection until that is told as its health.
    #[serde(serialize_with = "values::duration")]
    pub disconnected_after: Duration,
    /// How long after that it is started again, at least 15 minutes and at most once an hour; `None` is written `off`.
    #[serde(serialize_with = "values::some_duration")]
    pub restart_disconnected_after: Option<Duration>,
}

/// Who runs the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
pub enum AgentBackend {
    /// Amazon's unit where it is installed, else our container.
    #[serde(rename = "auto")]
    Auto,
    /// Our container.
    #[serde(rename = "container")]
    Container,
    /// Amazon's `ecs.service`.
    #[serde(rename = "ecs.service")]
    EcsService,
}

/// A switch, written `on` or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// Whether an image that is missing is fetched at boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fetch {
    /// Wait and say which command fetches it.
    Never,
    /// Fetch it.
    Missing,
}

/// What becomes of the agent's state that another instance left in the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BakedState {
    /// It is found by the rule `ecs.no_baked_state`, and stays.
    Report,
    /// It is moved aside before the agent starts, and kept.
    Aside,
}

/// `[checks]`: the rules.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checks {
    /// Active profiles.
    pub profiles: Vec<String>,
    /// What a failed required rule does.
    pub on_unfit: OnUnfit,
    /// The Amazon EMR release that the image is for, for example `7.1.0`; `None` where it is for none or any.
    pub emr_release: Option<String>,
    /// The oldest release of the agent that the rules take, for example `1.100.0`; `None` takes any.
    pub oldest_agent: Option<String>,
}

/// What a failed required rule does to the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUnfit {
    /// The agent is not started.
    Block,
    /// It is started, and health says what failed.
    Report,
}

/// `[engine]`: the Docker daemon.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Engine {
    /// How it is started.
    pub backend: EngineBackend,
    /// The systemd unit.
    pub unit: String,
    /// The Engine API's socket, an absolute path.
    pub socket: String,
    /// The daemon's program, for backend `child`.
    pub dockerd: String,
    /// `--data-root`, for backend `child`; `None` leaves Docker's default.
    pub data_root: Option<String>,
    /// `--exec-root`, for backend `child`; `None` leaves Docker's default.
    pub exec_root: Option<String>,
    /// `--pidfile`, for backend `child`.
    pub pid_file: String,
    /// More arguments for the daemon, for backend `child`.
    pub args: Vec<String>,
    /// How long the daemon has to answer before `degraded` says so.
    #[serde(serialize_with = "values::duration")]
    pub start_timeout: Duration,
    /// How long the daemon may hang until its restart is considered; `None` is written `off`.
    #[serde(serialize_with = "values::some_duration")]
    pub restart_hung_after: Option<Duration>,
    /// Whether a daemon that hangs is restarted.
    pub on_hung: OnHung,
    /// What is merged into the daemon's configuration file, with Docker's own keys.
    pub config: DockerConfig,
    /// Whether a running daemon is restarted for a change of `config` that a reload does not bring into force.
    pub restart_for_config: Switch,
}

/// Whether a Docker daemon that hangs is restarted. A restart ends tasks, unless live-restore is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnHung {
    /// With live-restore, or when no container but the agent's runs; else it is only said.
    Auto,
    /// Whatever runs.
    Restart,
    /// Never; it is only said.
    Report,
}

/// How the engine is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineBackend {
    /// The unit on a systemd host, else a child process.
    Auto,
    /// A systemd unit.
    Unit,
    /// A child process of ecs-nanny.
    Child,
}

/// `[health]`: who may read the health document, and where.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    /// Loopback address for HTTP; `None` is written `off`.
    pub tcp: Option<SocketAddr>,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Log {
    /// Records below this level are dropped.
    pub level: Level,
    /// How records look where there is no journal.
    pub format: LogFormat,
}

/// Levels of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Something failed.
    Error,
    /// Something is not as it should be.
    Warn,
    /// The story.
    Info,
    /// Why things happen.
    Debug,
    /// Everything.
    Trace,
}

/// How records look where there is no journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[run]`: the daemon.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// What a terminal end does to the daemon.
    pub on_failed: OnFailed,
    /// How long what failed for good, or ten times in a row, is left alone until the next try.
    #[serde(serialize_with = "values::duration")]
    pub slow_retry: Duration,
}

/// `[user_data]`: cloud-init.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UserData {
    /// What to do when the user data did not run.
    pub on_failed: OnUserDataFailed,
    /// How long the end of cloud-init is awaited before it counts as failed.
    #[serde(serialize_with = "values::duration")]
    pub budget: Duration,
}

/// What to do when the user data did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUserDataFailed {
    /// Go on waiting.
    Wait,
    /// Fail, and say so.
    Refuse,
    /// Start the agent.
    Proceed,
}

/// What `failed` does to the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailed {
    /// Stay, serve health, retry slowly.
    Stay,
    /// End with status 5 or 69.
    Exit,
}

impl Default for Agent {
    fn default() -> Self {
        Agent {
            backend: AgentBackend::Auto,
            image: "amazon/amazon-ecs-agent:latest".to_owned(),
            tarball: "/var/cache/ecs/ecs-agent.tar".to_owned(),
            digest: None,
            extra_env: BTreeMap::new(),
            updates: Switch::On,
            attributes: Switch::Off,
            fetch: Fetch::Never,
            fetch_from: None,
            baked_state: BakedState::Report,
            allow_default_cluster: false,
            stop_grace: Duration::from_secs(10),
            restart_silent_after: Some(Duration::from_secs(120)),
            disconnected_after: Duration::from_secs(180),
            restart_disconnected_after: None,
        }
    }
}

impl Default for Checks {
    fn default() -> Self {
        Checks {
            profiles: vec!["ecs".to_owned()],
            on_unfit: OnUnfit::Block,
            emr_release: None,
            oldest_agent: None,
        }
    }
}

impl Default for Engine {
    fn default() -> Self {
        Engine {
            backend: EngineBackend::Auto,
            unit: "docker.service".to_owned(),
            socket: "/var/run/docker.sock".to_owned(),
            dockerd: "dockerd".to_owned(),
            data_root: None,
            exec_root: None,
            pid_file: "/var/run/docker.pid".to_owned(),
            args: Vec::new(),
            start_timeout: Duration::from_secs(180),
            restart_hung_after: Some(Duration::from_secs(300)),
            on_hung: OnHung::Auto,
            config: DockerConfig::new(),
            restart_for_config: Switch::Off,
        }
    }
}

impl Default for Health {
    fn default() -> Self {
        Health {
            tcp: Some(SocketAddr::from(([127, 0, 0, 1], 51682))),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Log {
            level: Level::Info,
            format: LogFormat::Text,
        }
    }
}

impl Default for UserData {
    fn default() -> Self {
        UserData {
            on_failed: OnUserDataFailed::Refuse,
            budget: Duration::from_secs(600),
        }
    }
}

impl Default for Run {
    fn default() -> Self {
        Run {
            on_failed: OnFailed::Stay,
            slow_retry: Duration::from_secs(300),
        }
    }
}
