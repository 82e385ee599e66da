//! `kernel.*`: the kernel and the system it comes with.

use crate::facts::HostFacts;
use crate::finding::Severity::{Recommended, Required};

use super::{
    Judge, Judgement, OsRelease, Rule, Told, Version, everywhere, failed, known, met, passed,
    skipped,
};

pub const RULES: &[Rule] = &[
    Rule {
        id: "kernel.version",
        title: "the kernel is Linux 3.10 or newer",
        weights: &[("batch", Required), ("ecs", Required)],
        told: Told::Image,
        required: "Linux 3.10 or newer",
        remedy: "build the AMI from a newer base, for example Amazon Linux 2023",
        source: "https://docs.aws.amazon.com/batch/latest/userguide/batch-ami-spec.html",
        judge: Judge::Host(version),
    },
    Rule {
        id: "kernel.modern",
        title: "the operating system still gets updates",
        weights: &everywhere(Recommended),
        told: Told::Image,
        required: "a release that its maker still supports",
        remedy: "build the AMI from a supported release, for example Amazon Linux 2023",
        source: "https://github.com/aws/amazon-ecs-ami, and the makers' own life cycle pages",
        judge: Judge::Host(modern),
    },
];

/// The oldest kernel that AWS Batch takes.
const OLDEST: Version = Version::new(3, 10);

fn version(host: &HostFacts) -> Judgement {
    known(&host.kernel_release, |release| {
        match Version::leading(release) {
            Some(version) => met(version >= OLDEST, format!("Linux {release}")),
            None => skipped(format!("{release:?} does not begin with a version")),
        }
    })
}

/// Releases that get no more free updates: `ID`, `VERSION_ID`, the day of the end.
const ENDED: &[(&str, &str, &str)] = &[
    ("amzn", "2016.09", "2023-12-31"),
    ("amzn", "2017.03", "2023-12-31"),
    ("amzn", "2017.09", "2023-12-31"),
    ("amzn", "2018.03", "2023-12-31"),
    ("amzn", "2", "2026-06-30"),
    ("centos", "6", "2020-11-30"),
    ("centos", "7", "2024-06-30"),
    ("centos", "8", "2021-12-31"),
    ("debian", "8", "2020-06-30"),
    ("debian", "9", "2022-06-30"),
    ("debian", "10", "2024-06-30"),
    ("ubuntu", "14.04", "2019-04-25"),
    ("ubuntu", "16.04", "2021-04-30"),
    ("ubuntu", "18.04", "2023-05-31"),
    ("ubuntu", "20.04", "2025-05-31"),
];

/// Systems whose newer releases than those of [`ENDED`] are supported.
const FOLLOWED: &[&str] = &["amzn", "centos", "debian", "ubuntu"];

fn modern(host: &HostFacts) -> Judgement {
    known(&host.os_release, |text| {
        let release = OsRelease::parse(text);
        let name = release.name();
        let Some(version) = release.version_id.as_deref() else {
            return skipped(format!("{name} does not say its version"));
        };
        let ended = ENDED
            .iter()
            .find(|(id, ended, _)| (*id, *ended) == (release.id.as_str(), version));
        match ended {
            Some((_, _, date)) => failed(format!("{name}, whose support ends on {date}")),
            None if FOLLOWED.contains(&release.id.as_str()) => passed(name),
            None => skipped(format!("ecs-nanny does not know the life cycle of {name}")),
        }
    })
}
