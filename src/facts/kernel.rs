//! The kernel's build options and what it shows of itself.

use std::collections::BTreeMap;
use std::io::Read;

use serde::{Deserialize, Serialize};

use super::Fact;
use crate::host::files::{Kind, READ_LIMIT, Root};

/// What is known of the kernel beside its release.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KernelFacts {
    /// Its build options.
    pub config: Fact<KernelConfig>,
    /// Directories of `/lib/modules` that hold a kernel's modules, oldest first.
    pub installed: Vec<String>,
    /// Kinds of namespaces, the names in `/proc/self/ns`.
    pub namespaces: Vec<String>,
    /// File systems that it can mount now, from `/proc/filesystems`.
    pub file_systems: Vec<String>,
    /// Settings below `/proc/sys`, each as it stands, by the path below it; see [`SYSCTLS`].
    pub sysctls: BTreeMap<String, String>,
}

/// A kernel's build options.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KernelConfig {
    /// The file that tells them.
    pub path: String,
    /// Those that rules ask for and that are set, without `CONFIG_`: `y` built in, `m` a module.
    pub options: BTreeMap<String, String>,
}

/// Options without which no container starts, by moby's `contrib/check-config.sh`.
pub const CONTAINER_OPTIONS: &[&str] = &[
    "NAMESPACES",
    "NET_NS",
    "PID_NS",
    "IPC_NS",
    "UTS_NS",
    "CGROUPS",
    "CGROUP_SCHED",
    "KEYS",
    "VETH",
    "BRIDGE",
    "POSIX_MQUEUE",
];

/// Options that only control groups of version 1 need.
pub const CGROUP_V1_OPTIONS: &[&str] = &[
    "CGROUP_FREEZER",
    "CGROUP_DEVICE",
    "CPUSETS",
    "CGROUP_CPUACCT",
    "MEMCG",
];

/// Options for Docker's networks and limits.
pub const NETWORK_AND_LIMIT_OPTIONS: &[&str] = &[
    "BRIDGE_NETFILTER",
    "IP_NF_FILTER",
    "IP_NF_MANGLE",
    "IP_NF_TARGET_MASQUERADE",
    "IP6_NF_FILTER",
    "IP6_NF_MANGLE",
    "IP6_NF_TARGET_MASQUERADE",
    "NETFILTER_XT_MATCH_ADDRTYPE",
    "NETFILTER_XT_MATCH_CONNTRACK",
    "NETFILTER_XT_MATCH_IPVS",
    "NETFILTER_XT_MARK",
    "IP_NF_RAW",
    "IP_NF_NAT",
    "NF_NAT",
    "OVERLAY_FS",
    "SECCOMP",
    "CFS_BANDWIDTH",
    "CGROUP_PIDS",
];

/// Options that only newer kernels, or only older ones, need.
pub const OPTIONS_OF_SOME_RELEASES: &[&str] = &["CGROUP_BPF", "DEVPTS_MULTIPLE_INSTANCES"];

/// What is kept of a whole file, which has ten thousand.
const KEPT_OPTIONS: &[&[&str]] = &[
    CONTAINER_OPTIONS,
    CGROUP_V1_OPTIONS,
    NETWORK_AND_LIMIT_OPTIONS,
    OPTIONS_OF_SOME_RELEASES,
];

/// The settings below `/proc/sys` that rules ask for.
pub const SYSCTLS: &[&str] = &[
    "fs/file-max",
    "kernel/keys/root_maxkeys",
    "kernel/pid_max",
    "net/ipv4/conf/all/route_localnet",
    "net/ipv4/ip_forward",
    "net/ipv4/ip_local_port_range",
    "vm/overcommit_memory",
];

/// Reads what is known of the kernel of this release.
pub fn kernel(root: &Root, release: &Fact<String>) -> KernelFacts {
    KernelFacts {
        config: release.as_ref().and_then(|release| config(root, release)),
        installed: installed(root),
        namespaces: root.names("/proc/self/ns"),
        file_systems: file_systems(root),
        sysctls: SYSCTLS
            .iter()
            .filter_map(|name| {
                let value = root.line(&format!("/proc/sys/{name}"))?;
                Some((String::from(*name), value))
            })
            .collect(),
    }
}

/// The directories of `/lib/modules` that hold a kernel's modules, oldest first; a kernel that was removed can leave its
/// directory behind.
pub fn installed(root: &Root) -> Vec<String> {
    let mut releases = root.names("/lib/modules");
    releases.retain(|release| {
        ["modules.builtin", "modules.dep", "kernel"]
            .iter()
            .any(|name| root.kind(&format!("/lib/modules/{release}/{name}")) != Kind::Absent)
    });
    releases.sort_by_key(|release| numbers(release));
    releases
}

/// Every run of digits, as numbers: `5.10.9` sorts before `5.10.239`.
fn numbers(release: &str) -> Vec<u64> {
    release
        .split(|character: char| !character.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

/// Where a kernel's options stand, the running kernel's own first.
fn config(root: &Root, release: &str) -> Fact<KernelConfig> {
    let paths = [
        "/proc/config.gz".to_owned(),
        format!("/boot/config-{release}"),
        format!("/lib/modules/{release}/config"),
    ];
    for path in &paths {
        match root.read_if_present(path) {
            Ok(None) => {}
            Ok(Some(file)) if path.ends_with(".gz") => match unpacked(&file.bytes) {
                Ok(text) => return Fact::Known(options(path, &text)),
                Err(error) => return Fact::Unreadable(format!("{path}: {error}")),
            },
            Ok(Some(file)) => {
                return Fact::Known(options(path, &String::from_utf8_lossy(&file.bytes)));
            }
            Err(error) => return Fact::Unreadable(format!("{path}: {error}")),
        }
    }
    Fact::Unreadable(format!("there is none of {}", paths.join(", ")))
}

fn unpacked(bytes: &[u8]) -> std::io::Result<String> {
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(bytes)
        .take(READ_LIMIT)
        .read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn options(path: &str, text: &str) -> KernelConfig {
    let options = text
        .lines()
        .filter_map(|line| line.strip_prefix("CONFIG_")?.split_once('='))
        .filter(|(name, _)| KEPT_OPTIONS.iter().any(|group| group.contains(name)))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    KernelConfig {
        path: path.to_owned(),
        options,
    }
}

/// The last word of each line of `/proc/filesystems` (`nodev\toverlay`).
fn file_systems(root: &Root) -> Vec<String> {
    root.line("/proc/filesystems")
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn options_are_read_from_the_running_kernel_first() {
        let tree = tempfile::tempdir().unwrap();
        let root = Root::at(tree.path());
        let release = Fact::Known("6.1.0-1".to_owned());
        let none = kernel(&root, &release).config;
        assert!(none.why_unknown().contains("/boot/config-6.1.0-1"));

        std::fs::create_dir_all(tree.path().join("boot")).unwrap();
        std::fs::create_dir_all(tree.path().join("proc")).unwrap();
        let text = "# CONFIG_KEYS is not set\nCONFIG_VETH=m\nCONFIG_NOT_ASKED=y\n";
        std::fs::write(tree.path().join("boot/config-6.1.0-1"), text).unwrap();
        let expected = BTreeMap::from([("VETH".to_owned(), "m".to_owned())]);
        let found = kernel(&root, &release).config;
        assert_eq!(found.known().unwrap().options, expected);

        let file = std::fs::File::create(tree.path().join("proc/config.gz")).unwrap();
        let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        packed.write_all(b"CONFIG_KEYS=y\n").unwrap();
        packed.finish().unwrap();
        let found = kernel(&root, &release).config;
        assert_eq!(found.known().unwrap().path, "/proc/config.gz");
        assert_eq!(found.known().unwrap().options["KEYS"], "y");

        std::fs::write(tree.path().join("proc/config.gz"), "no gzip").unwrap();
        assert!(kernel(&root, &release).config.known().is_none());
    }
}
