//! Accelerators on the PCI bus.

use serde::{Deserialize, Serialize};

use crate::host::files::Root;

/// A device of `/sys/bus/pci/devices` that is NVIDIA's, or Amazon's (network, storage and Neuron devices).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PciDevice {
    /// For example `0000:00:1e.0`.
    pub address: String,
    /// `vendor` as it stands, for example `0x10de`.
    pub vendor: String,
    /// `device` as it stands.
    pub device: String,
    /// `class` as it stands, for example `0x030200`.
    pub class: String,
}

/// PCI's number for NVIDIA.
pub const NVIDIA: &str = "0x10de";
/// PCI's number for Amazon.
pub const AMAZON: &str = "0x1d0f";

/// How many of the devices are NVIDIA's display controllers (class 03); its audio and USB functions are none.
pub fn gpus(devices: &[PciDevice]) -> usize {
    let is_gpu = |device: &&PciDevice| device.vendor == NVIDIA && device.class.starts_with("0x03");
    devices.iter().filter(is_gpu).count()
}

/// The devices of these two makers.
pub fn pci_devices(root: &Root) -> Vec<PciDevice> {
    const DIRECTORY: &str = "/sys/bus/pci/devices";
    let addresses = root.names(DIRECTORY).into_iter();
    addresses
        .filter_map(|address| {
            let field = |name: &str| {
                root.line(&format!("{DIRECTORY}/{address}/{name}"))
                    .unwrap_or_default()
            };
            let vendor = field("vendor");
            let (device, class) = (field("device"), field("class"));
            [NVIDIA, AMAZON].contains(&&*vendor).then_some(PciDevice {
                address,
                vendor,
                device,
                class,
            })
        })
        .collect()
}
