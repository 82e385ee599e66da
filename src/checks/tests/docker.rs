//! Engines of all kinds.

use super::*;

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
    assert_eq!(found.observed, "json-file; without syslog awslogs fluentd");
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
