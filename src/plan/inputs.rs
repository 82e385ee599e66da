//! What every part of the plan is made from.

use super::AMAZON_UNIT;
use super::distribution::Distribution;
use super::engine::speaks;
use super::switches::Switches;
use crate::agent_config::{self, AgentConfig, Layer, Source, USER_PATH, VENDOR_PATH, Variable};
use crate::facts::{ConfigFile, Fact, Facts, PathKind};
use crate::settings::{AgentBackend, Settings};

/// What is written for the origin of variables from ecs-nanny's own settings.
const EXTRA_ENV: &str = "agent.extra_env";

pub(super) struct Inputs<'a> {
    pub settings: &'a Settings,
    pub facts: &'a Facts,
    pub config: &'a AgentConfig,
    pub switches: Switches<'a>,
    pub distribution: Distribution,
}

impl<'a> Inputs<'a> {
    pub(super) fn new(settings: &'a Settings, facts: &'a Facts, config: &'a AgentConfig) -> Self {
        Inputs {
            settings,
            facts,
            config,
            switches: Switches::of(&config.process),
            distribution: Distribution::of(facts),
        }
    }

    /// What stands at a path; nothing where nobody has looked.
    pub(super) fn kind(&self, path: &str) -> PathKind {
        let kind = self.facts.host.paths.get(path);
        kind.copied().unwrap_or(PathKind::Absent)
    }

    /// True where something other than a directory stands at the path.
    pub(super) fn is_file(&self, path: &str) -> bool {
        !matches!(self.kind(path), PathKind::Absent | PathKind::Directory)
    }

    /// True where a directory stands at the path.
    pub(super) fn is_directory(&self, path: &str) -> bool {
        self.kind(path) == PathKind::Directory
    }

    /// True where the host has an NVIDIA device file.
    pub(super) fn has_gpu(&self) -> bool {
        !self.facts.host.nvidia_devices.is_empty()
    }

    /// True where the engine speaks this version of its API, or is not known.
    pub(super) fn engine_speaks(&self, major: u32, minor: u32) -> bool {
        self.facts
            .engine
            .known()
            .is_none_or(|engine| speaks(engine, major, minor))
    }

    /// True where Amazon's unit runs the agent.
    pub(super) fn amazon_unit(&self) -> bool {
        match self.settings.agent.backend {
            AgentBackend::EcsService => true,
            AgentBackend::Container => false,
            AgentBackend::Auto => self
                .facts
                .host
                .units
                .get(AMAZON_UNIT)
                .and_then(Fact::known)
                .is_some_and(|unit| unit.installed && unit.file_state.as_deref() != Some("masked")),
        }
    }
}

/// Both layers of the agent's configuration, with `agent.extra_env` over them. A switch that systemd's grammar loses,
/// since one byte makes it drop a file or an open quote swallows lines, is what the agent reads: one host, one view.
pub(super) fn agent_config(settings: &Settings, facts: &Facts) -> AgentConfig {
    let mut config = layers(facts, &[Layer::Vendor, Layer::User]);
    for (name, variable) in &config.agent {
        let seen = config.process.get(name);
        if seen.is_none_or(|seen| seen.layer < variable.layer) {
            config.process.insert(name.clone(), variable.clone());
        }
    }
    for (name, value) in &settings.agent.extra_env {
        let variable = said(value, Layer::Settings, EXTRA_ENV);
        config.agent.insert(name.clone(), variable.clone());
        config.process.insert(name.clone(), variable);
    }
    config
}

/// What some of the two files say together.
pub(super) fn layers(facts: &Facts, layers: &[Layer]) -> AgentConfig {
    let files: Vec<(Layer, &str, Vec<u8>, u32)> = layers
        .iter()
        .filter_map(|layer| {
            let path = match layer {
                Layer::Vendor => VENDOR_PATH,
                _ => USER_PATH,
            };
            let file = config_file(facts, path)?;
            Some((*layer, path, file.content.bytes(), file.mode))
        })
        .collect();
    let sources: Vec<Source<'_>> = files
        .iter()
        .map(|(layer, path, bytes, mode)| Source {
            layer: *layer,
            path,
            bytes,
            mode: Some(*mode),
        })
        .collect();
    agent_config::read(&sources)
}

/// A configuration file that could be read.
pub(super) fn config_file<'a>(facts: &'a Facts, path: &str) -> Option<&'a ConfigFile> {
    facts.host.agent_config.get(path)?.known()?.as_ref()
}

/// The value of a line as ecs-init passes it to the agent: with whatever quotes stand around it.
pub(super) fn raw_value(facts: &Facts, variable: &Variable) -> Option<String> {
    variable.as_written(&config_file(facts, &variable.path)?.content.bytes())
}

/// A variable that no file said.
pub(super) fn said(value: impl Into<String>, layer: Layer, by: &str) -> Variable {
    Variable {
        value: value.into(),
        layer,
        path: by.to_owned(),
        line: None,
    }
}
