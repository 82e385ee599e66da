//! What ecs-init reads or sets, and what means nothing on Linux.

use super::{Kind, Known, ObjectLimits, Reader, Standing, integer};

/// The log drivers that ecs-init lets the agent's own container have.
const CONTAINER_LOG_DRIVERS: &[&str] = &[
    "awslogs",
    "fluentd",
    "gelf",
    "json-file",
    "journald",
    "logentries",
    "splunk",
    "syslog",
];

const fn strings(alone: bool) -> Kind {
    Kind::Object(ObjectLimits {
        members: None,
        name: None,
        value: None,
        alone,
        attributes: false,
    })
}

const fn init(name: &'static str, kind: Kind, default: &'static str) -> Known {
    Known::new(name, kind, default).reader(Reader::Init)
}

const fn managed(name: &'static str, kind: Kind) -> Known {
    Known::new(name, kind, "").standing(Standing::Managed)
}

const fn windows(name: &'static str) -> Known {
    Known::new(name, Kind::Boolean, "").standing(Standing::WindowsOnly)
}

pub(super) const TABLE: &[Known] = &[
    init(
        "ECS_LOG_DRIVER",
        Kind::OneOf(CONTAINER_LOG_DRIVERS),
        "json-file",
    )
    .note("of the agent's own container"),
    init("ECS_LOG_OPTS", strings(false), "").note("replaces the size limits of json-file"),
    init("ECS_INIT_DOCKER_LOG_FILE_SIZE", Kind::Text, "16m"),
    init("ECS_INIT_DOCKER_LOG_FILE_NUM", integer(Some(1), None), "4"),
    // From the merged files, not from the environment.
    Known::new("ECS_AGENT_LABELS", strings(true), "{}")
        .note("one value that is no string drops all labels"),
    init(
        "ECS_AGENT_APPARMOR_PROFILE",
        Kind::Text,
        "ecs-agent-default",
    ),
    init("ECS_AGENT_PID_NAMESPACE_HOST", Kind::Boolean, "false"),
    init("ECS_AGENT_RUN_PRIVILEGED", Kind::LiteralTrue, "false"),
    init("ECS_SKIP_LOCALHOST_TRAFFIC_FILTER", Kind::Boolean, "false"),
    init(
        "ECS_ALLOW_OFFHOST_INTROSPECTION_ACCESS",
        Kind::Boolean,
        "false",
    ),
    Known::new("ECS_OFFHOST_INTROSPECTION_INTERFACE_NAME", Kind::Text, "")
        .standing(Standing::Unread),
    managed("ECS_EBSTA_SUPPORTED", Kind::Boolean),
    managed("ECS_VOLUME_PLUGIN_CAPABILITIES", Kind::Strings),
    managed("ECS_DETAILED_OS_FAMILY", Kind::Text),
    managed("ECS_DOMAIN_JOINED_LINUX_INSTANCE", Kind::Boolean),
    managed("CREDENTIALS_FETCHER_HOST_DIR", Kind::Path),
    managed("SSL_CERT_DIR", Kind::Path),
    windows("ECS_ENABLE_CPU_UNBOUNDED_WINDOWS_WORKAROUND"),
    windows("ECS_ENABLE_MEMORY_UNBOUNDED_WINDOWS_WORKAROUND"),
    windows("ECS_FSX_WINDOWS_FILE_SERVER_SUPPORTED"),
];
