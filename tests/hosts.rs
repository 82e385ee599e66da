//! Recorded hosts, each with the verdict and the findings that it must give. `fixtures/hosts/README.md` says what they
//! are and where their content comes from.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use ecs_nanny::checks::{
    self, Demands, Fit, Platform, Report, Told, Version, evaluate, platform, rules,
};
use ecs_nanny::facts::{self, CgroupVersion, EngineFacts, Fact, Facts, HostFacts};
use ecs_nanny::finding::{Confidence, Finding, Outcome};
use ecs_nanny::host::files::Root;

use Confidence::{Certain, Low};
use Outcome::{Failed, Passed, Skipped};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hosts")
}

fn read(host: &str) -> Facts {
    let directory = fixtures().join(host);
    assert!(directory.is_dir(), "{} is missing", directory.display());
    facts::read(&Root::at(directory))
}

fn report(facts: &Facts, profile: &str) -> Report {
    evaluate(facts, &Demands::profiles(&[profile]))
}

fn find<'a>(report: &'a Report, rule: &str) -> &'a Finding {
    let found = report.findings.iter().find(|finding| finding.rule == rule);
    found.unwrap_or_else(|| panic!("no finding of {rule}"))
}

/// The rules that make the host unfit, in table order, but for those of the agent, which no recorded host has.
fn failures(report: &Report) -> Vec<&str> {
    let rules = report.findings.iter().filter(|it| it.blocks());
    let rules = rules.map(|finding| finding.rule.as_ref());
    rules.filter(|rule| !rule.starts_with("ecs.")).collect()
}

/// A Docker that suits the host's control groups, and disks with room: what a tree can't tell.
fn completed(mut facts: Facts) -> Facts {
    let version = facts.host.cgroup.known().map(|cgroup| cgroup.version);
    let (cgroup_version, cgroup_driver) = match version {
        Some(CgroupVersion::V2) => ("2", "systemd"),
        _ => ("1", "cgroupfs"),
    };
    facts.engine = Fact::Known(EngineFacts {
        version: "25.0.8".to_owned(),
        api_version: "1.44".to_owned(),
        min_api_version: "1.24".to_owned(),
        os_type: "linux".to_owned(),
        storage_driver: "overlay2".to_owned(),
        cgroup_driver: cgroup_driver.to_owned(),
        cgroup_version: cgroup_version.to_owned(),
        log_drivers: ["awslogs", "fluentd", "json-file", "syslog"]
            .map(String::from)
            .to_vec(),
        ..EngineFacts::default()
    });
    facts.host.disks = Fact::Known(vec![facts::DiskFacts {
        mount_point: "/".to_owned(),
        file_system: "xfs".to_owned(),
        device: "/dev/nvme0n1p1".to_owned(),
        read_only: false,
        space: Some(facts::SpaceFacts {
            total_bytes: 30 << 30,
            available_bytes: 20 << 30,
            ..facts::SpaceFacts::default()
        }),
    }]);
    facts
}

/// What one recorded host must give under the profile `batch`.
struct Case {
    host: &'static str,
    platform: Platform,
    confidence: Confidence,
    is_ec2: bool,
    kernel_version: Outcome,
    hvm: Outcome,
    /// Rules that make it unfit once the engine answers and the disks are known.
    failures: &'static [&'static str],
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    Case { host: "xen-pv", platform: Platform::XenPv, confidence: Certain, is_ec2: true, kernel_version: Passed, hvm: Failed, failures: &["virt.hvm", "os.al1_dead"] },
    Case { host: "xen-hvm-old", platform: Platform::XenHvm, confidence: Certain, is_ec2: true, kernel_version: Passed, hvm: Passed, failures: &[] },
    Case { host: "xen-hvm-new", platform: Platform::XenHvm, confidence: Certain, is_ec2: true, kernel_version: Passed, hvm: Passed, failures: &[] },
    Case { host: "xen-hvm-no-xenfs", platform: Platform::XenHvm, confidence: Low, is_ec2: true, kernel_version: Passed, hvm: Passed, failures: &[] },
    Case { host: "nitro-x86_64", platform: Platform::Nitro, confidence: Certain, is_ec2: true, kernel_version: Passed, hvm: Passed, failures: &[] },
    Case { host: "nitro-arm64", platform: Platform::Nitro, confidence: Certain, is_ec2: true, kernel_version: Passed, hvm: Passed, failures: &[] },
    Case { host: "al2-nitro", platform: Platform::Nitro, confidence: Certain, is_ec2: true, kernel_version: Passed, hvm: Passed, failures: &[] },
    Case { host: "debian12-nitro", platform: Platform::Nitro, confidence: Certain, is_ec2: true, kernel_version: Passed, hvm: Passed, failures: &[] },
    Case { host: "ubuntu2404-nitro", platform: Platform::Nitro, confidence: Certain, is_ec2: true, kernel_version: Passed, hvm: Passed, failures: &[] },
    Case { host: "ubuntu2204-nitro", platform: Platform::Nitro, confidence: Certain, is_ec2: true, kernel_version: Passed, hvm: Passed, failures: &[] },
    Case { host: "rhel8-nitro", platform: Platform::Nitro, confidence: Certain, is_ec2: true, kernel_version: Passed, hvm: Passed, failures: &[] },
    Case { host: "gpu-nitro", platform: Platform::Nitro, confidence: Certain, is_ec2: true, kernel_version: Passed, hvm: Passed, failures: &[] },
    Case { host: "emr-node", platform: Platform::Nitro, confidence: Certain, is_ec2: true, kernel_version: Passed, hvm: Passed, failures: &[] },
    Case { host: "metal", platform: Platform::NitroMetal, confidence: Certain, is_ec2: true, kernel_version: Passed, hvm: Passed, failures: &[] },
    Case { host: "not-ec2", platform: Platform::Other, confidence: Certain, is_ec2: false, kernel_version: Passed, hvm: Skipped, failures: &[] },
    Case { host: "not-ec2-no-dmi", platform: Platform::Other, confidence: Low, is_ec2: false, kernel_version: Passed, hvm: Skipped, failures: &[] },
    Case { host: "old-kernel-2.6", platform: Platform::XenHvm, confidence: Certain, is_ec2: true, kernel_version: Failed, hvm: Passed, failures: &["kernel.version", "arch.64bit", "cgroup.mount", "cgroup.controllers"] },
    Case { host: "old-kernel-3.2", platform: Platform::XenPv, confidence: Certain, is_ec2: true, kernel_version: Failed, hvm: Failed, failures: &["kernel.version", "virt.hvm", "cgroup.controllers"] },
    Case { host: "image-debian12-arm64", platform: Platform::Other, confidence: Low, is_ec2: false, kernel_version: Passed, hvm: Skipped, failures: &[] },
];

#[test]
fn every_recorded_host_has_a_case() {
    let mut recorded: Vec<String> = Root::at(fixtures()).names("/");
    recorded.retain(|name| name != "README.md");
    let mut cases: Vec<&str> = CASES.iter().map(|case| case.host).collect();
    cases.sort_unstable();
    assert_eq!(recorded, cases);
}

#[test]
fn recorded_hosts_get_the_right_verdict() {
    for case in CASES {
        let facts = read(case.host);
        let verdict = platform(&facts.host);
        assert_eq!(
            (verdict.platform, verdict.confidence, verdict.is_ec2),
            (case.platform, case.confidence, case.is_ec2),
            "{}: {}",
            case.host,
            verdict.evidence
        );
        let report = report(&completed(facts), "batch");
        assert_eq!(
            find(&report, "kernel.version").outcome,
            case.kernel_version,
            "{}",
            case.host
        );
        let hvm = find(&report, "virt.hvm");
        assert_eq!(hvm.outcome, case.hvm, "{}", case.host);
        if hvm.outcome != Skipped {
            assert_eq!(hvm.confidence, case.confidence, "{}", case.host);
        }
        assert_eq!(failures(&report), case.failures, "{}", case.host);
        let unfit = report.findings.iter().any(Finding::blocks);
        assert_eq!(report.fit == Fit::No, unfit, "{}", case.host);
    }
}

#[test]
fn without_an_engine_a_host_is_unfit_or_unknown() {
    for case in CASES {
        let report = report(&read(case.host), "batch");
        assert_ne!(report.fit, Fit::Yes, "{}", case.host);
        for rule in ["docker.version", "docker.reachable", "docker.logdrivers"] {
            assert_eq!(
                find(&report, rule).outcome,
                Skipped,
                "{}: {rule}",
                case.host
            );
        }
    }
}

#[test]
fn a_node_of_emr_is_no_base_for_an_image_and_runs_no_agent() {
    let facts = read("emr-node");
    assert!(checks::is_emr_node(&facts));
    let demands = Demands {
        emr_release: Version::leading("7.9.0"),
        ..Demands::profiles(&["emr"])
    };
    let report = evaluate(&completed(facts), &demands);
    assert_eq!(
        failures(&report),
        ["emr.single_ebs", "emr.users", "emr.not_emr_snapshot"]
    );
    for case in CASES.iter().filter(|case| case.host != "emr-node") {
        assert!(!checks::is_emr_node(&read(case.host)), "{}", case.host);
    }
}

#[test]
fn a_gpu_host_is_told_from_its_devices() {
    let mut facts = completed(read("gpu-nitro"));
    let judged = |facts: &Facts| {
        let report = report(facts, "gpu");
        let of_gpus = report.findings.into_iter();
        let of_gpus = of_gpus.filter(|finding| finding.rule.starts_with("gpu."));
        of_gpus
            .filter(|finding| finding.outcome == Failed)
            .map(|finding| finding.rule.into_owned())
            .collect::<Vec<_>>()
    };
    // The recorded one has no MPS, and its engine has not been told of the runtime.
    assert_eq!(judged(&facts), ["gpu.runtime", "gpu.mps"]);
    if let Fact::Known(engine) = &mut facts.engine {
        engine.runtimes = vec!["nvidia".to_owned(), "runc".to_owned()];
    }
    assert_eq!(judged(&facts), ["gpu.mps"]);
    assert_eq!(find(&report(&facts, "gpu"), "gpu.hw").observed, "1");
}

#[test]
fn nitro_tells_the_instance_id_without_the_metadata_service() {
    for (host, wanted) in [
        ("nitro-x86_64", Some("i-0af01c0123456789a")),
        ("nitro-arm64", Some("i-0af01c0123456789a")),
        ("metal", Some("i-0af01c0123456789a")),
        ("xen-hvm-new", None),
        ("not-ec2", None),
    ] {
        let hint = platform(&read(host).host).instance_id_hint;
        assert_eq!(hint.as_deref(), wanted, "{host}");
    }
}

#[test]
fn an_image_that_has_not_booted_tells_what_it_can() {
    let facts = read("image-debian12-arm64");
    let host: &HostFacts = &facts.host;
    assert!(facts.unbooted && !host.systemd);
    assert_eq!(
        host.kernel_release,
        Fact::Known("6.1.0-37-cloud-arm64".to_owned())
    );
    assert_eq!(host.machine, Fact::Known("aarch64".to_owned()));
    let docker = host.units["docker.service"].known().unwrap();
    assert!(docker.installed);
    assert_eq!(docker.file_state.as_deref(), Some("enabled"));

    let report = evaluate(&facts, &Demands::profiles(ecs_nanny::settings::PROFILES));
    for rule in rules().filter(|rule| rule.told == Told::Booted) {
        assert_eq!(find(&report, rule.id).outcome, Skipped, "{}", rule.id);
    }
    for rule in [
        "kernel.version",
        "arch.64bit",
        "ecs.unit",
        "docker.host_tools",
    ] {
        assert_ne!(find(&report, rule).outcome, Skipped, "{rule}");
    }
}

#[test]
fn one_json_document_reproduces_a_report() {
    for case in CASES {
        for facts in [read(case.host), completed(read(case.host))] {
            let document = serde_json::to_string_pretty(&facts).unwrap();
            let parsed: Facts = serde_json::from_str(&document).unwrap();
            assert_eq!(parsed, facts, "{}", case.host);
            assert_eq!(
                report(&parsed, "batch"),
                report(&facts, "batch"),
                "{}",
                case.host
            );
        }
    }
}
