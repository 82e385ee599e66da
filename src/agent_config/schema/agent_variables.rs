//! What the agent itself reads.

use std::time::Duration;

use super::{Kind, Known, Limits, Misread, ObjectLimits, Reader, any, at_least, between, integer};

const LEVELS: &[&str] = &["crit", "error", "warn", "info", "debug"];
const INSTANCE_LEVELS: &[&str] = &["none", "crit", "error", "warn", "info", "debug"];

/// Attributes of a container instance: those that RegisterContainerInstance takes.
const ATTRIBUTES: Kind = Kind::Object(ObjectLimits {
    members: Some(10),
    name: Some(128),
    value: Some(128),
    alone: true,
    attributes: true,
});

/// Tags of an ECS resource.
const TAGS: Kind = Kind::Object(ObjectLimits {
    members: Some(50),
    name: Some(128),
    value: Some(256),
    alone: true,
    attributes: false,
});

const fn boolean(name: &'static str, default: &'static str) -> Known {
    Known::new(name, Kind::Boolean, default)
}

const fn text(name: &'static str, default: &'static str) -> Known {
    Known::new(name, Kind::Text, default)
}

const fn path(name: &'static str, default: &'static str) -> Known {
    Known::new(name, Kind::Path, default)
}

const fn duration(name: &'static str, kind: Kind, default: &'static str) -> Known {
    Known::new(name, kind, default)
}

pub(super) const TABLE: &[Known] = &[
    // Who and where.
    Known::new("ECS_CLUSTER", Kind::Cluster, "default").misread(Misread::Refused),
    text("AWS_DEFAULT_REGION", "").reader(Reader::Both),
    text("ECS_BACKEND_HOST", ""),
    Known::new(
        "DOCKER_HOST",
        Kind::UnixSocket,
        "unix:///var/run/docker.sock",
    )
    .reader(Reader::Both),
    Known::new("ECS_EXTERNAL", Kind::LiteralTrue, "false").reader(Reader::Both),
    Known::new("ECS_INSTANCE_ATTRIBUTES", ATTRIBUTES, "{}")
        .misread(Misread::Exit)
        .note("taken at the first registration only"),
    Known::new("ECS_CONTAINER_INSTANCE_TAGS", TAGS, "{}").misread(Misread::Exit),
    Known::new(
        "ECS_CONTAINER_INSTANCE_PROPAGATE_TAGS_FROM",
        Kind::OneOf(&["none", "ec2_instance"]),
        "none",
    )
    .note("ec2_instance needs ec2:DescribeTags and calls it at each start"),
    Known::new(
        "ECS_INSTANCE_IP_COMPATIBILITY",
        Kind::OneOf(&["ipv4", "ipv6"]),
        "",
    ),
    path("ECS_AGENT_CONFIG_FILE_PATH", "/etc/ecs/ecs.config.json"),
    text("ECS_ALTERNATE_CREDENTIAL_PROFILE", ""),
    boolean("ECS_ENABLE_SPOT_INSTANCE_DRAINING", "false"),
    boolean("ECS_WARM_POOLS_CHECK", "false"),
    boolean("ECS_DISABLE_TASK_METADATA_AZ", "false"),
    // Registries.
    Known::new(
        "ECS_ENGINE_AUTH_TYPE",
        Kind::OneOf(&["docker", "dockercfg"]),
        "",
    ),
    Known::new("ECS_ENGINE_AUTH_DATA", Kind::AnyObject, "").note("secret"),
    // Logs of the agent.
    Known::new("ECS_LOGLEVEL", Kind::Level(LEVELS), "info").reader(Reader::Both),
    Known::new("ECS_LOGLEVEL_ON_INSTANCE", Kind::Level(INSTANCE_LEVELS), "")
        .note("none where ECS_LOG_DRIVER is set, else as ECS_LOGLEVEL"),
    path("ECS_LOGFILE", "/log/ecs-agent.log"),
    Known::new(
        "ECS_LOG_ROLLOVER_TYPE",
        Kind::OneOf(&["size", "hourly"]),
        "size",
    ),
    Known::new(
        "ECS_LOG_OUTPUT_FORMAT",
        Kind::OneOf(&["logfmt", "json"]),
        "logfmt",
    ),
    Known::new(
        "ECS_LOG_MAX_FILE_SIZE_MB",
        Kind::Integer(Limits {
            least: Some(1),
            most: None,
        }),
        "5",
    ),
    Known::new("ECS_LOG_MAX_ROLL_COUNT", integer(Some(1), None), "24"),
    path("ECS_AUDIT_LOGFILE", ""),
    boolean("ECS_AUDIT_LOGFILE_DISABLED", "false"),
    // State and updates.
    boolean("ECS_CHECKPOINT", "true"),
    path("ECS_DATADIR", "/data"),
    path("ECS_HOST_DATA_DIR", "/var/lib/ecs"),
    boolean("ECS_UPDATES_ENABLED", "true"),
    path("ECS_UPDATE_DOWNLOAD_DIR", "/var/cache/ecs"),
    // What it reports.
    boolean("ECS_DISABLE_METRICS", "false"),
    boolean("ECS_POLL_METRICS", "false"),
    duration(
        "ECS_POLLING_METRICS_WAIT_DURATION",
        between(Duration::from_secs(5), Duration::from_secs(20)),
        "10s",
    ),
    boolean("ECS_ENABLE_RUNTIME_STATS", "false"),
    boolean("ECS_ENABLE_PROMETHEUS_METRICS", "false").note("serves port 51680 besides"),
    boolean("ECS_ENABLE_CONTAINER_METADATA", "false"),
    // What tasks may have.
    Known::new(
        "ECS_RESERVED_PORTS",
        Kind::Ports,
        "[22,2375,2376,51678,51679]",
    )
    .note("replaces the default"),
    Known::new("ECS_RESERVED_PORTS_UDP", Kind::Ports, "[]"),
    Known::new("ECS_RESERVED_MEMORY", Kind::U16, "0").note("MiB"),
    Known::new(
        "ECS_AVAILABLE_LOGGING_DRIVERS",
        Kind::LogDrivers,
        r#"["json-file","syslog","awslogs","fluentd","none"]"#,
    )
    .note("a list that cannot be read loses awslogs; an unknown driver makes the agent exit"),
    boolean("ECS_DISABLE_PRIVILEGED", "false"),
    boolean("ECS_SELINUX_CAPABLE", "false"),
    boolean("ECS_APPARMOR_CAPABLE", "false"),
    boolean("ECS_ENABLE_TASK_IAM_ROLE", "true"),
    boolean("ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST", "true"),
    boolean("ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE", "true"),
    boolean("ECS_ENABLE_TASK_CPU_MEM_LIMIT", "true").note(
        "anything but a true value switches the limits off; true on a host that cannot is terminal",
    ),
    boolean("ECS_PROPAGATE_TASK_MEMORY_LIMIT_CGROUPV2", "false"),
    duration(
        "ECS_CGROUP_CPU_PERIOD",
        between(Duration::from_millis(8), Duration::from_millis(100)),
        "100ms",
    ),
    path("ECS_CGROUP_PATH", "/sys/fs/cgroup"),
    Known::new("ECS_TASK_PIDS_LIMIT", integer(Some(1), Some(4_194_304)), ""),
    boolean("ECS_SHARED_VOLUME_MATCH_FULL_CONFIG", "false"),
    Known::new("ECS_NVIDIA_RUNTIME", Kind::Text, "nvidia"),
    Known::new("ECS_ENABLE_GPU_SUPPORT", Kind::LiteralTrue, "false"),
    Known::new("ECS_ENABLE_INF_SUPPORT", Kind::LiteralTrue, "false"),
    Known::new("ECS_GMSA_SUPPORTED", Kind::LiteralTrue, "false").reader(Reader::Both),
    text("CREDENTIALS_FETCHER_HOST", "").reader(Reader::Both),
    text("CREDENTIALS_FETCHER_SECRET_NAME_FOR_DOMAINLESS_GMSA", ""),
    boolean("ECS_ENABLE_FIRELENS_ASYNC", "true"),
    text("ECS_PAUSE_LABELS", ""),
    // Life of a container.
    duration("ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION", at_least(1), "3h"),
    duration("ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION_JITTER", any(), ""),
    duration("ECS_MANIFEST_PULL_TIMEOUT", at_least(30), "1m"),
    duration("ECS_CONTAINER_STOP_TIMEOUT", at_least(1), "30s"),
    duration("ECS_CONTAINER_START_TIMEOUT", at_least(45), "3m"),
    duration("ECS_CONTAINER_CREATE_TIMEOUT", at_least(60), "4m"),
    boolean("ECS_PULL_DEPENDENT_CONTAINERS_UPFRONT", "false"),
    boolean("ECS_DISABLE_DOCKER_HEALTH_CHECK", "false"),
    text("ECS_AGENT_HEALTHCHECK_HOST", "localhost"),
    // Images.
    boolean("ECS_DISABLE_IMAGE_CLEANUP", "false"),
    duration("ECS_IMAGE_CLEANUP_INTERVAL", at_least(600), "30m"),
    duration("ECS_IMAGE_MINIMUM_CLEANUP_AGE", any(), "1h"),
    duration("NON_ECS_IMAGE_MINIMUM_CLEANUP_AGE", any(), "1h"),
    Known::new(
        "ECS_NUM_IMAGES_DELETE_PER_CYCLE",
        integer(Some(1), None),
        "5",
    ),
    Known::new(
        "NONECS_NUM_CONTAINERS_DELETE_PER_CYCLE",
        integer(Some(1), None),
        "5",
    ),
    Known::new(
        "ECS_IMAGE_PULL_BEHAVIOR",
        Kind::OneOf(&["default", "always", "once", "prefer-cached"]),
        "default",
    )
    .note("another word counts as default, without a warning"),
    duration("ECS_IMAGE_PULL_INACTIVITY_TIMEOUT", at_least(60), "1m"),
    duration("ECS_IMAGE_PULL_TIMEOUT", any(), "2h"),
    boolean("ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP", "false"),
    Known::new("ECS_EXCLUDE_UNTRACKED_IMAGE", Kind::Words, ""),
    // Network of tasks.
    boolean("ECS_ENABLE_TASK_ENI", "true"),
    boolean("ECS_ENABLE_HIGH_DENSITY_ENI", "true").note("effective only with ECS_ENABLE_TASK_ENI"),
    path("ECS_CNI_PLUGINS_PATH", "/amazon-ecs-cni-plugins"),
    boolean("ECS_AWSVPC_BLOCK_IMDS", "false")
        .note("true keeps tasks from the instance's own credentials"),
    Known::new("ECS_AWSVPC_ADDITIONAL_LOCAL_ROUTES", Kind::Networks, "[]").misread(Misread::Exit),
    Known::new("ECS_TASK_METADATA_RPS_LIMIT", Kind::RateAndBurst, "40,60"),
    boolean("ECS_EXCLUDE_IPV6_PORTBINDING", "true"),
    Known::new("ECS_DYNAMIC_HOST_PORT_RANGE", Kind::PortRange, "")
        .note("where it is not set: net.ipv4.ip_local_port_range"),
    // Proxies, read by Go's HTTP client in agent and ecs-init alike.
    text("HTTP_PROXY", "").reader(Reader::Both),
    text("HTTPS_PROXY", "").reader(Reader::Both),
    Known::new("NO_PROXY", Kind::Words, "").reader(Reader::Both),
    text("http_proxy", "").reader(Reader::Both),
    text("https_proxy", "").reader(Reader::Both),
    Known::new("no_proxy", Kind::Words, "").reader(Reader::Both),
];
