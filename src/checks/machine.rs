//! `virt.*`, `os.*`, `arch.*`: the machine and what runs on it.

use crate::facts::{EngineFacts, Facts, HostFacts};
use crate::finding::Confidence;
use crate::finding::Severity::{Informational, Recommended, Required};

use super::{
    Judge, Judgement, Platform, Rule, Told, failed, known, met, passed, platform, skipped,
};

pub const RULES: &[Rule] = &[
    Rule {
        id: "virt.hvm",
        title: "the instance is a hardware virtual machine (HVM)",
        weights: &[
            ("batch", Required),
            ("emr", Required),
            ("ecs", Recommended),
            ("generic", Recommended),
        ],
        told: Told::Booted,
        required: "virtualization type hvm, on Xen, Nitro or bare metal",
        remedy: "launch from an HVM AMI; a paravirtual one can't be converted in place",
        source: "https://docs.aws.amazon.com/batch/latest/userguide/batch-ami-spec.html",
        judge: Judge::Host(hvm),
    },
    Rule {
        id: "os.linux",
        title: "the engine runs Linux containers",
        weights: &[("batch", Required)],
        told: Told::Booted,
        required: "a Docker daemon with OSType linux",
        remedy: "use a Linux AMI; AWS Batch takes no Windows containers",
        source: "https://docs.aws.amazon.com/batch/latest/userguide/batch-ami-spec.html",
        judge: Judge::Engine(linux),
    },
    Rule {
        id: "arch.64bit",
        title: "the system is 64-bit",
        weights: &[("emr", Required), ("batch", Required)],
        told: Told::Image,
        required: "x86_64 or aarch64, and that of the instance",
        remedy: "build the AMI for x86_64 or arm64, and launch it on instance types of that architecture",
        source: "https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-custom-ami.html",
        judge: Judge::Facts(machine_of_instance),
    },
    Rule {
        id: "arch.binfmt",
        title: "the ECS agent exists for this architecture",
        weights: &[("ecs", Required)],
        told: Told::Image,
        required: MACHINES_WANTED,
        remedy: "build the AMI for x86_64 or arm64",
        source: "https://github.com/aws/amazon-ecs-agent, artifacts for amd64 and arm64",
        judge: Judge::Host(machine),
    },
];

/// In the kernel's words.
const MACHINES: &[&str] = &["x86_64", "aarch64"];
const MACHINES_WANTED: &str = "x86_64 or aarch64";

fn hvm(host: &HostFacts) -> Judgement {
    let verdict = platform(host);
    let judgement = match (verdict.is_ec2, verdict.platform, verdict.confidence) {
        (false, _, Confidence::Certain) => {
            skipped(format!("not an EC2 instance: {}", verdict.evidence)).at_most(Informational)
        }
        (false, _, Confidence::Low) => skipped(format!(
            "nothing says that this is an EC2 instance: {}",
            verdict.evidence
        )),
        (true, Platform::XenPv, _) => failed(format!("paravirtual: {}", verdict.evidence)),
        (true, ..) => passed(verdict.evidence),
    };
    judgement.confidence(verdict.confidence)
}

fn linux(engine: &EngineFacts) -> Judgement {
    match engine.os_type.as_str() {
        "" => skipped("the engine does not say its OSType"),
        os => met(os == "linux", os),
    }
}

/// The metadata service says `arm64` where the kernel says `aarch64`.
fn machine_of_instance(facts: &Facts) -> Judgement {
    let architecture = facts
        .instance
        .known()
        .and_then(|it| it.architecture.as_deref());
    let wanted = match architecture {
        Some("arm64") => Some("aarch64"),
        other => other,
    };
    match (facts.host.machine.known(), wanted) {
        (Some(machine), Some(wanted)) if machine != wanted => failed(format!(
            "{machine} on an instance of architecture {}",
            architecture.unwrap_or_default()
        )),
        _ => machine(&facts.host),
    }
}

fn machine(host: &HostFacts) -> Judgement {
    known(&host.machine, |machine| {
        met(MACHINES.contains(&machine.as_str()), machine)
    })
}
