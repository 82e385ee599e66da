//! What the agent's configuration files mean to several rules.

use crate::agent_config::{self, AgentConfig, JSON_PATH, Layer, Source, USER_PATH, VENDOR_PATH};
use crate::facts::{ConfigFile, Fact, HostFacts};

/// Both files of the agent's environment, read as it reads them.
pub fn config(host: &HostFacts) -> AgentConfig {
    let files: Vec<(Layer, &str, Vec<u8>)> =
        [(Layer::Vendor, VENDOR_PATH), (Layer::User, USER_PATH)]
            .into_iter()
            .filter_map(|(layer, path)| Some((layer, path, file(host, path)?.content.bytes())))
            .collect();
    let sources: Vec<Source<'_>> = files
        .iter()
        .map(|(layer, path, bytes)| Source {
            layer: *layer,
            path,
            bytes,
            mode: None,
        })
        .collect();
    agent_config::read(&sources)
}

/// One variable of both files; `None` where it is absent or empty.
pub fn value(host: &HostFacts, name: &str) -> Option<String> {
    let variable = config(host).agent.remove(name)?;
    let value = variable.value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// The cluster that the agent's own JSON configuration names; Go reads names whatever their case.
pub fn cluster_of_json(host: &HostFacts) -> Option<String> {
    let bytes = file(host, JSON_PATH)?.content.bytes();
    let document: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&bytes).ok()?;
    let (_, cluster) = document
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("cluster"))?;
    let cluster = cluster.as_str()?.trim();
    (!cluster.is_empty()).then(|| cluster.to_owned())
}

fn file<'a>(host: &'a HostFacts, path: &str) -> Option<&'a ConfigFile> {
    host.agent_config.get(path)?.known()?.as_ref()
}

/// True where Amazon's unit starts the agent: ecs-nanny then gives it no environment of its own.
pub fn amazon_unit(host: &HostFacts) -> bool {
    let unit = |name: &str| host.units.get(name).and_then(Fact::known);
    unit("ecs.service")
        .is_some_and(|unit| unit.installed && unit.file_state.as_deref() != Some("masked"))
}

/// The log drivers that the agent offers.
pub struct LogDrivers {
    /// Their names.
    pub names: Vec<String>,
    /// What the files say, where awslogs is lost by it.
    pub lost: Option<String>,
}

impl LogDrivers {
    /// The list of the files, and what becomes of it.
    pub fn of(host: &HostFacts) -> Self {
        let variable = config(host).agent.remove("ECS_AVAILABLE_LOGGING_DRIVERS");
        let written = variable.map(|variable| {
            let as_written = file(host, &variable.path)
                .filter(|_| amazon_unit(host))
                .and_then(|file| variable.as_written(&file.content.bytes()));
            as_written.unwrap_or(variable.value)
        });
        let drivers = agent_config::with_awslogs(written.as_deref());
        let unreadable = drivers.repaired.is_some_and(|repair| repair.unreadable);
        LogDrivers {
            names: serde_json::from_str(&drivers.value).unwrap_or_default(),
            lost: written.filter(|_| drivers.added || unreadable),
        }
    }
}
