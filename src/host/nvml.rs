//! NVIDIA's management library, loaded when it is called for: it comes with the driver.
//!
//! It can hang with a broken driver and takes memory: only a privileged step with a deadline calls this, never the daemon.

use std::ffi::OsStr;

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;
use serde::{Deserialize, Serialize};

/// The library by the name that the driver installs; without a number it comes with the development files alone.
pub const LIBRARY: &str = "libnvidia-ml.so.1";

/// The GPUs of a host, in the form of `/var/lib/ecs/gpu/nvidia-gpu-info.json`, which the ECS agent reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// Version of the driver.
    #[serde(rename = "DriverVersion")]
    pub driver_version: String,
    /// UUIDs, `GPU-…`.
    #[serde(rename = "GPUIDs")]
    pub gpu_ids: Vec<String>,
}

/// Asks the driver. Beside the inventory, why some GPU is not in it: a GPU that has failed does not hide the others.
///
/// # Errors
/// The library is missing or does not work with the driver that is loaded.
pub fn inventory(library: &str) -> Result<(Inventory, Vec<String>), NvmlError> {
    let nvml = Nvml::builder().lib_path(OsStr::new(library)).init()?;
    let mut gpu_ids = Vec::new();
    let mut failed = Vec::new();
    for index in 0..nvml.device_count()? {
        match nvml.device_by_index(index).and_then(|gpu| gpu.uuid()) {
            Ok(id) => gpu_ids.push(id),
            Err(error) => failed.push(format!("GPU {index}: {error}")),
        }
    }
    let driver_version = nvml.sys_driver_version()?;
    Ok((
        Inventory {
            driver_version,
            gpu_ids,
        },
        failed,
    ))
}
