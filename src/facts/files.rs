//! Small files that rules read, programs that must be there, and the names of accounts.

use std::collections::BTreeMap;

use crate::agent_config::mask_addresses;
use crate::host::files::{Kind, Root};

/// Texts that hold no secret and that rules read; [`super::HostFacts::texts`] has those that are there.
pub const TEXTS: &[&str] = &[
    DAEMON_JSON,
    "/etc/default/docker",
    "/etc/image-id",
    "/etc/resolv.conf",
    "/etc/selinux/config",
    "/etc/sysconfig/docker",
    "/etc/sysconfig/docker-storage",
    "/proc/driver/nvidia/version",
    "/run/docker/runtimes.env",
    "/sys/fs/selinux/enforce",
    GPU_INVENTORY,
];

/// What the image's maker wrote of it; [`super::HostFacts::image_release`] has it.
pub const IMAGE_RELEASE: &str = "/etc/ecs-nanny/image-release.json";

/// The list of GPUs that the ECS agent reads.
pub const GPU_INVENTORY: &str = "/var/lib/ecs/gpu/nvidia-gpu-info.json";

/// The Docker daemon's configuration.
pub const DAEMON_JSON: &str = "/etc/docker/daemon.json";

/// The programs that [`super::HostFacts::programs`] tells of.
pub const PROGRAMS: &[&str] = &[
    "apparmor_parser",
    "dockerd",
    "git",
    "growpart",
    "iptables",
    "lsblk",
    "mdadm",
    "mkdir",
    "mkfs.ext4",
    "mkfs.xfs",
    "modinfo",
    "mount",
    "mount.efs",
    "mount.s3files",
    "nsenter",
    "nvidia-container-runtime",
    "ps",
    "resize2fs",
    "sysctl",
    "xfs_growfs",
    "xz",
];

/// Where programs are looked for: the search path of system services.
const DIRECTORIES: &[&str] = &[
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

/// The texts that are there, by path.
pub fn texts(root: &Root) -> BTreeMap<String, String> {
    TEXTS
        .iter()
        .filter_map(|path| {
            let file = root.read(path).ok()?;
            let text = String::from_utf8_lossy(&file.bytes).into_owned();
            // Those in which people write addresses of proxies with passwords.
            let text = match path.starts_with("/etc/") {
                true => mask_addresses(&text),
                false => text,
            };
            Some((String::from(*path), text))
        })
        .collect()
}

/// The programs that are there, with the path of each.
pub fn programs(root: &Root) -> BTreeMap<String, String> {
    PROGRAMS
        .iter()
        .filter_map(|name| {
            let paths = DIRECTORIES
                .iter()
                .map(|directory| format!("{directory}/{name}"));
            let path = paths
                .into_iter()
                .find(|path| root.kind(path) == Kind::File)?;
            Some((String::from(*name), path))
        })
        .collect()
}

/// The names of users and groups in `/etc/passwd` and `/etc/group`, sorted, each once.
pub fn accounts(root: &Root) -> Vec<String> {
    let mut names: Vec<String> = ["/etc/passwd", "/etc/group"]
        .iter()
        .filter_map(|path| root.line(path))
        .flat_map(|text| {
            let names = text.lines().filter_map(|line| line.split_once(':'));
            names.map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
        })
        .collect();
    names.sort();
    names.dedup();
    names
}
