mod capacity;
mod docker;

use std::collections::BTreeSet;

use super::*;
use crate::facts::{
    CgroupFacts, CgroupVersion, DiskFacts, EngineFacts, Fact, MemoryFacts, SpaceFacts, UnitFacts,
};
use crate::finding::Confidence;
use crate::settings::PROFILES;

const GIB: u64 = 1 << 30;

fn profiles(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| String::from(*name)).collect()
}

/// A host of which these tests change one thing.
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
        read_only: false,
        space: Some(SpaceFacts {
            total_bytes: total_gib * GIB,
            available_bytes: available_gib * GIB,
            total_inodes: 1000,
            available_inodes: 900,
        }),
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
    let report = evaluate(facts, &Demands::profiles(PROFILES));
    let found = report.findings.into_iter().find(|it| it.rule == rule);
    found.unwrap()
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
fn nothing_known_is_nothing_passed() {
    let report = evaluate(&Facts::default(), &Demands::profiles(PROFILES));
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
    let version = finding(&facts, "docker.version");
    assert_eq!(version.outcome, Outcome::Skipped);
    assert!(version.observed.contains("docker.service is inactive"));
    assert_eq!(finding(&facts, "docker.reachable").outcome, Outcome::Failed);

    facts.host.units.insert(
        "docker.service".to_owned(),
        Fact::Known(UnitFacts {
            installed: true,
            active_state: Some("inactive".to_owned()),
            file_state: Some("enabled".to_owned()),
            ..UnitFacts::default()
        }),
    );
    assert_eq!(
        finding(&facts, "docker.reachable").outcome,
        Outcome::Skipped
    );
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
fn a_failure_on_indirect_evidence_does_not_block() {
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

    facts.host.xen.guest_type = Some("PV".to_owned());
    assert!(finding(&facts, "virt.hvm").blocks());
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

#[test]
fn run_refuses_only_over_what_it_does_not_bring_about_itself() {
    for rule in NOT_REFUSED_OVER {
        assert!(rules().any(|known| known.id == *rule), "{rule}");
    }
    let failed = |rule: &'static str| Finding {
        rule: rule.into(),
        severity: Severity::Required,
        outcome: Outcome::Failed,
        ..finding(&fit_facts(), "kernel.version")
    };
    let report = Report {
        profiles: Vec::new(),
        findings: vec![failed("ecs.cluster_set"), failed("kernel.version")],
        fit: Fit::No,
    };
    let blocking: Vec<&str> = report.blocking().map(|finding| &*finding.rule).collect();
    assert_eq!(blocking, ["kernel.version"]);
}
