//! The agent's environment in layers: what is always given, the platform, both files, ecs-nanny's settings, and what the
//! host's facts force.

mod attributes;
mod lists;

pub(super) use lists::{LOGGING_DRIVERS, RESERVED_PORTS, with_own_port};

use std::collections::BTreeMap;

use super::distribution::detailed_os_family;
use super::engine::Socket;
use super::inputs::{Inputs, said};
use super::notice::{notice, place};
use crate::agent_config::{Layer, Variable};
use crate::facts::is_warm;
use crate::finding::{Finding, Severity};
use crate::settings::Switch;

/// Where EBS volumes of tasks are mounted. ecs-init makes it before it starts the agent, and so do we.
pub(super) const EBS_MOUNTS: &str = "/mnt/ecs/ebs";

/// Who is named as the origin of ecs-init's defaults.
const DEFAULTS: &str = "ecs-nanny";

pub(super) const GPU_SUPPORT: &str = "ECS_ENABLE_GPU_SUPPORT";
const UPDATES: &str = "ECS_UPDATES_ENABLED";

/// What the agent is always given, as ecs-init gives it.
const ALWAYS: &[(&str, &str)] = &[
    ("ECS_LOGFILE", "/log/ecs-agent.log"),
    ("ECS_DATADIR", "/data"),
    ("ECS_AGENT_CONFIG_FILE_PATH", crate::agent_config::JSON_PATH),
    ("ECS_UPDATE_DOWNLOAD_DIR", "/var/cache/ecs"),
    (UPDATES, "true"),
    ("ECS_ENABLE_TASK_IAM_ROLE", "true"),
    ("ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST", "true"),
    ("ECS_EBSTA_SUPPORTED", "true"),
    ("ECS_AGENT_LABELS", ""),
];

/// What ecs-init's platform layer adds.
const PLATFORM: &[(&str, &str)] = &[
    ("ECS_ENABLE_TASK_ENI", "true"),
    ("ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE", "true"),
];

/// The variables by name, and what was noticed.
#[derive(Default)]
pub(super) struct Environment {
    pub variables: BTreeMap<String, Variable>,
    pub findings: Vec<Finding>,
}

impl Environment {
    /// The value of a variable; empty where it has none.
    pub(super) fn value(&self, name: &str) -> &str {
        self.variables.get(name).map_or("", |it| &it.value)
    }

    /// True where a variable is the literal `true`, which is what ecs-init asks for.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.value(name) == "true"
    }

    fn set(&mut self, name: &str, value: impl Into<String>, layer: Layer, by: &str) {
        let variable = said(value, layer, by);
        self.variables.insert(name.to_owned(), variable);
    }
}

/// The effective environment.
pub(super) fn effective(inputs: &Inputs<'_>) -> Environment {
    let mut environment = Environment::default();
    defaults(inputs, &mut environment);
    platform(inputs, &mut environment);
    environment.variables.extend(inputs.config.agent.clone());
    gate_gpu(inputs, &mut environment);
    settings(inputs, &mut environment);
    force(inputs, &mut environment);
    lists::add_awslogs(&mut environment);
    lists::reserve_ports(inputs, &mut environment);
    attributes::add(inputs, &mut environment);
    environment
}

fn defaults(inputs: &Inputs<'_>, environment: &mut Environment) {
    let mut add = |name: &str, value: &str| environment.set(name, value, Layer::Default, DEFAULTS);
    for (name, value) in ALWAYS {
        add(name, value);
    }
    add("ECS_DETAILED_OS_FAMILY", &detailed_os_family(inputs.facts));
    let fetcher = inputs.switches.credentials_fetcher();
    add("CREDENTIALS_FETCHER_HOST_DIR", fetcher);
    if let Some(certificates) = inputs.distribution.certificates()
        && inputs.is_directory(certificates.ssl_cert_dir)
    {
        add("SSL_CERT_DIR", certificates.ssl_cert_dir);
    }
    // ecs-init claims it on every host, and tasks with EFS volumes are placed where they can't start.
    if inputs.facts.host.volume_plugin.is_usable() {
        add("ECS_VOLUME_PLUGIN_CAPABILITIES", r#"["efsAuth"]"#);
    }
}

fn platform(inputs: &Inputs<'_>, environment: &mut Environment) {
    for (name, value) in PLATFORM {
        environment.set(name, *value, Layer::Platform, DEFAULTS);
    }
    derived(inputs, environment);
    if !inputs.switches.gmsa() {
        return;
    }
    let joined = &inputs.facts.host.security.joined_domains;
    if joined.known().is_some_and(|domains| !domains.is_empty()) {
        let name = "ECS_DOMAIN_JOINED_LINUX_INSTANCE";
        environment.set(name, "true", Layer::Platform, DEFAULTS);
    }
}

/// What the instance asks for; below both files, so never against what they say.
fn derived(inputs: &Inputs<'_>, environment: &mut Environment) {
    let Some(instance) = inputs.facts.instance.known() else {
        return;
    };
    let mut add = |name: &str, why| environment.set(name, "true", Layer::Platform, why);
    // The agent sets itself to DRAINING two minutes before EC2 takes the instance back.
    if instance.life_cycle.as_deref() == Some("spot") {
        add("ECS_ENABLE_SPOT_INSTANCE_DRAINING", "a Spot instance");
    }
    // ecs-nanny waits for InService itself; this is for a group that takes the instance back meanwhile.
    let target = instance.target_lifecycle_state.as_deref();
    if target.is_some_and(is_warm) {
        add("ECS_WARM_POOLS_CHECK", "in a warm pool");
    }
}

/// A GPU image must start on a host without GPU, so the image's flag counts only where a device is. The user's own
/// flag is passed on, as ecs-init does.
fn gate_gpu(inputs: &Inputs<'_>, environment: &mut Environment) {
    let Some(flag) = environment.variables.get(GPU_SUPPORT) else {
        return;
    };
    if flag.value != "true" || inputs.has_gpu() {
        return;
    }
    let (layer, said_by) = (flag.layer, place(flag));
    environment.findings.push(Finding {
        place: said_by,
        severity: match layer {
            Layer::Vendor => Severity::Informational,
            _ => Severity::Recommended,
        },
        ..notice(
            "agent.gpu",
            "GPU support is asked for where a GPU is",
            "ECS_ENABLE_GPU_SUPPORT=true, and there is no /dev/nvidia*",
            "an NVIDIA device, with its driver loaded before the agent starts",
            "load the driver earlier, or ignore this on a host without GPU",
        )
    });
    if layer == Layer::Vendor {
        environment.variables.remove(GPU_SUPPORT);
    }
}

fn settings(inputs: &Inputs<'_>, environment: &mut Environment) {
    if inputs.settings.agent.updates == Switch::Off {
        environment.set(UPDATES, "false", Layer::Settings, "agent.updates");
    }
    if let Socket::Settings(path) = Socket::of(inputs) {
        let value = format!("unix://{path}");
        environment.set("DOCKER_HOST", value, Layer::Settings, "engine.socket");
    }
}

/// What facts decide whatever anyone says.
fn force(inputs: &Inputs<'_>, environment: &mut Environment) {
    let mut off = |name: &str, why: &str| environment.set(name, "false", Layer::Forced, why);
    if inputs.switches.external() {
        off("ECS_ENABLE_TASK_ENI", "ECS_EXTERNAL=true");
    } else if !inputs.engine_speaks(1, 25) {
        off("ECS_ENABLE_TASK_ENI", "the engine's API is older than 1.25");
    }
    if inputs.is_file(EBS_MOUNTS) {
        off("ECS_EBSTA_SUPPORTED", "/mnt/ecs/ebs is not a directory");
    }
}
