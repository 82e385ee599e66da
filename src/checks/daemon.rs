//! `docker.*` beside the engine's own answers: its configuration and the programs around it.

use crate::facts::{DAEMON_JSON, Fact, HostFacts, PathKind};
use crate::finding::Severity::{Recommended, Required};

use super::{Judge, Judgement, Rule, Told, failed, on_container_hosts, passed, skipped};

pub const RULES: &[Rule] = &[
    Rule {
        id: "docker.daemon_json",
        title: "the daemon can read its configuration",
        weights: &on_container_hosts(Recommended),
        told: Told::Image,
        required: "a JSON object in /etc/docker/daemon.json, without hosts where the unit passes -H",
        remedy: "correct the file; leave hosts out of it, or take -H out of ExecStart with a drop-in of docker.service",
        source: "https://docs.docker.com/engine/daemon/troubleshoot/",
        judge: Judge::Host(daemon_json),
    },
    Rule {
        id: "docker.iptables",
        title: "the programs that Docker and the agent's start call are there",
        weights: &on_container_hosts(Required),
        told: Told::Image,
        required: "iptables; sysctl where ecs-init starts the agent; ps and xz as well",
        remedy: "install the packages iptables, procps and xz",
        source: "https://docs.docker.com/engine/install/binaries/#prerequisites, Requires of the ecs-init package",
        judge: Judge::Host(programs),
    },
    Rule {
        id: "docker.host_tools",
        title: "the host's programs that the agent's container mounts are files",
        weights: &on_container_hosts(Recommended),
        told: Told::Image,
        required: "/usr/bin/lsblk, a file",
        remedy: "install util-linux; where Docker has made a directory of the path, remove it first",
        source: "https://github.com/aws/amazon-ecs-agent, ecs-init mounts it whether it is there or not",
        judge: Judge::Host(host_tools),
    },
];

fn daemon_json(host: &HostFacts) -> Judgement {
    let Some(text) = host.texts.get(DAEMON_JSON) else {
        return passed("there is none");
    };
    let document: serde_json::Map<String, serde_json::Value> = match serde_json::from_str(text) {
        Ok(document) => document,
        Err(error) => return failed(format!("{DAEMON_JSON}: {error}")),
    };
    let unit = host.units.get("docker.service").and_then(Fact::known);
    let command = unit
        .and_then(|unit| unit.command.as_deref())
        .unwrap_or_default();
    let passes_hosts = command
        .split_whitespace()
        .any(|word| word == "-H" || word.starts_with("-H") || word.starts_with("--host"));
    if document.contains_key("hosts") && passes_hosts {
        return failed("it has hosts, and docker.service passes -H: the daemon does not start");
    }
    let keys: Vec<&str> = document.keys().map(String::as_str).collect();
    passed(match keys.is_empty() {
        true => "an empty object".to_owned(),
        false => keys.join(" "),
    })
}

fn programs(host: &HostFacts) -> Judgement {
    if host.programs.is_empty() {
        return skipped("none of the usual programs is in this tree");
    }
    let missing = |names: &[&str]| -> Vec<String> {
        let absent = names
            .iter()
            .filter(|name| !host.programs.contains_key(**name));
        absent.map(|name| String::from(*name)).collect()
    };
    let mut required = vec!["iptables"];
    // ecs-init calls it; ecs-nanny writes to /proc/sys itself.
    if super::agent_files::amazon_unit(host) {
        required.push("sysctl");
    }
    let needed = missing(&required);
    let wanted = missing(&["ps", "xz"]);
    if !needed.is_empty() {
        failed(format!("there is no {}", needed.join(", no ")))
    } else if !wanted.is_empty() {
        failed(format!("there is no {}", wanted.join(", no "))).at_most(Recommended)
    } else {
        passed(host.programs["iptables"].clone())
    }
}

fn host_tools(host: &HostFacts) -> Judgement {
    const LSBLK: &str = "/usr/bin/lsblk";
    match host.paths.get(LSBLK) {
        Some(PathKind::File) => passed(LSBLK),
        Some(PathKind::Directory) => failed(format!("{LSBLK} is a directory")),
        Some(_) => failed(format!("there is no {LSBLK}")),
        None => skipped("nobody has looked"),
    }
}
