//! The host layer of facts: `/proc`, `/sys` and `/etc` through a root directory.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Fact;

/// Which hierarchy of control groups is mounted at `/sys/fs/cgroup`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CgroupVersion {
    /// One hierarchy a controller.
    V1,
    /// The unified hierarchy.
    V2,
}

/// Control groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupFacts {
    /// The hierarchy that controllers are on.
    pub version: CgroupVersion,
    /// Controllers that can be used, sorted.
    pub controllers: Vec<String>,
}

/// `/sys/hypervisor`, each file as it stands, `None` where it is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct XenFacts {
    /// `/sys/hypervisor/type`.
    pub hypervisor_type: Option<String>,
    /// `/sys/hypervisor/guest_type`.
    pub guest_type: Option<String>,
    /// `/sys/hypervisor/uuid`.
    pub uuid: Option<String>,
}

/// `/sys/class/dmi/id`, each file as it stands, `None` where it is absent or unreadable.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DmiFacts {
    /// True when `/sys/class/dmi/id` exists.
    pub present: bool,
    /// `sys_vendor`.
    pub sys_vendor: Option<String>,
    /// `product_name`.
    pub product_name: Option<String>,
    /// `product_uuid` (root only).
    pub product_uuid: Option<String>,
    /// `board_asset_tag`.
    pub board_asset_tag: Option<String>,
    /// `bios_vendor`.
    pub bios_vendor: Option<String>,
    /// `bios_version`.
    pub bios_version: Option<String>,
}

/// Memory in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryFacts {
    /// `MemTotal`.
    pub total_bytes: u64,
    /// `MemAvailable`.
    pub available_bytes: u64,
}

/// A configuration file as it stands: text where it is UTF-8, hexadecimal where it is not, so that nothing is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigFile {
    /// Permission bits, for example 0o600.
    pub mode: u32,
    /// The content.
    pub content: Content,
}

/// The bytes of a file in a form that JSON can hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// The file is UTF-8.
    Text(String),
    /// It is not: its bytes, two hexadecimal digits each.
    Hex(String),
}

impl Content {
    /// Keeps the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Content::Text(text.to_owned()),
            Err(_) => Content::Hex(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        }
    }

    /// The bytes again. Digits that are not hexadecimal (a document edited by hand) are passed over.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Content::Text(text) => text.clone().into_bytes(),
            Content::Hex(digits) => {
                let nibbles: Vec<u8> = digits
                    .chars()
                    .filter_map(|digit| digit.to_digit(16).map(|value| value as u8))
                    .collect();
                nibbles
                    .chunks_exact(2)
                    .map(|pair| pair[0] << 4 | pair[1])
                    .collect()
            }
        }
    }
}

/// What systemd says of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitFacts {
    /// True when a unit file exists.
    pub installed: bool,
    /// `ActiveState`, where a running systemd could be asked.
    pub active_state: Option<String>,
    /// `UnitFileState`, for example `enabled`.
    pub file_state: Option<String>,
    /// `After=`, as the unit's files and drop-ins say it.
    pub after: Vec<String>,
    /// `RestartPreventExitStatus=`, as they say it.
    pub restart_prevented_by: Vec<String>,
    /// The first `ExecStart=`, as they say it.
    pub command: Option<String>,
    /// `Environment=`, as they say it.
    pub environment: Vec<String>,
    /// `EnvironmentFile=`, as they say it, a leading `-` for a file that may be missing.
    pub environment_files: Vec<String>,
}

/// The host layer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HostFacts {
    /// `/proc/sys/kernel/osrelease`, or the newest directory of `/lib/modules` in an unbooted tree.
    pub kernel_release: Fact<String>,
    /// Machine in the kernel's words: `x86_64`, `aarch64`. In an unbooted tree from the ELF header of its programs.
    pub machine: Fact<String>,
    /// `/etc/os-release` as it stands.
    pub os_release: Fact<String>,
    /// `/etc/ecs-nanny/image-release.json` as it stands; `None` where absent.
    pub image_release: Fact<Option<String>>,
    /// Xen's view.
    pub xen: XenFacts,
    /// The firmware's view.
    pub dmi: DmiFacts,
    /// The `hypervisor` flag in `/proc/cpuinfo` (x86 only).
    pub cpu_hypervisor_flag: Fact<bool>,
    /// Memory.
    pub memory: Fact<MemoryFacts>,
    /// File systems on disks.
    pub disks: Fact<Vec<super::DiskFacts>>,
    /// Disks, mounted or not.
    pub block_devices: Vec<super::BlockDeviceFacts>,
    /// Block devices with what stands on them, where the settings ask for volumes and root has looked.
    #[serde(skip_serializing_if = "Fact::is_not_yet")]
    pub volumes: Fact<Vec<super::VolumeFacts>>,
    /// What is to be mounted at boot.
    pub fstab: Vec<super::FstabFacts>,
    /// The kernel beside its release.
    pub kernel: super::KernelFacts,
    /// NVIDIA's and Amazon's devices on the PCI bus.
    pub pci_devices: Vec<super::PciDevice>,
    /// Programs by name, with the path of each that is there.
    pub programs: BTreeMap<String, String>,
    /// Small files as they stand, by path, where they are there.
    pub texts: BTreeMap<String, String>,
    /// Names of users and groups.
    pub accounts: Vec<String>,
    /// cloud-init.
    pub cloud_init: super::CloudInitFacts,
    /// What the agent keeps between its runs.
    pub agent_state: super::AgentStateFacts,
    /// Control groups.
    pub cgroup: Fact<CgroupFacts>,
    /// Existence of the paths in [`super::PROBED_PATHS`].
    pub paths: super::Paths,
    /// `/var/lib/ecs/ecs.config` (vendor layer), `/etc/ecs/ecs.config` (user layer) and `/etc/ecs/ecs.config.json`, by path;
    /// `None` where absent.
    pub agent_config: BTreeMap<String, Fact<Option<ConfigFile>>>,
    /// Units by name: `docker.service`, `ecs.service` and the others that rules ask for.
    pub units: BTreeMap<String, Fact<UnitFacts>>,
    /// Routes, interfaces and reserved ports.
    pub network: super::NetworkFacts,
    /// Device files in `/dev` whose names begin with `nvidia`.
    pub nvidia_devices: Vec<String>,
    /// AppArmor and domain membership.
    pub security: super::SecurityFacts,
    /// The plugin for volumes of tasks.
    pub volume_plugin: super::VolumePlugin,
    /// True when the running system's PID 1 is systemd (`/run/systemd/system` exists).
    pub systemd: bool,
}
