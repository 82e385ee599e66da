//! What a host leaves in its own image: identities, state, keys and logs, which no image should hand to its instances.
//!
//! The list is that of the ECS-optimized AMI's `cleanup.sh` and of systemd's "Building Images Safely", with the agent's
//! and ecs-nanny's own state. The rules name what is there; `image seal` removes it.

use serde::{Deserialize, Serialize};

use crate::host::files::{Kind, Root};

/// What kind of thing was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftoverKind {
    /// The agent's identity, state, GPU inventory and container.
    Agent,
    /// ecs-nanny's own state.
    Nanny,
    /// What cloud-init knows of the instance it ran on.
    CloudInit,
    /// Machine id and random seeds.
    Machine,
    /// SSH host keys.
    HostKeys,
    /// Keys that let people in.
    AuthorizedKeys,
    /// Histories of shells.
    History,
    /// Addresses that were leased.
    Leases,
    /// Logs and journals.
    Logs,
}

impl LeftoverKind {
    /// The words for people.
    pub fn words(self) -> &'static str {
        match self {
            LeftoverKind::Agent => "state of the ECS agent",
            LeftoverKind::Nanny => "state of ecs-nanny",
            LeftoverKind::CloudInit => "state of cloud-init",
            LeftoverKind::Machine => "machine identity",
            LeftoverKind::HostKeys => "SSH host key",
            LeftoverKind::AuthorizedKeys => "authorized keys",
            LeftoverKind::History => "shell history",
            LeftoverKind::Leases => "DHCP lease",
            LeftoverKind::Logs => "log",
        }
    }
}

/// One thing that was left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// What it is.
    pub kind: LeftoverKind,
    /// Its path: a file, or a directory with all that is in it.
    pub path: String,
}

/// The file that holds the machine's identity. It must be there and empty (machine-id(5)).
pub const MACHINE_ID: &str = "/etc/machine-id";

/// Directories whose whole content is left over.
const CONTENTS: &[(LeftoverKind, &str)] = &[
    (LeftoverKind::Agent, "/var/lib/ecs/data"),
    (LeftoverKind::Agent, "/var/lib/ecs/gpu"),
    (LeftoverKind::Nanny, "/var/lib/ecs-nanny"),
    (LeftoverKind::CloudInit, "/var/lib/cloud"),
    (LeftoverKind::Leases, "/var/lib/dhclient"),
    (LeftoverKind::Leases, "/var/lib/dhcp"),
    (LeftoverKind::Leases, "/var/lib/systemd/network"),
];

/// Files that are left over.
const FILES: &[(LeftoverKind, &str)] = &[
    (LeftoverKind::Agent, "/var/cache/ecs/desired-image"),
    (LeftoverKind::Machine, "/var/lib/dbus/machine-id"),
    (LeftoverKind::Machine, "/var/lib/systemd/random-seed"),
    (LeftoverKind::Machine, "/var/lib/systemd/credential.secret"),
];

/// What is left in home directories.
const IN_HOMES: &[(LeftoverKind, &str)] = &[
    (LeftoverKind::AuthorizedKeys, ".ssh/authorized_keys"),
    (LeftoverKind::History, ".bash_history"),
    (LeftoverKind::History, ".zsh_history"),
    (LeftoverKind::History, ".python_history"),
    (LeftoverKind::History, ".lesshst"),
    (LeftoverKind::History, ".viminfo"),
];

/// Where Docker keeps containers.
const CONTAINERS: &str = "/var/lib/docker/containers";
/// The agent's container, as Docker writes it.
const AGENT_CONTAINER: &str = r#""Name":"/ecs-agent""#;

/// How deep and how many logs are looked for.
const LOG_DEPTH: u32 = 8;
const MOST_LOGS: usize = 2000;

/// What is left, by kind and path.
pub fn leftovers(root: &Root) -> Vec<Leftover> {
    let mut found = Vec::new();
    let mut add = |kind, path: String| found.push(Leftover { kind, path });
    for (kind, directory) in CONTENTS {
        for name in root.names(directory) {
            add(*kind, format!("{directory}/{name}"));
        }
    }
    for (kind, path) in FILES {
        // The D-Bus machine id is often a link to the other one, which an image may keep.
        if root.kind(path) == Kind::File && root.link_target(path).is_none() {
            add(*kind, String::from(*path));
        }
    }
    for id in agent_containers(root) {
        add(LeftoverKind::Agent, format!("{CONTAINERS}/{id}"));
    }
    if root.line(MACHINE_ID).is_some_and(|id| !id.is_empty()) {
        add(LeftoverKind::Machine, MACHINE_ID.to_owned());
    }
    for name in root.names("/etc/ssh") {
        if name.starts_with("ssh_host_") && name.contains("_key") {
            add(LeftoverKind::HostKeys, format!("/etc/ssh/{name}"));
        }
    }
    for home in homes(root) {
        for (kind, name) in IN_HOMES {
            let path = format!("{home}/{name}");
            if has_content(root, &path) {
                add(*kind, path);
            }
        }
    }
    for name in root.names("/var/lib/NetworkManager") {
        if name.ends_with(".lease") {
            add(
                LeftoverKind::Leases,
                format!("/var/lib/NetworkManager/{name}"),
            );
        }
    }
    let mut logs = Vec::new();
    collect_logs(root, "/var/log", LOG_DEPTH, &mut logs);
    for path in logs {
        add(LeftoverKind::Logs, path);
    }
    found.sort_by(|one, other| (one.kind, &one.path).cmp(&(other.kind, &other.path)));
    found
}

/// The directories of containers that are called ecs-agent.
fn agent_containers(root: &Root) -> Vec<String> {
    let mut ids = root.names(CONTAINERS);
    ids.retain(|id| {
        root.line(&format!("{CONTAINERS}/{id}/config.v2.json"))
            .is_some_and(|text| text.contains(AGENT_CONTAINER))
    });
    ids
}

/// The home directories: root's and those below `/home`.
pub fn homes(root: &Root) -> Vec<String> {
    let others = root.names("/home").into_iter();
    std::iter::once("/root".to_owned())
        .chain(others.map(|name| format!("/home/{name}")))
        .collect()
}

fn has_content(root: &Root, path: &str) -> bool {
    root.kind(path) == Kind::File
        && std::fs::metadata(root.path(path)).is_ok_and(|metadata| metadata.len() > 0)
}

/// Files with content below a directory. Links are not followed: they may lead out of the logs.
fn collect_logs(root: &Root, directory: &str, depth: u32, logs: &mut Vec<String>) {
    for name in root.names(directory) {
        let path = format!("{directory}/{name}");
        if logs.len() >= MOST_LOGS || root.link_target(&path).is_some() {
            continue;
        }
        match root.kind(&path) {
            Kind::Directory if depth > 0 => collect_logs(root, &path, depth - 1, logs),
            Kind::File if has_content(root, &path) => {
                logs.push(path);
            }
            _ => {}
        }
    }
}
