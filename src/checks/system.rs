//! `os.*`, `time.*`, `security.*`, and the kernel beside its age: the operating system as it is set up.

use crate::facts::{Fact, Facts, HostFacts, ImageFacts};
use crate::finding::Severity::{Informational, Recommended, Required};

use super::agent_files::{amazon_unit, value};
use super::{
    Judge, Judgement, OsRelease, Rule, Told, everywhere, failed, known, met, on_container_hosts,
    passed, skipped,
};

pub const RULES: &[Rule] = &[
    Rule {
        id: "os.al1_dead",
        title: "the system is not Amazon Linux 1",
        weights: &[("batch", Required), ("ecs", Required)],
        told: Told::Image,
        required: "Amazon Linux 2 or 2023, or another distribution",
        remedy: "build the AMI from Amazon Linux 2023",
        source: "https://docs.aws.amazon.com/batch/latest/userguide/batch-ami-spec.html: AWS Batch calls such compute environments INVALID since 2023-06-30",
        judge: Judge::Host(amazon_linux_1),
    },
    Rule {
        id: "os.al2_eol",
        title: "the system is not Amazon Linux 2",
        weights: &[("batch", Recommended), ("ecs", Recommended)],
        told: Told::Image,
        required: "Amazon Linux 2023, or another distribution",
        remedy: "build the AMI from Amazon Linux 2023",
        source: "https://github.com/aws/amazon-ecs-ami: Amazon Linux 2 ended on 2026-06-30",
        judge: Judge::Host(amazon_linux_2),
    },
    Rule {
        id: "os.amzn_mnp",
        title: "the host can take multi-node parallel jobs",
        weights: &[("batch", Informational)],
        told: Told::Image,
        required: "Amazon Linux with its package ecs-init",
        remedy: "use Amazon Linux and install ecs-init, or give such jobs other compute environments",
        source: "https://docs.aws.amazon.com/batch/latest/userguide/batch-ami-spec.html",
        judge: Judge::Host(multi_node),
    },
    Rule {
        id: "kernel.locked",
        title: "packages are not upgraded behind the image's back",
        weights: &everywhere(Recommended),
        told: Told::Image,
        required: "a version lock, or repo_upgrade: none in cloud.cfg",
        remedy: "lock the kernel (dnf versionlock add kernel, apt-mark hold) and set repo_upgrade: none; rebuild the image for updates",
        source: "https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-custom-ami.html, https://github.com/open-guides/og-aws#amis",
        judge: Judge::Facts(locked),
    },
    Rule {
        id: "kernel.pending",
        title: "the newest installed kernel runs",
        weights: &everywhere(Recommended),
        told: Told::Booted,
        required: "no newer kernel in /lib/modules",
        remedy: "reboot before the image is made, so that what was tested is what boots",
        source: "https://github.com/aws/amazon-ecs-ami",
        judge: Judge::Host(pending),
    },
    Rule {
        id: "time.sync",
        title: "the clock is kept right",
        weights: &everywhere(Recommended),
        told: Told::Image,
        required: "chrony, systemd-timesyncd or ntpd, enabled",
        remedy: "install and enable chrony, with the server 169.254.169.123",
        source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/set-time.html",
        judge: Judge::Host(time),
    },
    Rule {
        id: "security.apparmor",
        title: "AppArmor's profiles can be loaded",
        weights: &on_container_hosts(Required),
        told: Told::Booted,
        required: "apparmor_parser where the kernel has AppArmor on",
        remedy: "install the package apparmor",
        source: "https://github.com/aws/amazon-ecs-agent, ecs-init loads the profile ecs-agent-default",
        judge: Judge::Host(apparmor),
    },
    Rule {
        id: "security.selinux",
        title: "the agent knows that SELinux enforces",
        weights: &on_container_hosts(Informational),
        told: Told::Booted,
        required: "ECS_SELINUX_CAPABLE=true where SELinux enforces",
        remedy: "where Docker labels containers (\"selinux-enabled\": true in daemon.json), set ECS_SELINUX_CAPABLE=true in /etc/ecs/ecs.config, and ECS_AGENT_RUN_PRIVILEGED=true for the agent to reach Docker's socket (docs/install.md)",
        source: "https://github.com/aws/amazon-ecs-agent, README",
        judge: Judge::Host(selinux),
    },
];

fn release(host: &HostFacts, judge: impl FnOnce(&OsRelease) -> Judgement) -> Judgement {
    known(&host.os_release, |text| judge(&OsRelease::parse(text)))
}

/// Amazon Linux 1 calls itself 2018.03 and older, Amazon Linux 2 calls itself 2.
fn amazon_linux_1(host: &HostFacts) -> Judgement {
    release(host, |release| {
        let version = release.version_id.as_deref().unwrap_or_default();
        let first = release.id == "amzn" && version.starts_with("201");
        met(!first, release.name())
    })
}

fn amazon_linux_2(host: &HostFacts) -> Judgement {
    release(host, |release| {
        let second = release.id == "amzn" && release.version_id.as_deref() == Some("2");
        met(!second, release.name())
    })
}

fn multi_node(host: &HostFacts) -> Judgement {
    release(host, |release| {
        let package = super::agent::is_there(host, "/usr/libexec/amazon-ecs-init");
        let with = if package { "with" } else { "without" };
        met(
            release.id == "amzn" && package,
            format!("{} {with} ecs-init", release.name()),
        )
    })
}

fn locked(facts: &Facts) -> Judgement {
    let setting = facts.host.cloud_init.settings.get("repo_upgrade");
    if let Some((_, path)) = setting.filter(|(value, _)| value == "none") {
        return passed(format!("repo_upgrade: none in {path}"));
    }
    let locks = |image: &ImageFacts| image.package_locks.clone();
    match facts.image.as_ref().map(locks) {
        Fact::Known(locks) if !locks.is_empty() => passed(locks.join(", ")),
        Fact::Known(_) => failed("nothing keeps packages from being upgraded at boot or later"),
        _ => skipped("only `ecs-nanny check` looks for version locks"),
    }
}

fn pending(host: &HostFacts) -> Judgement {
    let installed = &host.kernel.installed;
    known(&host.kernel_release, |running| {
        let Some(at) = installed.iter().position(|release| release == running) else {
            return skipped(format!("/lib/modules has no {running}"));
        };
        let newer = installed[at + 1..]
            .iter()
            .rfind(|release| flavour(release) == flavour(running));
        match newer {
            Some(newer) => failed(format!("{running} runs, {newer} is installed")),
            None => passed(running),
        }
    })
}

/// The letters of a release: `6.1.0-37-cloud-amd64` and `6.1.0-9-cloud-amd64` are of one flavour.
fn flavour(release: &str) -> String {
    release
        .chars()
        .filter(|letter| letter.is_alphabetic())
        .collect()
}

fn time(host: &HostFacts) -> Judgement {
    const DAEMONS: &[&str] = &[
        "chronyd.service",
        "chrony.service",
        "systemd-timesyncd.service",
        "ntpd.service",
        "ntp.service",
        "ntpsec.service",
    ];
    let unit = |name: &str| host.units.get(name).and_then(Fact::known);
    let kept = DAEMONS.iter().find(|name| {
        unit(name).is_some_and(|unit| {
            unit.active_state.as_deref() == Some("active")
                || unit.file_state.as_deref() == Some("enabled")
        })
    });
    match kept {
        Some(name) => passed(*name),
        None => failed("no time daemon is enabled"),
    }
}

fn apparmor(host: &HostFacts) -> Judgement {
    match host.security.apparmor_enabled.as_deref() {
        Some("Y") => match host.programs.get("apparmor_parser") {
            Some(path) => passed(format!("AppArmor is on, and there is {path}")),
            None => failed("AppArmor is on, and there is no apparmor_parser"),
        },
        Some(_) => passed("AppArmor is off"),
        None => passed("the kernel has no AppArmor"),
    }
}

fn selinux(host: &HostFacts) -> Judgement {
    let enforces = host.texts.get("/sys/fs/selinux/enforce");
    let capable = value(host, "ECS_SELINUX_CAPABLE").is_some_and(|value| value == "true");
    match enforces.map(|text| text.trim()) {
        Some("1") if capable => passed("SELinux enforces, and ECS_SELINUX_CAPABLE is true"),
        Some("1") => failed(match amazon_unit(host) {
            true => "SELinux enforces, and the agent is not told (Amazon's unit)",
            false => "SELinux enforces, and the agent is not told",
        }),
        Some(_) => passed("SELinux does not enforce"),
        None => passed("there is no SELinux"),
    }
}
