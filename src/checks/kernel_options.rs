//! `kernel.config`, `kernel.limits`: what the kernel was built with, and what it is set to.

use crate::facts::{
    CGROUP_V1_OPTIONS, CONTAINER_OPTIONS, CgroupVersion, Fact, HostFacts, KernelConfig,
    NETWORK_AND_LIMIT_OPTIONS,
};
use crate::finding::Severity::{Informational, Recommended, Required};

use super::{Judge, Judgement, Rule, Told, Version, failed, on_container_hosts, passed, skipped};

const SOURCE: &str =
    "https://docs.docker.com/engine/install/binaries/#prerequisites, moby contrib/check-config.sh";

pub const RULES: &[Rule] = &[
    Rule {
        id: "kernel.config",
        title: "the kernel is built with what containers need",
        weights: &on_container_hosts(Required),
        told: Told::Image,
        required: "namespaces, control groups, keys, veth, bridges, POSIX message queues and iptables, built in or as modules",
        remedy: "use a kernel of the distribution, or build yours with these options",
        source: SOURCE,
        judge: Judge::Host(config),
    },
    Rule {
        id: "kernel.limits",
        title: "the kernel's settings leave room for containers",
        weights: &on_container_hosts(Recommended),
        told: Told::Booted,
        required: "kernel.keys.root_maxkeys above 10000, net.ipv4.ip_forward 1",
        remedy: "write the values to a file in /etc/sysctl.d and run sysctl --system",
        source: SOURCE,
        judge: Judge::Host(limits),
    },
];

/// What Docker's own list has for Swarm's services alone.
const SWARM: &str = "NETFILTER_XT_MATCH_IPVS";

fn config(host: &HostFacts) -> Judgement {
    match &host.kernel.config {
        Fact::Known(config) => told(config, &required(host)),
        Fact::Unreadable(why) => probed(host, why),
        Fact::NotYet => skipped("not known yet"),
    }
}

fn told(config: &KernelConfig, required: &[&str]) -> Judgement {
    let missing = |options: &[&str]| -> Vec<String> {
        let unset = options
            .iter()
            .filter(|name| !config.options.contains_key(**name));
        unset.map(|name| String::from(*name)).collect()
    };
    // The latter are no ground to refuse a host: newer kernels have some only for iptables' older interface, and its newer
    // one (nf_tables) does the same without them.
    let (needed, wanted) = (missing(required), missing(NETWORK_AND_LIMIT_OPTIONS));
    let without = |names: &[String]| format!("{} without {}", config.path, names.join(" "));
    if !needed.is_empty() {
        failed(without(&needed))
    } else if wanted == [SWARM] {
        failed(without(&wanted)).at_most(Informational)
    } else if !wanted.is_empty() {
        failed(without(&wanted)).at_most(Recommended)
    } else {
        passed(format!("{} has them all", config.path))
    }
}

/// The options that this kernel and these control groups can't do without.
fn required(host: &HostFacts) -> Vec<&'static str> {
    const BPF_DEVICES_SINCE: Version = Version::new(4, 15);
    const DEVPTS_ALWAYS_SINCE: Version = Version::new(4, 8);
    let mut options = CONTAINER_OPTIONS.to_vec();
    let version = host
        .kernel_release
        .known()
        .and_then(|it| Version::leading(it));
    match host.cgroup.known().map(|cgroup| cgroup.version) {
        Some(CgroupVersion::V1) => options.extend(CGROUP_V1_OPTIONS),
        Some(CgroupVersion::V2) if version >= Some(BPF_DEVICES_SINCE) => options.push("CGROUP_BPF"),
        _ => {}
    }
    if version.is_some_and(|version| version < DEVPTS_ALWAYS_SINCE) {
        options.push("DEVPTS_MULTIPLE_INSTANCES");
    }
    options
}

/// Without a file of options the running kernel is asked for what it shows; that is not all of it.
fn probed(host: &HostFacts, why: &str) -> Judgement {
    const NAMESPACES: &[&str] = &["ipc", "mnt", "net", "pid", "uts"];
    let shown = &host.kernel.namespaces;
    let missing: Vec<&str> = NAMESPACES
        .iter()
        .copied()
        .filter(|name| !shown.iter().any(|shown| shown == name))
        .collect();
    if shown.is_empty() {
        skipped(why).at_most(Informational)
    } else if !missing.is_empty() {
        failed(format!("/proc/self/ns has no {}", missing.join(" ")))
    } else {
        let overlay = host
            .kernel
            .file_systems
            .iter()
            .any(|name| name == "overlay");
        let overlay = if overlay {
            " and the overlay file system"
        } else {
            ""
        };
        skipped(format!(
            "{why}; the running kernel shows all namespaces{overlay}"
        ))
        .at_most(Informational)
    }
}

fn limits(host: &HostFacts) -> Judgement {
    let sysctl = |name: &str| host.kernel.sysctls.get(name).map(String::as_str);
    let keys = sysctl("kernel/keys/root_maxkeys");
    let forward = sysctl("net/ipv4/ip_forward");
    let told: Vec<String> = [
        keys.map(|value| format!("kernel.keys.root_maxkeys is {value}")),
        forward.map(|value| format!("net.ipv4.ip_forward is {value}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let told = told.join(", ");
    let few_keys = keys
        .and_then(|keys| keys.parse::<u64>().ok())
        .is_some_and(|keys| keys <= 10_000);
    match (keys, forward) {
        (None, None) => skipped("/proc/sys has none of them"),
        (Some(_), _) if few_keys => failed(told),
        // Docker sets it when it starts, and that may be later.
        (_, Some(value)) if value != "1" => failed(told).at_most(Informational),
        _ => passed(told),
    }
}
