//! The rules, each on a host that it is content with and on one that it is not. `fixtures/checks/rules/RULE.toml` has
//! both; where it says nothing of the first it is the host `fixtures/checks/base/fit.toml`.

#![allow(clippy::unwrap_used)]

#[path = "../fixture/mod.rs"]
mod layout;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ecs_nanny::checks::{self, Demands, Fit, Report, Version, evaluate, rules};
use ecs_nanny::facts::{Fact, Facts};
use ecs_nanny::finding::{Finding, Outcome, Severity};
use ecs_nanny::settings::PROFILES;
use layout::Fixture;
use serde::Deserialize;

/// A rule's two hosts.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Case {
    about: String,
    passes: Fixture,
    fails: Fixture,
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn case_file(rule: &str) -> PathBuf {
    project().join(format!("tests/fixtures/checks/rules/{rule}.toml"))
}

fn case(rule: &str) -> Case {
    let text = fs::read_to_string(case_file(rule))
        .unwrap_or_else(|error| panic!("{rule} has no fixture: {error}"));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{rule}: {error}"))
}

fn facts(mut fixture: Fixture) -> Facts {
    fixture.base = fixture.base.or_else(|| Some("fit".to_owned()));
    let (_root, _tree, facts) = fixture.read("checks");
    facts
}

fn demands(profiles: &[&str]) -> Demands {
    Demands {
        emr_release: Version::leading("7.1.0"),
        oldest_agent: Version::leading("1.100.0"),
        ..Demands::profiles(profiles)
    }
}

fn find<'a>(report: &'a Report, rule: &str) -> &'a Finding {
    report.findings.iter().find(|it| it.rule == rule).unwrap()
}

fn failed(report: &Report) -> Vec<&str> {
    let failed = report
        .findings
        .iter()
        .filter(|it| it.outcome == Outcome::Failed);
    failed.map(|finding| &*finding.rule).collect()
}

#[test]
fn every_rule_passes_on_one_host_and_fails_on_another() {
    let every = demands(PROFILES);
    let mut wrong = Vec::new();
    for rule in rules() {
        let Case {
            about: _,
            passes,
            fails,
        } = case(rule.id);
        for (fixture, wanted) in [(passes, Outcome::Passed), (fails, Outcome::Failed)] {
            let report = evaluate(&facts(fixture), &every);
            let found = find(&report, rule.id);
            if found.outcome != wanted {
                wrong.push(format!("{}: {wanted:?}, not {found:#?}", rule.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_fixture_is_of_a_rule_that_is_gone() {
    let known: BTreeSet<&str> = rules().map(|rule| rule.id).collect();
    for entry in fs::read_dir(project().join("tests/fixtures/checks/rules")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(name.trim_end_matches(".toml")), "{name}");
    }
}

#[test]
fn a_good_host_fits() {
    for profile in ["ecs", "batch", "emr", "generic"] {
        let report = evaluate(&facts(Fixture::default()), &demands(&[profile]));
        assert_eq!(report.fit, Fit::Yes, "{profile}: {report:#?}");
        assert_eq!(failed(&report), [""; 0], "{profile}");
    }
    let gpu = Fixture {
        base: Some("gpu".to_owned()),
        ..Fixture::default()
    };
    let report = evaluate(&facts(gpu), &demands(&["gpu"]));
    assert_eq!(
        (report.fit, failed(&report)),
        (Fit::Yes, vec![]),
        "{report:#?}"
    );
}

#[test]
fn a_broken_description_of_the_image_is_a_finding_and_a_missing_one_a_remark() {
    for (text, severity, observed) in [
        (None, Severity::Informational, "there is none"),
        (
            Some(r#"{"image_name": "blue""#),
            Severity::Recommended,
            "/etc/ecs-nanny/image-release.json: EOF while parsing an object at line 1 column 21",
        ),
        (
            Some(r#"{"image_name": 7}"#),
            Severity::Recommended,
            "/etc/ecs-nanny/image-release.json: invalid type: integer `7`, expected a string at line 1 column 16",
        ),
        (
            Some(r#"{"image_name": "blue", "image_version": ""}"#),
            Severity::Informational,
            "it lacks image_version, source_image_name",
        ),
    ] {
        let mut found = facts(Fixture::default());
        found.host.image_release = Fact::Known(text.map(str::to_owned));
        let report = evaluate(&found, &demands(&["ecs"]));
        let finding = find(&report, "image.release");
        assert_eq!(finding.outcome, Outcome::Failed, "{text:?}");
        assert_eq!(
            (finding.severity, &*finding.observed),
            (severity, observed),
            "{text:?}"
        );
        assert_eq!(report.fit, Fit::Yes, "{text:?}");
    }
}

/// What Amazon EMR demands of an AMI, each with the rule that judges it.
const EMR_DEMANDS: &[(&str, &str)] = &[
    ("64-bit", "arch.64bit"),
    ("HVM", "virt.hvm"),
    ("one EBS volume", "emr.single_ebs"),
    ("reserved user names", "emr.users"),
    ("root volume by release", "root.size"),
    ("small /tmp, /var and /emr", "emr.dirs"),
    ("no snapshot of a node", "emr.not_emr_snapshot"),
    ("no rotate in the resolver", "emr.dns_rotate"),
    ("base system by release", "emr.base"),
    ("not the image of 2018-08-11", "emr.ami_20180811"),
];

#[test]
fn each_demand_of_emr_fails_alone() {
    for (demand, rule) in EMR_DEMANDS {
        let report = evaluate(&facts(case(rule).fails), &demands(&["emr"]));
        assert_eq!(failed(&report), [*rule], "{demand}");
        let required = find(&report, rule).blocks();
        let fit = if required { Fit::No } else { Fit::Yes };
        assert_eq!(report.fit, fit, "{demand}");
    }
}

#[test]
fn the_root_that_emr_wants_depends_on_the_release() {
    let ten = "[facts.host]\nblock_devices = [{ name = \"nvme0n1\", model = \"x\", bytes = 11000000000, partitions = [[\"nvme0n1p1\", 11000000000]] }]\n";
    let found = facts(toml::from_str(ten).unwrap());
    for (release, wanted) in [
        (Some("6.9.0"), Outcome::Passed),
        (Some("6.10.0"), Outcome::Failed),
        (None, Outcome::Skipped),
    ] {
        let demands = Demands {
            emr_release: release.and_then(Version::leading),
            ..Demands::profiles(&["emr"])
        };
        let report = evaluate(&found, &demands);
        assert_eq!(find(&report, "root.size").outcome, wanted, "{release:?}");
    }
}

#[test]
fn what_can_not_be_told_of_an_image_is_skipped() {
    let image = Fixture {
        base: Some("image".to_owned()),
        ..Fixture::default()
    };
    let found = facts(image);
    assert!(found.unbooted);
    let report = evaluate(&found, &demands(PROFILES));
    for rule in rules().filter(|rule| rule.told == checks::Told::Booted) {
        let finding = find(&report, rule.id);
        assert_eq!(finding.outcome, Outcome::Skipped, "{finding:#?}");
    }
}

#[test]
fn one_json_document_reproduces_the_report() {
    let found = facts(Fixture::default());
    let document = serde_json::to_string_pretty(&found).unwrap();
    let parsed: Facts = serde_json::from_str(&document).unwrap();
    assert_eq!(parsed, found);
    let every = demands(PROFILES);
    assert_eq!(evaluate(&parsed, &every), evaluate(&found, &every));
}

/// `UPDATE_DOCS=1 cargo test --test checks` writes it.
#[test]
fn the_document_is_that_of_the_rules() {
    let path = project().join("docs/checks.md");
    let wanted = checks::markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/checks.md is not that of the rules; write it with: UPDATE_DOCS=1 cargo test --test checks"
    );
}

/// The collected demands on a host, by the names that the collection gives them.
#[rustfmt::skip]
const DEMANDS: &[&str] = &[
    "kernel.version",
    "kernel.modern",
    "virt.hvm",
    "os.linux",
    "arch.64bit",
    "arch.binfmt",
    "os.amzn_mnp",
    "os.al1_dead",
    "os.al2_eol",
    "kernel.locked",
    "kernel.pending",
    "time.sync",
    "docker.reachable",
    "docker.version",
    "docker.min_recommended",
    "docker.logdrivers",
    "docker.storage",
    "docker.cgroup",
    "docker.daemon_json",
    "docker.iptables",
    "docker.host_tools",
    "cgroup.mount",
    "cgroup.controllers",
    "kernel.config",
    "limits",
    "apparmor",
    "selinux",
    "ecs.present",
    "ecs.version_latest",
    "ecs.agent_image_cached",
    "ecs.awslogs",
    "ecs.unit",
    "ecs.no_baked_state",
    "ecs.cluster_set",
    "ecs.cloudinit_ok",
    "ecs.iam",
    "ecs.endpoints",
    "ecs.task_iam",
    "ecs.localhost_filter",
    "ecs.introspection_nic",
    "ecs.reserved_ports",
    "ecs.warmpool",
    "ecs.spot",
    "ecs.resource_floor",
    "ecs.exec_deps",
    "ecs.service_connect",
    "batch.mismatch",
    "batch.ami_update_rules",
    "gpu.hw",
    "gpu.driver_loaded",
    "gpu.config",
    "gpu.on_nongpu",
    "gpu.info_file",
    "gpu.runtime",
    "gpu.fabric",
    "gpu.mps",
    "gpu.kmod_choice",
    "inf.config",
    "root.ebs",
    "root.size",
    "disk.free",
    "disk.readonly",
    "instance_store",
    "emr.single_ebs",
    "emr.users",
    "emr.dirs",
    "emr.not_emr_snapshot",
    "emr.base",
    "emr.dns_rotate",
    "emr.ami_20180811",
    "emr.launch_perm",
    "cloudinit.overrides",
    "cloudinit.clean",
    "secrets.baked",
    "pkg.lock",
    "tags/region",
    "bake levels",
    "optimized.meta",
];

#[test]
fn every_demand_is_a_rule_or_is_listed_with_the_reason() {
    let known: BTreeSet<&str> = rules()
        .map(|rule| rule.id)
        .chain(checks::NOT_RULES.iter().map(|it| it.id))
        .chain(checks::RENAMED.iter().map(|(demand, _)| *demand))
        .collect();
    for demand in DEMANDS {
        assert!(known.contains(demand), "{demand}");
    }
    for (_, rule) in checks::RENAMED {
        assert!(rules().any(|known| known.id == *rule), "{rule}");
    }
}
