//! `memory.*` and `disk.*`: room to work in.

use std::collections::BTreeMap;
use std::path::Path;

use crate::facts::{DiskFacts, Facts, HostFacts, SpaceFacts};
use crate::finding::Confidence;
use crate::finding::Severity::{Informational, Recommended, Required};

use super::{
    Judge, Judgement, Rule, Told, everywhere, failed, known, met, on_container_hosts, passed,
    skipped,
};

pub const RULES: &[Rule] = &[
    Rule {
        id: "memory.available",
        title: "Docker and the agent have memory to start in",
        weights: &on_container_hosts(Recommended),
        told: Told::Booted,
        required: "at least 128 MiB available",
        remedy: "use a larger instance type, or stop what takes the memory",
        source: "ecs-nanny: about what dockerd, containerd and the agent take together",
        judge: Judge::Host(memory),
    },
    Rule {
        id: "disk.free",
        title: "the disks that Docker and the agent write to have room",
        weights: &everywhere(Recommended),
        told: Told::Booted,
        required: "at least 10 % and 2 GiB free, and 10 % of the inodes",
        remedy: "remove unused images and logs (docker system prune), or use a larger volume",
        source: "https://github.com/aws/amazon-ecs-agent/issues/632, https://github.com/aws/containers-roadmap/issues/367",
        judge: Judge::Facts(free),
    },
    Rule {
        id: "disk.readonly",
        title: "the disks that Docker and the agent write to are writable",
        weights: &everywhere(Required),
        told: Told::Booted,
        required: "file systems mounted read-write",
        remedy: "look in the kernel's log for the error that made it read-only, repair the file system, reboot",
        source: "ext4(5), errors=remount-ro",
        judge: Judge::Facts(writable),
    },
];

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

/// Where the agent keeps its state, and what else a host must be able to write. Docker's data-root is added to them.
const WRITTEN: &[&str] = &["/var/lib/ecs", "/var/log", "/tmp"];

/// Docker's data-root where the engine has not said otherwise.
const DEFAULT_DATA_ROOT: &str = "/var/lib/docker";

fn memory(host: &HostFacts) -> Judgement {
    known(&host.memory, |memory| {
        met(
            memory.available_bytes >= 128 * MIB,
            format!(
                "{} of {} available",
                size(memory.available_bytes),
                size(memory.total_bytes)
            ),
        )
    })
}

/// How low a disk is, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Room {
    /// Below 5 % or 1 GiB.
    Short,
    /// Below 10 % or 2 GiB.
    Low,
    /// Enough.
    Enough,
}

fn room(space: &SpaceFacts) -> Room {
    let share = |available: u64, total: u64, percent: u64| {
        u128::from(available) * 100 < u128::from(total) * u128::from(percent)
    };
    let below = |percent: u64, gib: u64| {
        space.available_bytes < gib * GIB
            || share(space.available_bytes, space.total_bytes, percent)
            || share(space.available_inodes, space.total_inodes, percent)
    };
    if below(5, 1) {
        Room::Short
    } else if below(10, 2) {
        Room::Low
    } else {
        Room::Enough
    }
}

fn free(facts: &Facts) -> Judgement {
    known(&facts.host.disks, |disks| {
        let used: Vec<(&DiskFacts, SpaceFacts)> = written_disks(facts, disks)
            .into_iter()
            .filter_map(|disk| Some((disk, disk.space?)))
            .collect();
        let Some(lowest) = used.iter().map(|(_, space)| room(space)).min() else {
            return skipped(
                "nothing tells the room of the file systems that Docker and the agent write to",
            );
        };
        let observed: Vec<String> = used
            .iter()
            .filter(|(_, space)| room(space) == lowest)
            .map(|(disk, space)| free_of(disk, space))
            .collect();
        let observed = observed.join(", ");
        match lowest {
            Room::Short => failed(observed),
            Room::Low => failed(observed).at_most(Informational),
            Room::Enough => passed(observed),
        }
    })
}

fn writable(facts: &Facts) -> Judgement {
    known(&facts.host.disks, |disks| {
        let used = written_disks(facts, disks);
        let root = disks.iter().find(|disk| disk.mount_point == "/");
        let read_only = |disk: &DiskFacts| format!("{} is read-only", disk.mount_point);
        if used.iter().any(|disk| disk.read_only) {
            failed(sentence(&used, |disk| disk.read_only, read_only))
        } else if let Some(root) = root.filter(|root| root.read_only) {
            // Some systems are made so: what is written lies on other file systems.
            failed(read_only(root)).confidence(Confidence::Low)
        } else if used.is_empty() {
            skipped("no file system of those that Docker and the agent write to is listed")
        } else {
            passed(sentence(
                &used,
                |_| true,
                |disk| format!("{} is writable", disk.mount_point),
            ))
        }
    })
}

/// The file systems that hold what Docker and the agent write, each once. A path on a file system that is not listed
/// (memory, network) counts for the one that it is mounted in.
fn written_disks<'a>(facts: &Facts, disks: &'a [DiskFacts]) -> Vec<&'a DiskFacts> {
    let data_root = facts
        .engine
        .known()
        .map(|engine| engine.data_root.as_str())
        .filter(|path| !path.is_empty())
        .unwrap_or(DEFAULT_DATA_ROOT);
    let by_mount: BTreeMap<&str, &DiskFacts> = WRITTEN
        .iter()
        .copied()
        .chain([data_root])
        .filter_map(|path| holder(disks, path))
        .map(|disk| (disk.mount_point.as_str(), disk))
        .collect();
    by_mount.into_values().collect()
}

/// The file system with the longest mount point that the path lies under.
fn holder<'a>(disks: &'a [DiskFacts], path: &str) -> Option<&'a DiskFacts> {
    disks
        .iter()
        .filter(|disk| Path::new(path).starts_with(&disk.mount_point))
        .max_by_key(|disk| disk.mount_point.len())
}

fn sentence(
    disks: &[&DiskFacts],
    wanted: impl Fn(&DiskFacts) -> bool,
    say: impl Fn(&DiskFacts) -> String,
) -> String {
    let parts: Vec<String> = disks
        .iter()
        .filter(|disk| wanted(disk))
        .map(|disk| say(disk))
        .collect();
    parts.join(", ")
}

fn free_of(disk: &DiskFacts, space: &SpaceFacts) -> String {
    let percent =
        |available: u64, total: u64| u128::from(available) * 100 / u128::from(total.max(1));
    let mut told = format!(
        "{} of {} ({} %) free on {}",
        size(space.available_bytes),
        size(space.total_bytes),
        percent(space.available_bytes, space.total_bytes),
        disk.mount_point
    );
    if space.total_inodes > 0 {
        let inodes = percent(space.available_inodes, space.total_inodes);
        told.push_str(&format!(" with {inodes} % of its inodes"));
    }
    told
}

/// Bytes for people: `7.6 GiB`, `340 MiB`.
pub(super) fn size(bytes: u64) -> String {
    if bytes >= GIB {
        let tenths = u128::from(bytes) * 10 / u128::from(GIB);
        format!("{}.{} GiB", tenths / 10, tenths % 10)
    } else {
        format!("{} MiB", bytes / MIB)
    }
}
