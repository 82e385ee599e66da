//! `cgroup.*`: what Docker limits containers with.

use crate::facts::{CgroupFacts, CgroupVersion, HostFacts};
use crate::finding::Severity::Required;

use super::{Judge, Judgement, Rule, Told, failed, known, on_container_hosts, passed};

const SOURCE: &str =
    "https://docs.docker.com/engine/install/binaries/#prerequisites, moby contrib/check-config.sh";

pub const RULES: &[Rule] = &[
    Rule {
        id: "cgroup.mount",
        title: "control groups are mounted",
        weights: &on_container_hosts(Required),
        told: Told::Booted,
        required: "control groups of version 1 or 2, mounted",
        remedy: "boot with systemd, or mount them (cgroupfs-mount) before Docker starts",
        source: SOURCE,
        judge: Judge::Host(mount),
    },
    Rule {
        id: "cgroup.controllers",
        title: "the controllers that Docker needs can be used",
        weights: &on_container_hosts(Required),
        told: Told::Booted,
        required: "version 2: cpu cpuset io memory pids; version 1: cpu cpuacct cpuset devices freezer memory",
        remedy: "remove cgroup_disable= from the kernel's command line, or use a kernel built with them",
        source: SOURCE,
        judge: Judge::Host(controllers),
    },
];

fn mount(host: &HostFacts) -> Judgement {
    known(&host.cgroup, |cgroup| {
        match (cgroup.version, cgroup.controllers.is_empty()) {
            (CgroupVersion::V1, true) => failed("none is mounted"),
            (version, _) => passed(name(version)),
        }
    })
}

fn controllers(host: &HostFacts) -> Judgement {
    known(&host.cgroup, |cgroup| {
        let missing: Vec<&str> = needed(cgroup.version)
            .iter()
            .copied()
            .filter(|name| !has(cgroup, name))
            .collect();
        let version = name(cgroup.version);
        if missing.is_empty() {
            passed(format!("{version}: {}", cgroup.controllers.join(" ")))
        } else {
            failed(format!("{version} without {}", missing.join(" ")))
        }
    })
}

fn name(version: CgroupVersion) -> &'static str {
    match version {
        CgroupVersion::V1 => "version 1",
        CgroupVersion::V2 => "version 2",
    }
}

fn needed(version: CgroupVersion) -> &'static [&'static str] {
    match version {
        CgroupVersion::V1 => &["cpu", "cpuacct", "cpuset", "devices", "freezer", "memory"],
        CgroupVersion::V2 => &["cpu", "cpuset", "io", "memory", "pids"],
    }
}

fn has(cgroup: &CgroupFacts, name: &str) -> bool {
    cgroup
        .controllers
        .iter()
        .any(|controller| controller == name)
}
