//! `ecs.*`, first half: what of the agent is installed, and what was left of it.

use crate::facts::{Fact, Facts, HostFacts, InstanceFacts, PathKind, UnitFacts, VolumePlugin};
use crate::finding::Outcome;
use crate::finding::Severity::{Informational, Recommended, Required};

use super::agent_files::amazon_unit;
use super::{Demands, Judge, Judgement, Rule, Told, Version, failed, met, passed, skipped};

pub const RULES: &[Rule] = &[
    Rule {
        id: "ecs.present",
        title: "the ECS agent is installed",
        weights: &[("batch", Required), ("ecs", Required)],
        told: Told::Image,
        required: "the agent's image in /var/cache/ecs, or Amazon's package ecs-init",
        remedy: "fetch it while the image is made: ecs-nanny image fetch",
        source: "https://docs.aws.amazon.com/batch/latest/userguide/batch-ami-spec.html",
        judge: Judge::Facts(present),
    },
    Rule {
        id: "ecs.agent_image_cached",
        title: "the agent's image need not be downloaded at boot",
        weights: &[("batch", Recommended), ("ecs", Recommended)],
        told: Told::Image,
        required: "/var/cache/ecs/ecs-agent.tar, not empty",
        remedy: "ecs-nanny image fetch",
        source: "https://github.com/aws/amazon-ecs-agent, ecs-init downloads what the cache lacks",
        judge: Judge::Host(cached),
    },
    Rule {
        id: "ecs.version_latest",
        title: "the agent is not older than wanted",
        weights: &[("batch", Recommended), ("ecs", Recommended)],
        told: Told::Image,
        required: "the release of checks.oldest_agent or newer",
        remedy: "fetch a newer agent and make the image anew: ecs-nanny image fetch",
        source: "https://docs.aws.amazon.com/batch/latest/userguide/batch-ami-spec.html",
        judge: Judge::Demands(version),
    },
    Rule {
        id: "ecs.unit",
        title: "the agent starts at boot and is kept up",
        weights: &[("batch", Required), ("ecs", Recommended)],
        told: Told::Image,
        required: "ecs-nanny.service enabled; or ecs.service enabled, with After=cloud-final.service and RestartPreventExitStatus=5",
        remedy: "systemctl enable ecs-nanny.service",
        source: "https://docs.aws.amazon.com/batch/latest/userguide/batch-ami-spec.html, https://github.com/aws/amazon-ecs-agent/issues/1707",
        judge: Judge::Facts(unit),
    },
    Rule {
        id: "ecs.unit_dropin",
        title: "Amazon's unit waits for user data and stays down at status 5",
        weights: &[("batch", Recommended), ("ecs", Recommended)],
        told: Told::Image,
        required: "After=cloud-final.service and RestartPreventExitStatus=5 in ecs.service, where it is installed",
        remedy: "printf '[Unit]\\nAfter=cloud-final.service\\n[Service]\\nRestartPreventExitStatus=5\\n' | install -D /dev/stdin /etc/systemd/system/ecs.service.d/50-ecs-nanny.conf, then systemctl daemon-reload",
        source: "https://github.com/aws/amazon-ecs-agent/issues/4119, https://github.com/aws/amazon-ecs-agent, packaging/generic-deb",
        judge: Judge::Host(unit_dropin),
    },
    Rule {
        id: "ecs.no_baked_state",
        title: "the agent has no state of another instance",
        weights: &[("batch", Required), ("ecs", Required)],
        told: Told::Image,
        required: "nothing in /var/lib/ecs/data that an earlier instance left",
        remedy: "ecs-nanny image seal before the image is made; on an instance stop the agent and remove /var/lib/ecs/data/*, or set agent.baked_state = \"aside\"",
        source: "https://github.com/aws/amazon-ecs-agent/issues/887, https://docs.aws.amazon.com/batch/latest/userguide/create-batch-ami.html",
        judge: Judge::Facts(baked_state),
    },
    Rule {
        id: "ecs.exec_deps",
        title: "tasks can be entered (ECS Exec) and EBS volumes attached",
        weights: &[("ecs", Informational), ("batch", Informational)],
        told: Told::Image,
        required: "/var/lib/ecs/deps/execute-command",
        remedy: "install Amazon's package ecs-init, or unpack its execute-command files there",
        source: "https://github.com/aws/amazon-ecs-ami",
        judge: Judge::Host(exec_deps),
    },
    Rule {
        id: "ecs.service_connect",
        title: "services can use Service Connect",
        weights: &[("ecs", Informational)],
        told: Told::Image,
        required: "ecs-service-connect-agent's image in /var/lib/ecs/deps/serviceconnect",
        remedy: "install the package ecs-service-connect-agent",
        source: "https://github.com/aws/amazon-ecs-ami, scripts/install-service-connect",
        judge: Judge::Host(service_connect),
    },
    Rule {
        id: "ecs.volumes",
        title: "tasks can have EFS volumes with IAM and access points",
        weights: &[("ecs", Informational), ("batch", Informational)],
        told: Told::Image,
        required: "mount.efs, and a volume plugin that answers",
        remedy: "install amazon-efs-utils; systemctl enable --now ecs-nanny-volumes.socket",
        source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/efs-volumes.html",
        judge: Judge::Facts(volumes),
    },
];

/// True where something stands at one of [`crate::facts::PROBED_PATHS`].
pub(super) fn is_there(host: &HostFacts, path: &str) -> bool {
    let kind = host.paths.get(path).copied().unwrap_or(PathKind::Absent);
    kind != PathKind::Absent
}

fn present(facts: &Facts) -> Judgement {
    const PLACES: &[&str] = &[
        "/usr/libexec/amazon-ecs-init",
        "/usr/sbin/amazon-ecs-init",
        "/usr/bin/amazon-ecs-agent",
        "/var/cache/ecs/ecs-agent.tar",
    ];
    let host = &facts.host;
    match PLACES.iter().find(|path| is_there(host, path)) {
        Some(path) => passed(*path),
        None => failed("there is neither Amazon's package nor an image in the cache"),
    }
}

fn cached(host: &HostFacts) -> Judgement {
    match (&host.agent_state.tarball, host.agent_state.tarball_bytes) {
        (Some(name), 0) => failed(format!("{name} is empty")),
        (Some(name), _) => passed(name),
        (None, _) => failed("there is none"),
    }
}

fn version(facts: &Facts, demands: &Demands) -> Judgement {
    let Some(oldest) = demands.oldest_agent else {
        return skipped("no release is asked for: set checks.oldest_agent").at_most(Informational);
    };
    let Some(name) = &facts.host.agent_state.tarball else {
        return skipped("there is no agent in the cache");
    };
    // `ecs-agent-v1.105.1.tar`
    let found = name
        .split_once("-v")
        .and_then(|(_, version)| Version::leading(version));
    match found {
        Some(found) => met(found >= oldest, name),
        None => skipped(format!("{name} does not say its version")),
    }
}

/// A unit that starts at boot.
fn enabled_unit<'a>(host: &'a HostFacts, name: &str) -> Option<&'a UnitFacts> {
    host.units
        .get(name)
        .and_then(Fact::known)
        .filter(|unit| unit.file_state.as_deref() == Some("enabled"))
}

fn unit(facts: &Facts) -> Judgement {
    let host = &facts.host;
    if !facts.unbooted && !host.systemd {
        return skipped("systemd does not run here");
    }
    let enabled = |name: &str| enabled_unit(host, name);
    if enabled("ecs-nanny.service").is_some() {
        return passed("ecs-nanny.service is enabled");
    }
    match enabled("ecs.service") {
        Some(amazon) => ordered(amazon),
        None => failed("neither ecs-nanny.service nor ecs.service is enabled"),
    }
}

/// What Amazon's packages leave out, some of them.
fn unit_dropin(host: &HostFacts) -> Judgement {
    let unit = host.units.get("ecs.service").and_then(Fact::known);
    match unit.filter(|_| amazon_unit(host)) {
        Some(unit) => ordered(unit),
        None => passed("ecs.service is not installed"),
    }
}

fn ordered(amazon: &UnitFacts) -> Judgement {
    let waits = amazon
        .after
        .iter()
        .any(|unit| unit == "cloud-final.service");
    let ends = amazon
        .restart_prevented_by
        .iter()
        .any(|status| status == "5");
    match (waits, ends) {
        (true, true) => passed("ecs.service waits for user data and ends at status 5"),
        (false, _) => failed("ecs.service does not wait for user data (After=cloud-final.service)"),
        (true, false) => failed("ecs.service starts again for ever after status 5"),
    }
}

/// True where the agent's state is that of another instance.
pub fn has_foreign_state(facts: &Facts) -> bool {
    baked_state(facts).outcome == Outcome::Failed
}

fn baked_state(facts: &Facts) -> Judgement {
    let state = &facts.host.agent_state;
    let names = state.files.join(" ");
    if state.files.is_empty() {
        return passed("/var/lib/ecs/data is empty");
    }
    if facts.image_only {
        return failed(format!("the image holds {names}"));
    }
    let Fact::Known(instance) = &facts.instance else {
        return skipped(format!(
            "the metadata service has not said whose {names} is"
        ));
    };
    match &state.known_instance {
        Some(known) if *known == instance.instance_id => {
            passed(format!("{names} of this instance"))
        }
        Some(known) => failed(format!("{names} of {known}")),
        None => older_than_launch(facts, instance, &names),
    }
}

/// Where ecs-nanny has not yet noted the instance, what was there before it was launched came with the image.
fn older_than_launch(facts: &Facts, instance: &InstanceFacts, names: &str) -> Judgement {
    let launched = instance
        .launch_time
        .as_deref()
        .and_then(|time| humantime::parse_rfc3339(time).ok())
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .and_then(|since| i64::try_from(since.as_secs()).ok());
    match (facts.host.agent_state.changed_at, launched) {
        (Some(changed), Some(launched)) => met(
            changed >= launched,
            format!(
                "{names} {} the launch of {}",
                if changed < launched {
                    "from before"
                } else {
                    "since"
                },
                instance.instance_id
            ),
        ),
        _ => skipped(format!("nothing tells whose {names} is")),
    }
}

fn exec_deps(host: &HostFacts) -> Judgement {
    let there = is_there(host, "/var/lib/ecs/deps/execute-command");
    met(there, if there { "there" } else { "absent" })
}

fn service_connect(host: &HostFacts) -> Judgement {
    const IMAGE: &str =
        "/var/lib/ecs/deps/serviceconnect/ecs-service-connect-agent.interface-v1.tar";
    let there = is_there(host, IMAGE);
    met(there, if there { "there" } else { "absent" })
}

fn volumes(facts: &Facts) -> Judgement {
    let host = &facts.host;
    let is_there = |helper: &str| host.programs.contains_key(helper);
    if !is_there("mount.efs") {
        return failed("there is no mount.efs");
    }
    let helpers = match is_there("mount.s3files") {
        true => "mount.efs and mount.s3files",
        false => "mount.efs, and no mount.s3files",
    };
    if facts.image_only {
        let enabled = [
            "ecs-nanny-volumes.socket",
            "amazon-ecs-volume-plugin.socket",
        ]
        .into_iter()
        .find(|name| enabled_unit(host, name).is_some());
        return match enabled {
            Some(name) => passed(format!("{helpers}; {name} is enabled")),
            None => failed(format!("{helpers}; no volume plugin is enabled")),
        };
    }
    match &host.volume_plugin {
        VolumePlugin::Absent => failed(format!("{helpers}; no volume plugin listens")),
        VolumePlugin::Silent(why) => failed(format!("{helpers}; {why}")),
        VolumePlugin::Listening => passed(format!("{helpers}; a volume plugin listens")),
        VolumePlugin::Answers => passed(format!("{helpers}; the volume plugin answers")),
    }
}
