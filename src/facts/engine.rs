//! The engine layer of facts: what the Docker daemon says of itself.

use serde::{Deserialize, Serialize};

use crate::host::docker::{Docker, DockerError};

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

/// Asks the daemon what it is.
///
/// # Errors
/// [`DockerError`].
pub async fn engine(docker: &Docker) -> Result<EngineFacts, DockerError> {
    let (version, info, bridge) = docker.describe().await?;
    let mut log_drivers = info
        .plugins
        .and_then(|plugins| plugins.log)
        .unwrap_or_default();
    log_drivers.sort();
    let mut runtimes: Vec<String> = info.runtimes.unwrap_or_default().into_keys().collect();
    runtimes.sort();
    Ok(EngineFacts {
        version: version.version.unwrap_or_default(),
        api_version: version.api_version.unwrap_or_default(),
        min_api_version: version.min_api_version.unwrap_or_default(),
        os_type: info.os_type.unwrap_or_default(),
        architecture: info.architecture.unwrap_or_default(),
        storage_driver: info.driver.unwrap_or_default(),
        storage_status: info
            .driver_status
            .unwrap_or_default()
            .into_iter()
            .filter_map(|pair| Some((pair.first()?.clone(), pair.get(1)?.clone())))
            .collect(),
        cgroup_driver: word(info.cgroup_driver),
        cgroup_version: word(info.cgroup_version),
        log_drivers,
        runtimes,
        data_root: info.docker_root_dir.unwrap_or_default(),
        live_restore: info.live_restore_enabled.unwrap_or_default(),
        security_options: info.security_options.unwrap_or_default(),
        bridge: bridge.unwrap_or_default(),
    })
}

fn word(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
