//! Everything that `run` would put on the host, as data. Pure: settings and facts in, plan out.

mod amazon_unit;
mod binds;
mod cluster;
mod daemon_json;
mod distribution;
mod engine;
mod environment;
mod files;
mod firewall;
mod gpu;
mod host_config;
mod inputs;
mod kernel;
mod labels;
mod log_config;
mod mask;
mod network;
mod notice;
mod storage;
mod switches;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use daemon_json::{DaemonJson, InForceBy, KeyChange, mask_config};
pub use engine::OWN_UNIT;
pub use gpu::GpuPlan;
pub use host_config::APPARMOR_PROFILE;
pub use labels::{PLAN_HASH_LABEL, VERSION_LABEL, hash};
pub use mask::masked;
pub use network::{Family, Operation, PlannedRoute, PlannedRule, PlannedSysctl};
pub use storage::{VolumePlan, VolumeStep};

use bollard_stubs::models::ContainerCreateBody;

use crate::agent_config::{JSON_PATH, USER_PATH, VENDOR_PATH, Variable};
use crate::facts::{Content, Fact, Facts};
use crate::finding::{Finding, Place};
use crate::settings::Settings;
use inputs::Inputs;
use notice::notice;

/// The number that grows when the JSON of `ecs-nanny plan` changes incompatibly.
pub const SCHEMA: u32 = 1;

/// Amazon's unit for the agent, of its package ecs-init.
pub const AMAZON_UNIT: &str = "ecs.service";

/// Name of the agent's container, ecs-init's.
pub const CONTAINER_NAME: &str = "ecs-agent";

/// The agent's container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentPlan {
    /// Name of the container.
    pub name: String,
    /// Reference of the image.
    pub image: String,
    /// The exact body for the Engine API's `POST /containers/create`; environment and binds sorted.
    pub create_request: ContainerCreateBody,
    /// The effective environment with its origins, for `config show`. Not part of the public JSON.
    #[serde(skip)]
    pub environment: BTreeMap<String, Variable>,
}

impl AgentPlan {
    /// The [`hash`] in its label.
    pub fn hash(&self) -> Option<&str> {
        let labels = self.create_request.labels.as_ref()?;
        labels.get(PLAN_HASH_LABEL).map(String::as_str)
    }
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
    pub content: Content,
    /// What will happen to it.
    pub change: Change,
}

/// A directory that must be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedDirectory {
    /// Absolute path.
    pub path: String,
    /// Permission bits in octal, for example `0755`.
    pub mode: String,
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

/// What is done to the host before the engine starts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Preparation {
    /// The Docker daemon's configuration file, where `engine.config` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemon_json: Option<DaemonJson>,
    /// GPUs that are awaited before the agent starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<GpuPlan>,
    /// A list of GPUs that came with the image, and is removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_inventory: Option<String>,
    /// Volumes, in the order of their places.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<VolumePlan>,
    /// What is not done, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

impl Preparation {
    /// True where nothing is to be prepared.
    pub fn is_empty(&self) -> bool {
        *self == Preparation::default()
    }
}

/// The whole plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this document, [`SCHEMA`].
    pub schema: u32,
    /// The container, where the agent is ours.
    pub agent: Option<AgentPlan>,
    /// The unit that runs the agent, where that is Amazon's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_unit: Option<String>,
    /// The cluster that the agent joins; `None` where no layer names one.
    pub cluster: Option<String>,
    /// The engine.
    pub engine: EnginePlan,
    /// What `ecs-nanny prepare` would do before the engine starts.
    #[serde(default, skip_serializing_if = "Preparation::is_empty")]
    pub preparation: Preparation,
    /// Directories to make.
    pub directories: Vec<PlannedDirectory>,
    /// Files to write.
    pub files: Vec<PlannedFile>,
    /// Packet filter rules, in the order in which they are created.
    pub firewall: Vec<PlannedRule>,
    /// Kernel parameters to set.
    pub sysctls: Vec<PlannedSysctl>,
    /// Routes to add.
    pub routes: Vec<PlannedRoute>,
    /// What was noticed while planning. Nothing in it keeps the agent from starting.
    pub findings: Vec<Finding>,
}

impl Plan {
    /// What was noticed, of the preparation first.
    pub fn all_findings(&self) -> impl Iterator<Item = &Finding> {
        self.preparation.findings.iter().chain(&self.findings)
    }
}

/// Makes the plan. An engine that has not been asked counts as one that speaks every API version and has Docker's usual
/// bridge.
///
/// `/mnt/ecs/ebs` counts as a directory where nothing stands there, since the plan makes it; a caller that could not
/// make it says so by setting its kind to [`crate::facts::PathKind::Other`] and plans again.
pub fn build(settings: &Settings, facts: &Facts) -> Plan {
    let config = inputs::agent_config(settings, facts);
    let inputs = Inputs::new(settings, facts, &config);
    let environment = environment::effective(&inputs);
    let mut findings = config.findings.clone();
    findings.extend(unreadable(facts));
    let cluster = cluster::cluster(&environment, facts, &mut findings);
    let mut plan = Plan {
        schema: SCHEMA,
        agent: None,
        agent_unit: None,
        cluster,
        engine: engine::plan(&inputs),
        preparation: Preparation::default(),
        directories: Vec::new(),
        files: files::files(&inputs),
        firewall: Vec::new(),
        sysctls: Vec::new(),
        routes: Vec::new(),
        findings,
    };
    let (daemon_json, problems) = daemon_json::plan(&inputs);
    plan.preparation.daemon_json = daemon_json;
    plan.preparation.findings = problems;
    let (volumes, problems) = storage::plan(&inputs, &daemon_json::data_roots(&inputs));
    plan.preparation.volumes = volumes;
    plan.preparation.findings.extend(problems);
    plan.preparation.gpu = gpu::plan(&inputs);
    plan.preparation.stale_inventory = gpu::stale_inventory(&inputs);
    if inputs.amazon_unit() {
        plan.agent_unit = Some(AMAZON_UNIT.to_owned());
        plan.findings.extend(amazon_unit::findings(&inputs));
    } else {
        plan.findings.extend(environment.findings.iter().cloned());
        plan.agent = Some(container(&inputs, environment, &mut plan.findings));
        plan.directories = files::directories(&inputs, &mut plan.findings);
        plan.firewall = firewall::rules(&inputs, &mut plan.findings);
        plan.sysctls = kernel::sysctls(&inputs);
        plan.routes = kernel::routes(&inputs);
    }
    plan
}

/// The agent's effective environment with its origins, also where Amazon's unit runs the agent.
pub fn environment(settings: &Settings, facts: &Facts) -> BTreeMap<String, Variable> {
    let config = inputs::agent_config(settings, facts);
    environment::effective(&Inputs::new(settings, facts, &config)).variables
}

/// Paths that the configuration names and that decide something, beside [`crate::facts::PROBED_PATHS`]. Whoever reads
/// facts adds what stands there to [`crate::facts::HostFacts::paths`].
pub fn probed_paths(settings: &Settings, facts: &Facts) -> Vec<String> {
    let config = inputs::agent_config(settings, facts);
    let fetcher = Inputs::new(settings, facts, &config)
        .switches
        .credentials_fetcher();
    let known = crate::facts::PROBED_PATHS.contains(&fetcher);
    if known || !fetcher.starts_with('/') {
        return Vec::new();
    }
    vec![fetcher.to_owned()]
}

fn container(
    inputs: &Inputs<'_>,
    environment: environment::Environment,
    findings: &mut Vec<Finding>,
) -> AgentPlan {
    let labels = labels::user_labels(&environment, findings);
    let mut create_request = ContainerCreateBody {
        image: Some(inputs.settings.agent.image.clone()),
        env: Some(
            environment
                .variables
                .iter()
                .map(|(name, variable)| format!("{name}={}", variable.value))
                .collect(),
        ),
        labels: Some(labels.into_iter().collect()),
        host_config: Some(host_config::host_config(inputs, &environment, findings)),
        ..ContainerCreateBody::default()
    };
    labels::sign(&mut create_request);
    AgentPlan {
        name: CONTAINER_NAME.to_owned(),
        image: inputs.settings.agent.image.clone(),
        create_request,
        environment: environment.variables,
    }
}

/// Configuration files that are there and can't be read.
fn unreadable(facts: &Facts) -> Vec<Finding> {
    [VENDOR_PATH, USER_PATH, JSON_PATH]
        .into_iter()
        .filter_map(|path| match facts.host.agent_config.get(path)? {
            Fact::Unreadable(why) => Some(Finding {
                place: Some(Place::file(path)),
                ..notice(
                    "agent_config.readable",
                    "the agent's configuration can be read",
                    format!("not readable: {why}"),
                    "a file",
                    "make it a file that root can read, or remove it",
                )
            }),
            _ => None,
        })
        .collect()
}
