//! The engine layer of facts: what the Docker daemon says of itself.

use serde::{Deserialize, Serialize};

/// What `GET /version` and `GET /info` say. Versions as the daemon writes them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EngineFacts {
    /// Engine version, for example `20.10.24+dfsg1`.
    pub version: String,
    /// Newest API version the daemon speaks, for example `1.41`.
    pub api_version: String,
    /// Oldest API version the daemon speaks, for example `1.12`.
    pub min_api_version: String,
    /// `linux` or `windows`.
    pub os_type: String,
    /// Architecture in the kernel's words, for example `x86_64`.
    pub architecture: String,
    /// Storage driver, for example `overlay2`.
    pub storage_driver: String,
    /// The storage driver's own status lines.
    pub storage_status: Vec<(String, String)>,
    /// `cgroupfs`, `systemd` or `none`.
    pub cgroup_driver: String,
    /// `1` or `2`; empty before Docker 20.10.
    pub cgroup_version: String,
    /// Log drivers (`Plugins.Log`).
    pub log_drivers: Vec<String>,
    /// Runtimes by name.
    pub runtimes: Vec<String>,
    /// Where images and containers are kept (`DockerRootDir`).
    pub data_root: String,
    /// True when containers survive the daemon.
    pub live_restore: bool,
    /// Security options, for example `name=apparmor`.
    pub security_options: Vec<String>,
    /// Name of the default bridge's interface, normally `docker0`; empty when there is none.
    pub bridge: String,
}
