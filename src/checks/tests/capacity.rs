//! Disks and memory.

use super::*;

#[test]
fn room_on_disks() {
    for (disks, outcome, severity, observed) in [
        (
            vec![disk("/", 30, 20)],
            Outcome::Passed,
            Severity::Recommended,
            "free on /",
        ),
        (
            vec![disk("/", 100, 9)],
            Outcome::Failed,
            Severity::Informational,
            "9.0 GiB of 100.0 GiB (9 %) free on /",
        ),
        (
            vec![disk("/", 100, 4)],
            Outcome::Failed,
            Severity::Recommended,
            "(4 %)",
        ),
        (
            vec![disk("/", 8, 1)],
            Outcome::Failed,
            Severity::Informational,
            "(12 %)",
        ),
        (
            vec![disk("/", 30, 20), disk("/var/lib/docker", 100, 1)],
            Outcome::Failed,
            Severity::Recommended,
            "free on /var/lib/docker",
        ),
        // A mount point that only looks like a parent, and one that nothing is written to.
        (
            vec![
                disk("/", 30, 20),
                disk("/var/lib/dock", 10, 0),
                disk("/boot", 1, 0),
            ],
            Outcome::Passed,
            Severity::Recommended,
            "free on /",
        ),
    ] {
        let mut facts = fit_facts();
        facts.host.disks = Fact::Known(disks);
        let found = finding(&facts, "disk.free");
        assert_eq!(
            (found.outcome, found.severity),
            (outcome, severity),
            "{}",
            found.observed
        );
        assert!(found.observed.contains(observed), "{}", found.observed);
    }
}

#[test]
fn the_engines_data_root_is_looked_at() {
    let mut facts = fit_facts();
    facts.host.disks = Fact::Known(vec![disk("/", 30, 20), disk("/data", 100, 0)]);
    assert_eq!(finding(&facts, "disk.free").outcome, Outcome::Passed);
    facts.engine = Fact::Known(EngineFacts {
        data_root: "/data/docker".to_owned(),
        ..engine()
    });
    assert_eq!(finding(&facts, "disk.free").outcome, Outcome::Failed);
}

#[test]
fn read_only_disks() {
    let read_only = |mount_point: &str| DiskFacts {
        read_only: true,
        ..disk(mount_point, 30, 20)
    };
    for (disks, outcome, blocks) in [
        (vec![disk("/", 30, 20)], Outcome::Passed, false),
        (vec![read_only("/")], Outcome::Failed, true),
        (
            vec![disk("/", 30, 20), read_only("/var/lib/docker")],
            Outcome::Failed,
            true,
        ),
        (
            vec![read_only("/"), disk("/var", 30, 20), disk("/tmp", 30, 20)],
            Outcome::Failed,
            false,
        ),
        (
            vec![disk("/", 30, 20), read_only("/media/cdrom")],
            Outcome::Passed,
            false,
        ),
        (vec![], Outcome::Skipped, false),
    ] {
        let mut facts = fit_facts();
        facts.host.disks = Fact::Known(disks);
        let found = finding(&facts, "disk.readonly");
        assert_eq!(
            (found.outcome, found.blocks()),
            (outcome, blocks),
            "{}",
            found.observed
        );
    }
}

#[test]
fn little_memory_is_said() {
    let mut facts = fit_facts();
    facts.host.memory = Fact::Known(MemoryFacts {
        total_bytes: GIB / 2,
        available_bytes: 100 << 20,
    });
    let found = finding(&facts, "memory.available");
    assert_eq!(found.outcome, Outcome::Failed);
    assert_eq!(found.observed, "100 MiB of 512 MiB available");
}

#[test]
fn a_disk_can_lack_inodes_alone() {
    let mut facts = fit_facts();
    let mut full = disk("/", 30, 20);
    full.space.as_mut().unwrap().available_inodes = 10;
    facts.host.disks = Fact::Known(vec![full.clone()]);
    let found = finding(&facts, "disk.free");
    assert_eq!(found.outcome, Outcome::Failed);
    assert!(
        found.observed.contains("1 % of its inodes"),
        "{}",
        found.observed
    );

    // btrfs makes inodes as it needs them, and tells none.
    let space = full.space.as_mut().unwrap();
    (space.total_inodes, space.available_inodes) = (0, 0);
    facts.host.disks = Fact::Known(vec![full.clone()]);
    assert_eq!(finding(&facts, "disk.free").outcome, Outcome::Passed);

    full.space = None;
    facts.host.disks = Fact::Known(vec![full]);
    assert_eq!(finding(&facts, "disk.free").outcome, Outcome::Skipped);
}
