use std::collections::BTreeSet;

use super::*;
use crate::facts::{CgroupFacts, CgroupVersion, DiskFacts, MemoryFacts};
use crate::settings::PROFILES;

const GIB: u64 = 1 << 30;

fn profiles(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| String::from(*name)).collect()
}

/// A host that every rule of `ecs` and `batch` is content with.
fn fit_facts() -> Facts {
    let mut facts = Facts::default();
    facts.host.kernel_release = Fact::Known("6.1.147-172.266.amzn2023.x86_64".to_owned());
    facts.host.machine = Fact::Known("x86_64".to_owned());
    facts.host.os_release = Fact::Known("ID=amzn\nVERSION_ID=2023\n".to_owned());
    facts.host.dmi.present = true;
    facts.host.dmi.sys_vendor = Some("Amazon EC2".to_owned());
    facts.host.dmi.product_name = Some("m5.large".to_owned());
    facts.host.memory = Fact::Known(MemoryFacts {
        total_bytes: 8 * GIB,
        available_bytes: 7 * GIB,
    });
    facts.host.disks = Fact::Known(vec![disk("/", 30, 20)]);
    facts.host.cgroup = Fact::Known(CgroupFacts {
        version: CgroupVersion::V2,
        controllers: profiles(&["cpu", "cpuset", "io", "memory", "pids"]),
    });
    facts.engine = Fact::Known(engine());
    facts
}

fn disk(mount_point: &str, total_gib: u64, available_gib: u64) -> DiskFacts {
    DiskFacts {
        mount_point: mount_point.to_owned(),
        file_system: "xfs".to_owned(),
        device: format!("/dev/disk{mount_point}"),
        total_bytes: total_gib * GIB,
        available_bytes: available_gib * GIB,
        read_only: false,
    }
}

fn engine() -> EngineFacts {
    EngineFacts {
        version: "25.0.8".to_owned(),
        api_version: "1.44".to_owned(),
        min_api_version: "1.24".to_owned(),
        os_type: "linux".to_owned(),
        storage_driver: "overlay2".to_owned(),
        storage_status: vec![("Supports d_type".to_owned(), "true".to_owned())],
        cgroup_driver: "systemd".to_owned(),
        cgroup_version: "2".to_owned(),
        log_drivers: profiles(&["awslogs", "fluentd", "json-file", "syslog"]),
        data_root: "/var/lib/docker".to_owned(),
        ..EngineFacts::default()
    }
}

fn finding(facts: &Facts, rule: &str) -> Finding {
    let every: Vec<String> = profiles(PROFILES);
    let report = evaluate(facts, &every);
    let found = report.findings.into_iter().find(|it| it.rule == rule);
    found.unwrap()
}

fn outcome_of_engine(rule: &str, change: impl FnOnce(&mut EngineFacts)) -> Finding {
    let mut changed = engine();
    change(&mut changed);
    let facts = Facts {
        engine: Fact::Known(changed),
        ..fit_facts()
    };
    finding(&facts, rule)
}

#[test]
fn the_table_is_sound() {
    let ids: Vec<&str> = rules().map(|rule| rule.id).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    for rule in rules() {
        assert!(rule.id.split('.').count() == 2, "{}", rule.id);
        assert!(!rule.weights.is_empty(), "{}", rule.id);
        for (profile, _) in rule.weights {
            assert!(PROFILES.contains(profile), "{}: {profile}", rule.id);
        }
        for text in [rule.title, rule.required, rule.remedy, rule.source] {
            assert!(!text.is_empty() && !text.contains('\n'), "{}", rule.id);
        }
    }
    for (profile, _) in everywhere(Severity::Required) {
        assert!(PROFILES.contains(&profile));
    }
    assert_eq!(everywhere(Severity::Required).len(), PROFILES.len());
}

#[test]
fn a_good_host_fits() {
    for profile in PROFILES {
        let report = evaluate(&fit_facts(), &profiles(&[profile]));
        assert_eq!(report.fit, Fit::Yes, "{profile}: {report:#?}");
        assert!(!report.findings.is_empty());
    }
}

#[test]
fn nothing_known_is_nothing_passed() {
    let report = evaluate(&Facts::default(), &profiles(PROFILES));
    assert_eq!(report.fit, Fit::Unknown);
    assert_eq!(report.findings.len(), rules().count());
    for finding in report.findings {
        assert_eq!(finding.outcome, Outcome::Skipped, "{}", finding.rule);
        assert!(!finding.observed.is_empty());
    }
}

#[test]
fn an_engine_that_is_not_reached_is_skipped_with_the_reason() {
    let mut facts = fit_facts();
    facts.engine = Fact::Unreadable("docker.service is inactive".to_owned());
    let report = evaluate(&facts, &profiles(&["ecs"]));
    assert_eq!(report.fit, Fit::Unknown);
    let reachable = finding(&facts, "docker.reachable");
    assert_eq!(reachable.outcome, Outcome::Skipped);
    assert!(reachable.observed.contains("docker.service is inactive"));
}

#[test]
fn the_heaviest_weight_of_the_active_profiles_counts() {
    let weight = |names: &[&str]| {
        let rule = rules().find(|rule| rule.id == "virt.hvm").unwrap();
        rule.severity(&profiles(names))
    };
    assert_eq!(weight(&["ecs"]), Some(Severity::Recommended));
    assert_eq!(weight(&["ecs", "batch"]), Some(Severity::Required));
    assert_eq!(weight(&["gpu"]), None);
}

#[test]
fn a_failure_on_indirect_evidence_neither_blocks_nor_is_no() {
    let mut facts = fit_facts();
    facts.host.dmi = Default::default();
    facts.host.xen.hypervisor_type = Some("xen".to_owned());
    facts.host.xen.uuid = Some("ec2e1916-9099-7caf-fd21-012345abcdef".to_owned());
    let hvm = finding(&facts, "virt.hvm");
    assert_eq!(
        (hvm.outcome, hvm.confidence),
        (Outcome::Failed, Confidence::Low)
    );
    assert!(!hvm.blocks());
    assert_eq!(evaluate(&facts, &profiles(&["batch"])).fit, Fit::Unknown);

    facts.host.xen.guest_type = Some("PV".to_owned());
    assert_eq!(evaluate(&facts, &profiles(&["batch"])).fit, Fit::No);
    assert_eq!(evaluate(&facts, &profiles(&["ecs"])).fit, Fit::Yes);
}

#[test]
fn ends_of_support() {
    for (os_release, wanted) in [
        ("ID=\"amzn\"\nVERSION_ID=\"2018.03\"", Outcome::Failed),
        ("ID=\"amzn\"\nVERSION_ID=\"2\"", Outcome::Failed),
        ("ID=\"amzn\"\nVERSION_ID=\"2023\"", Outcome::Passed),
        ("ID=ubuntu\nVERSION_ID=\"24.04\"", Outcome::Passed),
        ("ID=ubuntu\nVERSION_ID=\"18.04\"", Outcome::Failed),
        ("ID=debian\nVERSION_ID=\"7\"", Outcome::Failed),
        ("ID=\"rhel\"\nVERSION_ID=\"9.4\"", Outcome::Passed),
        ("ID=debian", Outcome::Skipped),
        ("ID=arch", Outcome::Skipped),
        ("ID=nixos\nVERSION_ID=\"24.05\"", Outcome::Skipped),
    ] {
        let mut facts = fit_facts();
        facts.host.os_release = Fact::Known(os_release.to_owned());
        let modern = finding(&facts, "kernel.modern");
        assert_eq!(modern.outcome, wanted, "{os_release}");
        assert!(!modern.blocks());
    }
}

#[test]
fn api_ranges_are_compared_as_numbers() {
    for (version, oldest, newest, wanted) in [
        ("25.0.8", "1.24", "1.44", Outcome::Passed),
        ("29.0.0", "1.44", "1.52", Outcome::Passed),
        ("30.0.0", "1.45", "1.54", Outcome::Failed),
        ("1.9.1", "", "1.21", Outcome::Passed),
        ("1.8.3", "", "1.20", Outcome::Failed),
        ("1.10.3", "", "1.22", Outcome::Passed),
        ("17.06.2-ce", "1.12", "1.30", Outcome::Passed),
        ("dev", "1.24", "1.9", Outcome::Failed),
        ("dev", "1.24", "1.100", Outcome::Passed),
        ("25.0.8", "1.24", "", Outcome::Skipped),
    ] {
        let found = outcome_of_engine("docker.version", |engine| {
            engine.version = version.to_owned();
            engine.min_api_version = oldest.to_owned();
            engine.api_version = newest.to_owned();
        });
        assert_eq!(found.outcome, wanted, "{version} {oldest}..{newest}");
    }
}

#[test]
fn old_and_odd_docker_versions() {
    for (version, wanted) in [
        ("20.10.24+dfsg1", Outcome::Passed),
        ("20.9.0", Outcome::Failed),
        ("1.13.1", Outcome::Failed),
        ("library-import", Outcome::Skipped),
    ] {
        let found = outcome_of_engine("docker.min_recommended", |engine| {
            engine.version = version.to_owned();
        });
        assert_eq!(found.outcome, wanted, "{version}");
    }
}

#[test]
fn without_awslogs_batch_does_not_fit() {
    let found = outcome_of_engine("docker.logdrivers", |engine| {
        engine.log_drivers = profiles(&["json-file"])
    });
    assert!(found.blocks());
    assert_eq!(found.observed, "json-file");
    assert!(!found.remedy.is_empty());
}

#[test]
fn storage_drivers() {
    let status = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    for (driver, lines, wanted) in [
        (
            "overlay2",
            status("Supports d_type", "true"),
            Outcome::Passed,
        ),
        (
            "overlay2",
            status("Supports d_type", "false"),
            Outcome::Failed,
        ),
        (
            "overlayfs",
            status("driver-type", "io.containerd.snapshotter.v1"),
            Outcome::Passed,
        ),
        ("vfs", vec![], Outcome::Failed),
        ("", vec![], Outcome::Skipped),
    ] {
        let found = outcome_of_engine("docker.storage", |engine| {
            engine.storage_driver = driver.to_owned();
            engine.storage_status = lines;
        });
        assert_eq!(found.outcome, wanted, "{driver}");
    }
}

#[test]
fn cgroup_drivers_by_version() {
    for (version, driver, wanted, severity) in [
        ("2", "systemd", Outcome::Passed, Severity::Required),
        ("1", "cgroupfs", Outcome::Passed, Severity::Required),
        ("", "cgroupfs", Outcome::Passed, Severity::Required),
        ("1", "systemd", Outcome::Failed, Severity::Required),
        ("2", "cgroupfs", Outcome::Failed, Severity::Recommended),
        ("2", "none", Outcome::Failed, Severity::Recommended),
    ] {
        let found = outcome_of_engine("docker.cgroup", |engine| {
            engine.cgroup_version = version.to_owned();
            engine.cgroup_driver = driver.to_owned();
        });
        assert_eq!(
            (found.outcome, found.severity),
            (wanted, severity),
            "{version} {driver}"
        );
    }
}

#[test]
fn windows_engines_are_refused() {
    let found = outcome_of_engine("os.linux", |engine| engine.os_type = "windows".to_owned());
    assert_eq!(found.outcome, Outcome::Failed);
}

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
fn architectures() {
    for (machine, wanted) in [
        ("x86_64", Outcome::Passed),
        ("aarch64", Outcome::Passed),
        ("i686", Outcome::Failed),
        ("armv7l", Outcome::Failed),
    ] {
        let mut facts = fit_facts();
        facts.host.machine = Fact::Known(machine.to_owned());
        assert_eq!(finding(&facts, "arch.64bit").outcome, wanted, "{machine}");
        assert_eq!(finding(&facts, "arch.binfmt").outcome, wanted, "{machine}");
    }
}
