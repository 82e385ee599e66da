//! The agent's configuration files: bytes in, effective variables and findings out. Knows neither Docker nor files.
//!
//! One file has several readers with grammars of their own: systemd (`EnvironmentFile=`), ecs-init's own parser, and
//! `docker run --env-file`.

mod document;
mod ecs_init;
mod env_file;
mod lines;
mod lint;
mod log_drivers;
mod read;
mod render;
mod report;
#[cfg(test)]
mod samples;
pub mod schema;
mod secret;
mod systemd;
mod value;

use std::collections::BTreeMap;

pub use lint::lint;
pub use log_drivers::{DEFAULT_LOG_DRIVERS, KNOWN_LOG_DRIVERS, LogDrivers, Repair, with_awslogs};
pub use read::read;
pub use render::render_vendor;
pub use secret::{MASK, is_secret, mask, mask_addresses, mask_value};
pub use systemd::environment_file;

use crate::finding::Finding;

/// Where the AMI's layer of the agent's configuration lives; ecs-nanny writes it.
pub const VENDOR_PATH: &str = "/var/lib/ecs/ecs.config";
/// Where the user's layer lives; ecs-nanny only reads it.
pub const USER_PATH: &str = "/etc/ecs/ecs.config";
/// The agent's own JSON configuration, which its environment goes over.
pub const JSON_PATH: &str = "/etc/ecs/ecs.config.json";

/// Who said a variable, lowest precedence first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// What is always given to the agent (ecs-init's defaults).
    Default,
    /// What this platform adds.
    Platform,
    /// [`VENDOR_PATH`].
    Vendor,
    /// [`USER_PATH`].
    User,
    /// `agent.extra_env` of ecs-nanny's own settings.
    Settings,
    /// What the host's facts force, whatever anyone says.
    Forced,
}

/// One configuration file.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Which layer it is.
    pub layer: Layer,
    /// Its path, for findings.
    pub path: &'a str,
    /// Its content.
    pub bytes: &'a [u8],
    /// Permission bits, where known.
    pub mode: Option<u32>,
}

/// One variable with its origin.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Variable {
    /// The value.
    pub value: String,
    /// Who said it.
    pub layer: Layer,
    /// The file, or what else said it.
    pub path: String,
    /// The line in the file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

impl Variable {
    /// The value as its line has it, with whatever quotes stand around it: what ecs-init passes to the agent. `file` is
    /// the content of the file that said it; `None` where none did.
    pub fn as_written(&self, file: &[u8]) -> Option<String> {
        let text = String::from_utf8_lossy(file);
        let index = usize::try_from(self.line?.checked_sub(1)?).ok()?;
        let (_, value) = text.split('\n').nth(index)?.trim().split_once('=')?;
        Some(value.to_owned())
    }
}

/// What the layers say together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentConfig {
    /// What the agent's container is to get of the files, by name; the user's layer over the vendor's.
    pub agent: BTreeMap<String, Variable>,
    /// What a process started by systemd with both files as `EnvironmentFile=` would see: the switches that ecs-init
    /// reads from its own environment.
    pub process: BTreeMap<String, Variable>,
    /// Lines that could not be used, with place and mend.
    pub findings: Vec<Finding>,
}
