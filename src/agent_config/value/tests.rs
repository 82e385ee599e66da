use super::*;
use crate::agent_config::schema;

/// For each value of a variable: taken, misread or bent.
#[test]
fn values_are_taken_as_the_agent_takes_them() {
    use Weight::{Bent, Misread};
    for (name, value, fault) in [
        ("ECS_CLUSTER", "prod-1_a", None),
        ("ECS_CLUSTER", " prod ", None),
        ("ECS_CLUSTER", "", None),
        (
            "ECS_CLUSTER",
            "arn:aws-cn:ecs:cn-north-1:123456789012:cluster/prod",
            None,
        ),
        (
            "ECS_CLUSTER",
            "arn:aws:ecs:eu-west-1:123456789012:service/prod",
            Some(Misread),
        ),
        ("ECS_CLUSTER", "prod # note", Some(Misread)),
        ("ECS_CLUSTER", "\"prod\"", Some(Misread)),
        ("DOCKER_HOST", "tcp://127.0.0.1:2375", Some(Misread)),
        ("ECS_DATADIR", "data", Some(Misread)),
        ("ECS_POLL_METRICS", " TRUE ", None),
        ("ECS_POLL_METRICS", "yes", Some(Misread)),
        ("ECS_ENABLE_GPU_SUPPORT", "true", None),
        ("ECS_ENABLE_GPU_SUPPORT", "1", Some(Bent)),
        ("ECS_ENABLE_GPU_SUPPORT", "0", None),
        ("ECS_CONTAINER_START_TIMEOUT", "10", Some(Misread)),
        ("ECS_CONTAINER_START_TIMEOUT", "10s", Some(Bent)),
        ("ECS_CONTAINER_START_TIMEOUT", "10m", None),
        ("ECS_CGROUP_CPU_PERIOD", "1s", Some(Bent)),
        ("ECS_NUM_IMAGES_DELETE_PER_CYCLE", "0", Some(Bent)),
        ("ECS_NUM_IMAGES_DELETE_PER_CYCLE", "+5", None),
        ("ECS_NUM_IMAGES_DELETE_PER_CYCLE", "five", Some(Misread)),
        ("ECS_TASK_PIDS_LIMIT", "4194305", Some(Bent)),
        ("ECS_RESERVED_MEMORY", "65535", None),
        ("ECS_RESERVED_MEMORY", "65536", Some(Misread)),
        ("ECS_RESERVED_MEMORY", "+1", Some(Misread)),
        ("ECS_RESERVED_MEMORY", "256MB", Some(Misread)),
        ("ECS_IMAGE_PULL_BEHAVIOR", "prefer_cached", Some(Misread)),
        ("ECS_LOGLEVEL", "DEBUG", None),
        ("ECS_LOGLEVEL", "verbose", Some(Misread)),
        ("ECS_RESERVED_PORTS", "[22, 80]", None),
        ("ECS_RESERVED_PORTS", "[22, 80] and more", Some(Bent)),
        ("ECS_RESERVED_PORTS", "[70000]", Some(Misread)),
        ("ECS_RESERVED_PORTS", "22,80", Some(Misread)),
        ("ECS_AVAILABLE_LOGGING_DRIVERS", "[\"awslogs\"]", None),
        (
            "ECS_AVAILABLE_LOGGING_DRIVERS",
            "[\u{201c}awslogs\u{201d}]",
            Some(Misread),
        ),
        ("ECS_INSTANCE_ATTRIBUTES", "{\"a.b\":\"c\"}", None),
        ("ECS_INSTANCE_ATTRIBUTES", "{\"a\":1}", Some(Misread)),
        ("ECS_INSTANCE_ATTRIBUTES", "{\"a b\":\"c\"}", Some(Misread)),
        (
            "ECS_INSTANCE_ATTRIBUTES",
            "{\"a\":\"c\"} junk",
            Some(Misread),
        ),
        ("ECS_INSTANCE_ATTRIBUTES", "'{\"a\":\"c\"}'", Some(Misread)),
        ("ECS_LOG_OPTS", "{\"tag\":\"x\"} junk", Some(Bent)),
        ("ECS_AGENT_LABELS", "{\"a\":1}", Some(Misread)),
        ("ECS_AGENT_LABELS", "{\"a\":\"1\"} junk", Some(Misread)),
        ("ECS_ENGINE_AUTH_DATA", "{\"r\":{\"auth\":\"x\"}}", None),
        ("ECS_ENGINE_AUTH_DATA", "secret", Some(Misread)),
        (
            "ECS_AWSVPC_ADDITIONAL_LOCAL_ROUTES",
            "[\"10.0.0.0/8\",\"fd00::/8\"]",
            None,
        ),
        (
            "ECS_AWSVPC_ADDITIONAL_LOCAL_ROUTES",
            "[\"10.0.0.0\"]",
            Some(Misread),
        ),
        (
            "ECS_AWSVPC_ADDITIONAL_LOCAL_ROUTES",
            "[\"10.0.0.0/33\"]",
            Some(Misread),
        ),
        ("ECS_TASK_METADATA_RPS_LIMIT", "40, 60", None),
        ("ECS_TASK_METADATA_RPS_LIMIT", "40,0", Some(Misread)),
        ("ECS_TASK_METADATA_RPS_LIMIT", "40", Some(Misread)),
        ("ECS_DYNAMIC_HOST_PORT_RANGE", "32768-60999", None),
        ("ECS_DYNAMIC_HOST_PORT_RANGE", "60999-32768", Some(Misread)),
        ("ECS_DYNAMIC_HOST_PORT_RANGE", "0-5", Some(Misread)),
        ("HTTP_PROXY", "anything at all", None),
    ] {
        let known = schema::find(name).unwrap();
        let told = check(known, value).err().map(|fault| fault.weight);
        assert_eq!(told, fault, "{name}={value}");
    }
}

#[test]
fn a_fault_says_what_to_write() {
    let fault = |name, value| check(schema::find(name).unwrap(), value).unwrap_err();
    assert_eq!(fault("ECS_POLL_METRICS", "off").mend, "write false");
    assert_eq!(
        fault("ECS_CONTAINER_STOP_TIMEOUT", "1ms").wanted,
        "1s or more"
    );
    let quoted = fault("ECS_INSTANCE_ATTRIBUTES", "'{}'");
    assert!(
        quoted.mend.contains("without quotes around it"),
        "{}",
        quoted.mend
    );
}

#[test]
fn attributes_have_limits() {
    let known = schema::find("ECS_INSTANCE_ATTRIBUTES").unwrap();
    let many: String = (0..11)
        .map(|number| format!("\"a{number}\":\"\","))
        .collect();
    let many = format!("{{{}}}", many.trim_end_matches(','));
    assert_eq!(
        check(known, &many).unwrap_err().wanted,
        "at most 10 members"
    );
    let long = format!("{{\"{}\":\"\"}}", "a".repeat(129));
    assert!(
        check(known, &long)
            .unwrap_err()
            .wanted
            .contains("at most 128")
    );
}
