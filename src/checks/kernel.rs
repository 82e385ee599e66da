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

/// The oldest release of each system that its maker still updates for everyone, as of 2026-11: `ID` and version.
/// Amazon Linux 1 calls itself 2018.03 and older, Amazon Linux 2 calls itself 2.
const OLDEST_SUPPORTED: &[(&str, Version)] = &[
    ("almalinux", Version::new(8, 0)),
    ("amzn", Version::new(2023, 0)),
    ("centos", Version::new(9, 0)),
    ("debian", Version::new(12, 0)),
    ("rhel", Version::new(8, 0)),
    ("rocky", Version::new(8, 0)),
    ("ubuntu", Version::new(22, 4)),
];

fn modern(host: &HostFacts) -> Judgement {
    known(&host.os_release, |text| {
        let release = OsRelease::parse(text);
        let name = release.name();
        let oldest = OLDEST_SUPPORTED.iter().find(|(id, _)| *id == release.id);
        match (oldest, release.version()) {
            (Some((_, oldest)), Some(version)) if version < *oldest => {
                failed(format!("{name}, whose support has ended"))
            }
            (Some(_), Some(_)) => passed(name),
            (Some(_), None) => skipped(format!("{name} does not say its version")),
            (None, _) => skipped(format!("ecs-nanny does not know the life cycle of {name}")),
        }
    })
}
