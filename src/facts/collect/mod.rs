//! Reads the host layer through a root directory: the running host, a recorded tree of a booted host (with `proc` and
//! `sys`), or the root of an image that has not booted. Nothing here judges what it reads, and nothing fails: what can't
//! be read says why.

mod cgroup;
mod machine;
mod memory;
mod units;

#[cfg(test)]
mod tests;

use std::io;

use crate::agent_config::{JSON_PATH, USER_PATH, VENDOR_PATH};
use crate::host::files::{Kind, Root};
use crate::host::systemd;

use super::{
    ConfigFile, Content, DmiFacts, Fact, Facts, HostFacts, PROBED_PATHS, SCHEMA, XenFacts,
};
use super::{IMAGE_RELEASE, accelerators, agent_state, cloud_init, files, kernel, storage};

/// The units that [`HostFacts::units`] tells of.
const UNITS: &[&str] = &[
    "amazon-ecs-volume-plugin.socket",
    "chrony.service",
    "chronyd.service",
    "docker.service",
    "docker.socket",
    "ecs-nanny-volumes.socket",
    "ecs-nanny.service",
    "ecs.service",
    "ntp.service",
    "ntpd.service",
    "ntpsec.service",
    "nvidia-fabricmanager.service",
    "nvidia-mps.service",
    "nvidia-persistenced.service",
    "systemd-timesyncd.service",
];

/// A document of facts with the host layer read from `root`; the engine and the instance have not been asked.
pub fn read(root: &Root) -> Facts {
    let host = host(root);
    // A recorded host's tree has what a kernel shows in /proc.
    let runs = root.is_host() || host.systemd || host.memory.known().is_some();
    Facts {
        schema: SCHEMA,
        unbooted: !root.is_host(),
        image_only: !runs,
        host,
        engine: Fact::NotYet,
        instance: Fact::NotYet,
        image: Fact::NotYet,
    }
}

/// The host layer. Units are told from unit files alone; only systemd knows their `ActiveState`.
pub fn host(root: &Root) -> HostFacts {
    let kernel_release = machine::kernel_release(root);
    HostFacts {
        kernel: kernel::kernel(root, &kernel_release),
        kernel_release,
        machine: machine::machine(root),
        os_release: os_release(root),
        image_release: image_release(root),
        xen: xen(root),
        dmi: dmi(root),
        cpu_hypervisor_flag: machine::hypervisor_flag(root),
        memory: memory::memory(root),
        disks: storage::disks(root),
        volumes: Fact::NotYet,
        block_devices: storage::block_devices(root),
        fstab: storage::fstab(root),
        pci_devices: accelerators::pci_devices(root),
        programs: files::programs(root),
        texts: files::texts(root),
        accounts: files::accounts(root),
        cloud_init: cloud_init::cloud_init(root),
        agent_state: agent_state::agent_state(root),
        cgroup: cgroup::cgroup(root),
        paths: PROBED_PATHS
            .iter()
            .map(|path| (String::from(*path), root.kind(path)))
            .collect(),
        agent_config: [VENDOR_PATH, USER_PATH, JSON_PATH]
            .into_iter()
            .map(|path| (path.to_owned(), config_file(root, path)))
            .collect(),
        units: UNITS
            .iter()
            .map(|name| (String::from(*name), units::from_files(root, name)))
            .collect(),
        network: super::network(root),
        nvidia_devices: super::nvidia_devices(root),
        security: super::security(root),
        volume_plugin: super::volume_plugin(root),
        systemd: systemd::has_booted(root),
    }
}

/// Both places of os-release(5), in its order.
fn os_release(root: &Root) -> Fact<String> {
    for path in ["/etc/os-release", "/usr/lib/os-release"] {
        match root.read_if_present(path) {
            Ok(Some(file)) => {
                return Fact::Known(String::from_utf8_lossy(&file.bytes).into_owned());
            }
            Ok(None) => {}
            Err(error) => return Fact::Unreadable(format!("{path}: {error}")),
        }
    }
    Fact::Unreadable("there is neither /etc/os-release nor /usr/lib/os-release".to_owned())
}

/// What the image's maker wrote of it.
fn image_release(root: &Root) -> Fact<Option<String>> {
    let read = root.read_if_present(IMAGE_RELEASE);
    let read = read.map_err(|error| format!("{IMAGE_RELEASE}: {error}"));
    Fact::from(read).map(|file| file.map(|file| String::from_utf8_lossy(&file.bytes).into_owned()))
}

/// A file as text, or why it can't be read, with its path.
fn text(root: &Root, path: &str) -> Result<String, String> {
    match root.read(path) {
        Ok(file) => Ok(String::from_utf8_lossy(&file.bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(format!("there is no {path}")),
        Err(error) => Err(format!("{path}: {error}")),
    }
}

fn xen(root: &Root) -> XenFacts {
    let line = |name: &str| root.line(&format!("/sys/hypervisor/{name}"));
    XenFacts {
        hypervisor_type: line("type"),
        guest_type: line("guest_type"),
        uuid: line("uuid"),
    }
}

fn dmi(root: &Root) -> DmiFacts {
    const DIRECTORY: &str = "/sys/class/dmi/id";
    let line = |name: &str| root.line(&format!("{DIRECTORY}/{name}"));
    DmiFacts {
        present: root.kind(DIRECTORY) == Kind::Directory,
        sys_vendor: line("sys_vendor"),
        product_name: line("product_name"),
        product_uuid: line("product_uuid"),
        board_asset_tag: line("board_asset_tag"),
        bios_vendor: line("bios_vendor"),
        bios_version: line("bios_version"),
    }
}

fn config_file(root: &Root, path: &str) -> Fact<Option<ConfigFile>> {
    match root.read_if_present(path) {
        Ok(file) => Fact::Known(file.map(|file| ConfigFile {
            mode: file.mode,
            content: Content::from_bytes(&file.bytes),
        })),
        Err(error) => Fact::Unreadable(format!("{path}: {error}")),
    }
}
