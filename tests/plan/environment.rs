//! Layers, precedence and forced values of the agent's environment.

use ecs_nanny::agent_config::Layer;

use crate::fixture::plan;
use crate::{rules, variable};

/// Each fixture with variables that it must have, or must not.
type Rows<'a> = &'a [(&'a str, &'a str, Option<&'a str>)];

fn hold(rows: Rows<'_>) {
    for (fixture, name, value) in rows {
        assert_eq!(variable(&plan(fixture), name), *value, "{fixture}: {name}");
    }
}

#[test]
fn defaults_are_always_given() {
    let plan = plan("family-al2023");
    for (name, value) in [
        ("ECS_LOGFILE", "/log/ecs-agent.log"),
        ("ECS_DATADIR", "/data"),
        ("ECS_AGENT_CONFIG_FILE_PATH", "/etc/ecs/ecs.config.json"),
        ("ECS_UPDATE_DOWNLOAD_DIR", "/var/cache/ecs"),
        ("ECS_UPDATES_ENABLED", "true"),
        (
            "ECS_AVAILABLE_LOGGING_DRIVERS",
            r#"["json-file","syslog","awslogs","fluentd","none"]"#,
        ),
        ("ECS_ENABLE_TASK_IAM_ROLE", "true"),
        ("ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST", "true"),
        ("ECS_EBSTA_SUPPORTED", "true"),
        ("ECS_AGENT_LABELS", ""),
        ("ECS_DETAILED_OS_FAMILY", "amzn_2023"),
        ("SSL_CERT_DIR", "/etc/pki/tls/certs"),
        (
            "CREDENTIALS_FETCHER_HOST_DIR",
            "/var/credentials-fetcher/socket/credentials_fetcher.sock",
        ),
        ("ECS_ENABLE_TASK_ENI", "true"),
        ("ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE", "true"),
    ] {
        assert_eq!(variable(&plan, name), Some(value), "{name}");
    }
}

#[test]
fn families_differ_in_certificates_and_name() {
    hold(&[
        ("family-al2", "ECS_DETAILED_OS_FAMILY", Some("amzn_2")),
        ("family-al1", "SSL_CERT_DIR", Some("/etc/pki/tls/certs")),
        ("family-debian12", "SSL_CERT_DIR", Some("/etc/ssl/certs")),
        (
            "family-debian12",
            "ECS_DETAILED_OS_FAMILY",
            Some("debian_12"),
        ),
        ("family-ubuntu2404", "SSL_CERT_DIR", Some("/etc/ssl/certs")),
        ("family-sles15", "SSL_CERT_DIR", Some("/etc/ssl/certs")),
        ("family-wolfi", "SSL_CERT_DIR", Some("/etc/ssl/certs")),
        ("family-wolfi", "ECS_DETAILED_OS_FAMILY", Some("linux")),
        ("family-rocky9", "SSL_CERT_DIR", None),
        ("family-unknown", "ECS_DETAILED_OS_FAMILY", Some("linux")),
    ]);
}

#[test]
fn the_users_layer_goes_over_the_vendors() {
    hold(&[
        ("layers-vendor-only", "ECS_CLUSTER", Some("baked")),
        ("layers-user-over-vendor", "ECS_CLUSTER", Some("mine")),
        ("layers-user-over-vendor", "UNKNOWN_TO_ALL", Some("kept")),
        ("layers-extra-env", "ECS_LOGLEVEL", Some("debug")),
        ("updates-off-in-file", "ECS_UPDATES_ENABLED", Some("false")),
        ("updates-off", "ECS_UPDATES_ENABLED", Some("false")),
    ]);
}

#[test]
fn what_the_instance_asks_for_is_below_what_the_files_say() {
    const SPOT: &str = "ECS_ENABLE_SPOT_INSTANCE_DRAINING";
    const WARM: &str = "ECS_WARM_POOLS_CHECK";
    hold(&[
        ("derived-spot", SPOT, Some("true")),
        ("derived-spot", WARM, None),
        ("derived-warm-pool", SPOT, None),
        ("derived-warm-pool", WARM, Some("true")),
        ("derived-against-user", SPOT, Some("false")),
        ("derived-against-user", WARM, Some("false")),
    ]);
}

#[test]
fn static_facts_are_attributes_where_that_is_switched_on() {
    const ATTRIBUTES: &str = "ECS_INSTANCE_ATTRIBUTES";
    let wanted = concat!(
        r#"{"ecs-nanny.image-name":"blue-batch","ecs-nanny.image-version":"2026.11.1","#,
        r#""ecs-nanny.kernel":"6.1.2-3.amzn2023.x86_64","ecs-nanny.platform":"mine","stack":"blue"}"#
    );
    hold(&[
        ("attributes", ATTRIBUTES, Some(wanted)),
        ("family-al2023", ATTRIBUTES, None),
    ]);
}

#[test]
fn every_variable_has_its_origin() {
    let plan = plan("layers-extra-env");
    let environment = &plan.agent.as_ref().unwrap().environment;
    assert_eq!(environment["ECS_LOGLEVEL"].layer, Layer::Settings);
    assert_eq!(environment["ECS_CLUSTER"].line, Some(1));
    assert_eq!(environment["ECS_CLUSTER"].path, "/etc/ecs/ecs.config");
    assert_eq!(environment["ECS_DATADIR"].layer, Layer::Default);
    assert_eq!(environment["ECS_ENABLE_TASK_ENI"].layer, Layer::Platform);
}

#[test]
fn broken_lines_cost_no_other_setting() {
    hold(&[
        ("layers-malformed", "ECS_CLUSTER", Some("prod")),
        ("layers-malformed", "ECS_LOGLEVEL", Some("debug")),
        ("layers-malformed", "# ECS_CLUSTER", None),
        ("layers-malformed", "", None),
        ("layers-malformed", "export ECS_CLUSTER", None),
        ("layers-not-utf8", "ECS_LOGLEVEL", Some("debug")),
        ("layers-not-utf8", "ECS_Y", None),
        ("layers-crlf-bom", "ECS_CLUSTER", Some("prod")),
        ("layers-crlf-bom", "ECS_LOGLEVEL", Some("debug")),
        ("layers-quoted", "ECS_CLUSTER", Some("prod")),
        (
            "layers-quoted",
            "ECS_INSTANCE_ATTRIBUTES",
            Some(r#"{"stack":"blue"}"#),
        ),
        ("layers-directory", "ECS_DATADIR", Some("/data")),
    ]);
    assert!(rules(&plan("layers-malformed")).contains(&"agent_config.no_name"));
    assert!(rules(&plan("layers-not-utf8")).contains(&"agent_config.nul"));
    assert_eq!(rules(&plan("layers-directory")), ["agent_config.readable"]);
}

#[test]
fn facts_force_values() {
    hold(&[
        ("external", "ECS_ENABLE_TASK_ENI", Some("false")),
        ("external-not-literal", "ECS_ENABLE_TASK_ENI", Some("true")),
        ("engine-api-1.24", "ECS_ENABLE_TASK_ENI", Some("false")),
        ("engine-api-1.44-only", "ECS_ENABLE_TASK_ENI", Some("true")),
        ("ebs-blocked", "ECS_EBSTA_SUPPORTED", Some("false")),
        ("ebs-missing", "ECS_EBSTA_SUPPORTED", Some("true")),
    ]);
}

#[test]
fn awslogs_is_always_in_the_list() {
    hold(&[
        (
            "log-drivers-without-awslogs",
            "ECS_AVAILABLE_LOGGING_DRIVERS",
            Some(r#"["json-file","fluentd","awslogs"]"#),
        ),
        (
            "log-drivers-malformed",
            "ECS_AVAILABLE_LOGGING_DRIVERS",
            Some(r#"["fluentd","awslogs"]"#),
        ),
    ]);
    for fixture in ["log-drivers-without-awslogs", "log-drivers-malformed"] {
        assert_eq!(
            rules(&plan(fixture)),
            ["agent_config.log_drivers"],
            "{fixture}"
        );
    }
}

#[test]
fn our_port_joins_the_reserved_ones() {
    let name = "ECS_RESERVED_PORTS";
    hold(&[
        (
            "family-al2023",
            name,
            Some("[22,2375,2376,51678,51679,51682]"),
        ),
        ("reserved-ports", name, Some("[22,8080,51682]")),
        (
            "reserved-ports-malformed",
            name,
            Some("[22,2375,2376,51678,51679,51682]"),
        ),
        (
            "reserved-ports-setting",
            name,
            Some("[22,2375,2376,51678,51679,9000]"),
        ),
        ("health-off", name, None),
    ]);
}

#[test]
fn efs_is_claimed_where_the_plugin_listens() {
    let name = "ECS_VOLUME_PLUGIN_CAPABILITIES";
    hold(&[
        ("family-al2023", name, None),
        ("volume-plugin", name, Some(r#"["efsAuth"]"#)),
        ("volume-plugin-said", name, Some(r#"["efsAuth"]"#)),
    ]);
}

#[test]
fn gmsa_and_gpu_depend_on_the_host() {
    hold(&[
        ("gmsa", "ECS_DOMAIN_JOINED_LINUX_INSTANCE", Some("true")),
        ("gmsa-not-joined", "ECS_DOMAIN_JOINED_LINUX_INSTANCE", None),
        (
            "gmsa-own-socket",
            "CREDENTIALS_FETCHER_HOST_DIR",
            Some("/run/fetcher/cf.sock"),
        ),
        (
            "credentials-fetcher-without-gmsa",
            "CREDENTIALS_FETCHER_HOST_DIR",
            Some("/run/fetcher/cf.sock"),
        ),
        ("gpu", "ECS_ENABLE_GPU_SUPPORT", Some("true")),
        ("gpu-off", "ECS_ENABLE_GPU_SUPPORT", Some("false")),
        ("gpu-without-device", "ECS_ENABLE_GPU_SUPPORT", None),
        (
            "gpu-user-without-device",
            "ECS_ENABLE_GPU_SUPPORT",
            Some("true"),
        ),
    ]);
}
