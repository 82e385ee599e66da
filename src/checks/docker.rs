//! `docker.*`: the engine.

use crate::facts::{EngineFacts, Fact, Facts, HostFacts};
use crate::finding::Severity::{Recommended, Required};

use super::agent_files::LogDrivers;
use super::{
    Judge, Judgement, Rule, Told, Version, failed, met, on_container_hosts, passed, skipped,
};

/// The Engine API versions that the agent speaks (amazon-ecs-agent 1.105.1, `agent/dockerclient`).
const AGENT_API: (Version, Version) = (Version::new(1, 21), Version::new(1, 44));

/// The oldest Docker that AWS Batch takes.
const OLDEST: Version = Version::new(1, 9);

/// The oldest Docker that ecs-init's package takes, and the first that knows control groups of version 2.
const RECOMMENDED: Version = Version::new(20, 10);

pub const RULES: &[Rule] = &[
    Rule {
        id: "docker.reachable",
        title: "the Docker daemon answers",
        weights: &on_container_hosts(Required),
        told: Told::Booted,
        required: "an answer on the Engine API's socket",
        remedy: "start Docker and look at its log: systemctl status docker.service",
        source: "https://docs.aws.amazon.com/batch/latest/userguide/batch-ami-spec.html",
        judge: Judge::Facts(reachable),
    },
    Rule {
        id: "docker.version",
        title: "Docker is 1.9 or newer and speaks an API that the agent knows",
        weights: &on_container_hosts(Required),
        told: Told::Booted,
        required: "Docker 1.9 or newer, with an Engine API version between 1.21 and 1.44",
        remedy: "install a Docker that the agent's release was tested with, for example 25.0",
        source: "https://docs.aws.amazon.com/batch/latest/userguide/batch-ami-spec.html, https://github.com/aws/amazon-ecs-agent/issues/4074",
        judge: Judge::Engine(version),
    },
    Rule {
        id: "docker.min_recommended",
        title: "Docker is a release that the agent is tested with",
        weights: &on_container_hosts(Recommended),
        told: Told::Booted,
        required: "Docker 20.10 or newer",
        remedy: "install a newer Docker",
        source: "https://github.com/aws/amazon-ecs-agent, Requires of the ecs-init package",
        judge: Judge::Engine(recommended_version),
    },
    Rule {
        id: "docker.logdrivers",
        title: "the engine has the log drivers that the agent offers",
        weights: &[("batch", Required), ("ecs", Recommended)],
        told: Told::Booted,
        required: "awslogs and every other driver of ECS_AVAILABLE_LOGGING_DRIVERS among the engine's log drivers",
        remedy: "install Docker's own packages, which have awslogs built in; leave out of the list what the engine lacks",
        source: "https://docs.aws.amazon.com/batch/latest/userguide/batch-ami-spec.html",
        judge: Judge::Facts(log_drivers),
    },
    Rule {
        id: "docker.storage",
        title: "the engine stores images as overlays",
        weights: &on_container_hosts(Recommended),
        told: Told::Booted,
        required: "storage driver overlay2 with d_type, or containerd's overlayfs snapshotter",
        remedy: "set \"storage-driver\": \"overlay2\" in /etc/docker/daemon.json; make xfs with ftype=1",
        source: "https://docs.docker.com/engine/storage/drivers/select-storage-driver/",
        judge: Judge::Engine(storage),
    },
    Rule {
        id: "docker.cgroup",
        title: "the agent can limit tasks with the engine's cgroup driver",
        weights: &on_container_hosts(Required),
        told: Told::Booted,
        required: "cgroup driver cgroupfs on version 1, systemd on version 2",
        remedy: "set \"exec-opts\": [\"native.cgroupdriver=cgroupfs\"] (version 1) or systemd (version 2) in /etc/docker/daemon.json",
        source: "https://github.com/aws/amazon-ecs-agent, ECS_ENABLE_TASK_CPU_MEM_LIMIT",
        judge: Judge::Engine(cgroup),
    },
];

fn reachable(facts: &Facts) -> Judgement {
    match &facts.engine {
        Fact::Known(engine) => passed(format!("Docker {}", engine.version)),
        Fact::NotYet => skipped("the engine has not been asked"),
        // An engine that starts with its socket or at the next boot is asleep, not out of order.
        Fact::Unreadable(why) if asleep(&facts.host) => skipped(why),
        Fact::Unreadable(why) => failed(why),
    }
}

fn asleep(host: &HostFacts) -> bool {
    ["docker.service", "docker.socket"].iter().any(|name| {
        host.units
            .get(*name)
            .and_then(Fact::known)
            .is_some_and(|unit| {
                unit.active_state.as_deref() == Some("inactive")
                    && unit.file_state.as_deref() == Some("enabled")
            })
    })
}

fn version(engine: &EngineFacts) -> Judgement {
    let Some(newest_api) = Version::leading(&engine.api_version) else {
        return skipped(format!(
            "the engine's API version {:?} can't be read",
            engine.api_version
        ));
    };
    // Engines before API 1.25 do not say their oldest; they speak every older one.
    let oldest_api = Version::leading(&engine.min_api_version).unwrap_or(Version::new(0, 0));
    let overlap = oldest_api <= AGENT_API.1 && newest_api >= AGENT_API.0;
    let too_old = Version::leading(&engine.version).is_some_and(|version| version < OLDEST);
    met(
        overlap && !too_old,
        format!(
            "Docker {}, API {oldest_api} to {newest_api}",
            engine.version
        ),
    )
}

fn recommended_version(engine: &EngineFacts) -> Judgement {
    match Version::leading(&engine.version) {
        Some(version) => met(version >= RECOMMENDED, format!("Docker {}", engine.version)),
        None => skipped(format!(
            "the engine's version {:?} can't be read",
            engine.version
        )),
    }
}

fn log_drivers(facts: &Facts) -> Judgement {
    let Fact::Known(engine) = &facts.engine else {
        return skipped("the engine has not answered");
    };
    let offered = LogDrivers::of(&facts.host);
    // These two are the agent's own and need nothing of the engine.
    let of_the_engine = |name: &&String| !["none", "awsfirelens"].contains(&name.as_str());
    let missing: Vec<&str> = offered
        .names
        .iter()
        .filter(of_the_engine)
        .map(String::as_str)
        .filter(|name| !engine.log_drivers.iter().any(|driver| driver == name))
        .collect();
    let observed = match engine.log_drivers.is_empty() {
        true => "none".to_owned(),
        false => engine.log_drivers.join(" "),
    };
    if missing.is_empty() {
        passed(observed)
    } else {
        let told = failed(format!("{observed}; without {}", missing.join(" ")));
        match missing.contains(&"awslogs") {
            true => told,
            false => told.at_most(Recommended),
        }
    }
}

fn storage(engine: &EngineFacts) -> Judgement {
    let status = |name: &str| {
        let found = engine.storage_status.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    };
    let driver = engine.storage_driver.as_str();
    match driver {
        "" => skipped("the engine does not say its storage driver"),
        "overlay2" if status("Supports d_type") == Some("false") => {
            failed("overlay2 without d_type")
        }
        "overlay2" => passed(driver),
        // The containerd image store names its snapshotter.
        "overlayfs" if status("driver-type").is_some() => passed("overlayfs of containerd"),
        _ => failed(driver),
    }
}

fn cgroup(engine: &EngineFacts) -> Judgement {
    // Docker before 20.10 knows version 1 alone, and does not say so.
    let version = match engine.cgroup_version.as_str() {
        "" => "1",
        version => version,
    };
    let driver = engine.cgroup_driver.as_str();
    let observed = format!("driver {driver:?} on version {version}");
    match (version, driver) {
        (_, "") => skipped("the engine does not say its cgroup driver"),
        ("1", "cgroupfs") | ("2", "systemd") => passed(observed),
        ("1", "systemd") => failed(observed),
        _ => failed(observed).at_most(Recommended),
    }
}
