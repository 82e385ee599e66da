//! `ecs.*`, second half: what the agent is told, and what must be true for it to register.

use crate::facts::{Fact, Facts, HostFacts, InstanceFacts, is_warm};
use crate::finding::Severity::{Informational, Recommended, Required};

use super::agent_files::{LogDrivers, amazon_unit, cluster_of_json, value};
use super::capacity::size;
use super::{Judge, Judgement, Rule, Told, failed, known, met, passed, platform, skipped};

const AGENT: &str = "https://github.com/aws/amazon-ecs-agent, README";

pub const RULES: &[Rule] = &[
    Rule {
        id: "ecs.awslogs",
        title: "the agent offers the log driver awslogs",
        weights: &[("batch", Required), ("ecs", Recommended)],
        told: Told::Image,
        required: "awslogs in ECS_AVAILABLE_LOGGING_DRIVERS, a JSON list without quotes around it",
        remedy: "write ECS_AVAILABLE_LOGGING_DRIVERS=[\"json-file\",\"awslogs\"] in /etc/ecs/ecs.config, or remove the line",
        source: "https://docs.aws.amazon.com/batch/latest/userguide/batch-ami-spec.html, https://github.com/aws/amazon-ecs-agent/issues/4159",
        judge: Judge::Host(awslogs),
    },
    Rule {
        id: "ecs.cluster_set",
        title: "the agent is told its cluster",
        weights: &[("batch", Required), ("ecs", Recommended)],
        told: Told::Booted,
        required: "ECS_CLUSTER in /etc/ecs/ecs.config or /var/lib/ecs/ecs.config",
        remedy: "let user data write it: echo ECS_CLUSTER=NAME >> /etc/ecs/ecs.config",
        source: AGENT,
        judge: Judge::Facts(cluster),
    },
    Rule {
        id: "ecs.cloudinit_ok",
        title: "cloud-init found the instance's user data",
        weights: &[("batch", Required), ("ecs", Required)],
        told: Told::Booted,
        required: "a data source other than DataSourceNone, and no errors",
        remedy: "look at /var/log/cloud-init.log; run cloud-init clean --reboot",
        source: "https://github.com/aws/amazon-ecs-agent/pull/4988",
        judge: Judge::Facts(cloud_init),
    },
    Rule {
        id: "ecs.iam",
        title: "the instance has a role to register with",
        weights: &[("batch", Required), ("ecs", Required)],
        told: Told::Booted,
        required: "an instance profile",
        remedy: "attach one whose role has the policy AmazonEC2ContainerServiceforEC2Role",
        source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/instance_IAM_role.html",
        judge: Judge::Instance(role),
    },
    Rule {
        id: "ecs.proxy",
        title: "a proxy is not asked for what is on the host itself",
        weights: &[("batch", Required), ("ecs", Required)],
        told: Told::Image,
        required: "169.254.169.254, 169.254.170.2 and /var/run/docker.sock in NO_PROXY where HTTP_PROXY is set",
        remedy: "write NO_PROXY=169.254.169.254,169.254.170.2,/var/run/docker.sock in /etc/ecs/ecs.config",
        source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/http_proxy_config.html",
        judge: Judge::Host(proxy),
    },
    Rule {
        id: "ecs.localhost_filter",
        title: "services on 127.0.0.1 are closed to neighbours",
        weights: &[("batch", Recommended), ("ecs", Recommended)],
        told: Told::Image,
        required: "the packet filter rule that goes with route_localnet",
        remedy: "remove ECS_SKIP_LOCALHOST_TRAFFIC_FILTER from the agent's files",
        source: AGENT,
        judge: Judge::Host(localhost_filter),
    },
    Rule {
        id: "ecs.introspection_nic",
        title: "introspection is closed to other hosts",
        weights: &[("batch", Recommended), ("ecs", Recommended)],
        told: Told::Booted,
        required: "port 51678 closed on the interface of the default route",
        remedy: "set ECS_OFFHOST_INTROSPECTION_INTERFACE_NAME to that interface; remove ECS_ALLOW_OFFHOST_INTROSPECTION_ACCESS",
        source: AGENT,
        judge: Judge::Host(introspection),
    },
    Rule {
        id: "ecs.reserved_ports",
        title: "no task gets a port of the host's own",
        weights: &[("batch", Recommended), ("ecs", Recommended)],
        told: Told::Image,
        required: "22, 2375, 2376, 51678 and 51679 in ECS_RESERVED_PORTS, which replaces the agent's own list",
        remedy: "add them to the list, or remove the variable",
        source: AGENT,
        judge: Judge::Host(reserved_ports),
    },
    Rule {
        id: "ecs.warmpool",
        title: "an instance of a warm pool does not register",
        weights: &[("ecs", Recommended)],
        told: Told::Booted,
        required: "ECS_WARM_POOLS_CHECK=true in a warm pool",
        remedy: "write ECS_WARM_POOLS_CHECK=true in /etc/ecs/ecs.config",
        source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-warm-pool.html",
        judge: Judge::Instance(warm_pool),
    },
    Rule {
        id: "ecs.spot",
        title: "tasks are drained before a Spot instance ends",
        weights: &[("ecs", Recommended)],
        told: Told::Booted,
        required: "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true on a Spot instance",
        remedy: "write ECS_ENABLE_SPOT_INSTANCE_DRAINING=true in /etc/ecs/ecs.config",
        source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-instance-spot.html",
        judge: Judge::Instance(spot),
    },
    Rule {
        id: "ecs.resource_floor",
        title: "some memory is left to tasks",
        weights: &[("batch", Informational), ("ecs", Informational)],
        told: Told::Booted,
        required: "ECS_RESERVED_MEMORY below the host's memory",
        remedy: "lower ECS_RESERVED_MEMORY (MiB)",
        source: AGENT,
        judge: Judge::Host(reserved_memory),
    },
];

fn awslogs(host: &HostFacts) -> Judgement {
    let drivers = LogDrivers::of(host);
    match drivers.lost {
        Some(written) if amazon_unit(host) => {
            failed(format!("{written:?}, from which awslogs is lost"))
        }
        Some(written) => passed(format!("{written:?}, to which ecs-nanny adds awslogs")),
        None => passed(drivers.names.join(" ")),
    }
}

fn cluster(facts: &Facts) -> Judgement {
    let host = &facts.host;
    let cluster = value(host, "ECS_CLUSTER").or_else(|| cluster_of_json(host));
    match cluster {
        Some(cluster) => passed(cluster),
        None => failed("no file names one: the agent would join the cluster default"),
    }
}

fn cloud_init(facts: &Facts) -> Judgement {
    let cloud_init = &facts.host.cloud_init;
    if !cloud_init.installed || cloud_init.disabled {
        return passed("cloud-init is not used here");
    }
    let Some(text) = &cloud_init.result else {
        return skipped("cloud-init has not ended");
    };
    let Ok(document) = serde_json::from_str::<serde_json::Value>(text) else {
        return skipped("cloud-init's result.json can't be read");
    };
    let result = document.get("v1").unwrap_or(&document);
    let source = result["datasource"].as_str().unwrap_or_default();
    let errors = result["errors"].as_array().map_or(0, Vec::len);
    let has_user_data = facts.instance.known().and_then(|it| it.has_user_data);
    // The agent looks for the same two things, and ends with status 5.
    if source.contains("DataSourceNone") {
        return match (platform(&facts.host).is_ec2, has_user_data) {
            (true, Some(true)) => failed("DataSourceNone, and the instance has user data"),
            (true, None) => failed("DataSourceNone").at_most(Recommended),
            _ => passed("DataSourceNone, and there is no user data"),
        };
    }
    if errors > 0 {
        return failed(format!("{source}, {errors} errors")).at_most(Recommended);
    }
    passed(match source {
        "" => "no errors",
        source => source,
    })
}

fn role(instance: &InstanceFacts, host: &HostFacts) -> Judgement {
    if value(host, "ECS_EXTERNAL").is_some() {
        return passed("an external instance brings its own credentials");
    }
    match instance.has_instance_profile {
        Some(true) => passed("an instance profile is attached"),
        Some(false) => {
            failed("none is attached; soon after launch the service may not know it yet")
        }
        None => skipped("the metadata service has not said"),
    }
}

fn proxy(host: &HostFacts) -> Judgement {
    const LOCAL: &[&str] = &["169.254.169.254", "169.254.170.2", "/var/run/docker.sock"];
    // The value may hold a password, and is not shown.
    if value(host, "HTTP_PROXY").is_none() && value(host, "HTTPS_PROXY").is_none() {
        return passed("no proxy");
    }
    let exceptions = value(host, "NO_PROXY").unwrap_or_default();
    let missing: Vec<&str> = LOCAL
        .iter()
        .copied()
        .filter(|local| {
            !exceptions
                .split(',')
                .any(|exception| exception.trim() == *local)
        })
        .collect();
    if missing.is_empty() {
        passed(format!("NO_PROXY={exceptions}"))
    } else {
        failed(format!("NO_PROXY without {}", missing.join(", ")))
    }
}

fn truth(host: &HostFacts, name: &str) -> bool {
    let value = value(host, name).unwrap_or_default();
    ["1", "t", "T", "true", "TRUE", "True"].contains(&&*value)
}

fn localhost_filter(host: &HostFacts) -> Judgement {
    const SKIP: &str = "ECS_SKIP_LOCALHOST_TRAFFIC_FILTER";
    met(
        !truth(host, SKIP),
        match truth(host, SKIP) {
            true => format!("{SKIP} leaves the rule out"),
            false => "the rule is put there with route_localnet".to_owned(),
        },
    )
}

fn introspection(host: &HostFacts) -> Judgement {
    const OPEN: &str = "ECS_ALLOW_OFFHOST_INTROSPECTION_ACCESS";
    if truth(host, OPEN) {
        return failed(format!("{OPEN} opens it"));
    }
    if !amazon_unit(host) {
        return passed("ecs-nanny closes it on every interface but loopback");
    }
    known(&host.network.default_interface, |interface| {
        // ecs-init's own default.
        let named = value(host, "ECS_OFFHOST_INTROSPECTION_INTERFACE_NAME");
        let closed = named.unwrap_or_else(|| "eth0".to_owned());
        met(
            closed == *interface,
            format!("closed on {closed}, the default route is on {interface}"),
        )
    })
}

fn reserved_ports(host: &HostFacts) -> Judgement {
    const OWN: &[u16] = &[22, 2375, 2376, 51678, 51679];
    let Some(written) = value(host, "ECS_RESERVED_PORTS") else {
        return passed("the agent's own list");
    };
    let Ok(ports) = serde_json::from_str::<Vec<u16>>(&written) else {
        return failed(format!("{written:?} is no JSON list of ports"));
    };
    let missing: Vec<String> = OWN
        .iter()
        .filter(|port| !ports.contains(port))
        .map(u16::to_string)
        .collect();
    match missing.is_empty() {
        true => passed(written),
        false => failed(format!("{written} without {}", missing.join(", "))),
    }
}

fn warm_pool(instance: &InstanceFacts, host: &HostFacts) -> Judgement {
    let state = instance.target_lifecycle_state.as_deref();
    match state {
        Some(state) if is_warm(state) => given(
            host,
            "ECS_WARM_POOLS_CHECK",
            &format!("the instance is in {state}"),
        ),
        Some(state) => passed(format!("the instance is in {state}")),
        None => passed("the instance is in no Auto Scaling group"),
    }
}

fn spot(instance: &InstanceFacts, host: &HostFacts) -> Judgement {
    match instance.life_cycle.as_deref() {
        Some("spot") => given(host, "ECS_ENABLE_SPOT_INSTANCE_DRAINING", "a Spot instance"),
        Some(other) => passed(other),
        None => skipped("the metadata service tells no life cycle"),
    }
}

/// Whether the agent is given a switch: by ecs-nanny, unless a file says otherwise or Amazon's unit runs the agent.
fn given(host: &HostFacts, name: &str, observed: &str) -> Judgement {
    match value(host, name) {
        Some(written) => met(truth(host, name), format!("{observed}, {name}={written}")),
        None if amazon_unit(host) => failed(format!("{observed}, and no file has {name}")),
        None => passed(format!("{observed}, to which ecs-nanny gives {name}=true")),
    }
}

fn reserved_memory(host: &HostFacts) -> Judgement {
    let Some(written) = value(host, "ECS_RESERVED_MEMORY") else {
        return passed("nothing is reserved");
    };
    let Ok(mebibytes) = written.parse::<u64>() else {
        return failed(format!("{written:?} is no number of MiB"));
    };
    match &host.memory {
        Fact::Known(memory) => met(
            mebibytes.saturating_mul(1 << 20) < memory.total_bytes,
            format!("{mebibytes} MiB of {}", size(memory.total_bytes)),
        ),
        unknown => skipped(unknown.why_unknown()),
    }
}
