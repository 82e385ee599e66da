//! GPUs: what is awaited before the agent starts, and what is left from another host.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::environment::GPU_SUPPORT;
use super::inputs::Inputs;
use super::notice::notice;
use crate::facts::{GPU_INVENTORY, gpus};
use crate::finding::Finding;
use crate::settings::{DockerConfig, Switch};

/// The program that NVIDIA's toolkit brings, under the name by which Docker finds it.
const RUNTIME: &str = "nvidia-container-runtime";

/// What is awaited before the agent starts on a host with GPUs that is to offer them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuPlan {
    /// NVIDIA GPUs on the PCI bus.
    pub count: usize,
    /// The driver's device files.
    pub devices: Vec<String>,
    /// The list for the agent that is then made.
    pub inventory: String,
}

/// `None` without GPUs on the PCI bus, where they are not to be offered, and under Amazon's unit, which waits itself.
pub(super) fn plan(inputs: &Inputs<'_>) -> Option<GpuPlan> {
    let count = gpus(&inputs.facts.host.pci_devices);
    let flag = inputs.config.agent.get(GPU_SUPPORT);
    let offered = flag.is_some_and(|flag| flag.value == "true");
    (count > 0 && offered && !inputs.amazon_unit()).then(|| GpuPlan {
        count,
        devices: ["/dev/nvidiactl", "/dev/nvidia0"]
            .map(str::to_owned)
            .to_vec(),
        inventory: GPU_INVENTORY.to_owned(),
    })
}

/// A list of GPUs on a host without any: it came with the image.
pub(super) fn stale_inventory(inputs: &Inputs<'_>) -> Option<String> {
    let host = &inputs.facts.host;
    let none = gpus(&host.pci_devices) == 0 && host.nvidia_devices.is_empty();
    let there = host.texts.contains_key(GPU_INVENTORY);
    (none && there && !inputs.amazon_unit()).then(|| GPU_INVENTORY.to_owned())
}

/// What is merged into Docker's configuration for GPUs, below the settings' own, and why it can't be.
pub(super) fn docker_config(inputs: &Inputs<'_>) -> (DockerConfig, Vec<Finding>) {
    let host = &inputs.facts.host;
    if inputs.settings.gpu.configure_runtime == Switch::Off || gpus(&host.pci_devices) == 0 {
        return (DockerConfig::new(), Vec::new());
    }
    if !host.programs.contains_key(RUNTIME) {
        let finding = notice(
            "gpu.toolkit",
            "containers can be given GPUs",
            format!("there is no {RUNTIME}, which gpu.configure_runtime would have Docker use"),
            "NVIDIA's container toolkit",
            "install nvidia-container-toolkit in the image",
        );
        return (DockerConfig::new(), vec![finding]);
    }
    let runtimes = json!({"nvidia": {"path": RUNTIME}});
    let config = DockerConfig::from_iter([("runtimes".to_owned(), runtimes)]);
    (config, Vec::new())
}
