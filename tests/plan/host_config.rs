//! Identity, host configuration and log configuration of the container.

use std::collections::BTreeMap;

use ecs_nanny::plan::{PLAN_HASH_LABEL, VERSION_LABEL, hash};

use crate::fixture::plan;
use crate::{host_config, request, rules};

#[test]
fn the_container_is_named_as_ecs_init_names_it() {
    let plan = plan("family-al2023");
    let agent = plan.agent.as_ref().unwrap();
    assert_eq!(agent.name, "ecs-agent");
    assert_eq!(agent.image, "amazon/amazon-ecs-agent:latest");
    let request = serde_json::json!(agent.create_request);
    let fields: Vec<&String> = request.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["Env", "HostConfig", "Image", "Labels"]);
}

#[test]
fn nothing_else_of_the_host_configuration_is_set() {
    let plan = plan("family-debian12");
    let host = serde_json::json!(host_config(&plan));
    let fields: Vec<&String> = host.as_object().unwrap().keys().collect();
    let wanted = [
        "Binds",
        "CapAdd",
        "Init",
        "LogConfig",
        "NetworkMode",
        "SecurityOpt",
        "UsernsMode",
    ];
    assert_eq!(fields, wanted);
    assert_eq!(host["NetworkMode"], "host");
    assert_eq!(host["UsernsMode"], "host");
    assert_eq!(
        host["CapAdd"],
        serde_json::json!(["NET_ADMIN", "SYS_ADMIN"])
    );
    assert_eq!(host["Init"], true);
}

#[test]
fn switches_change_the_host_configuration() {
    for (fixture, field, value) in [
        ("external", "CapAdd", "null"),
        (
            "external-not-literal",
            "CapAdd",
            r#"["NET_ADMIN","SYS_ADMIN"]"#,
        ),
        ("layers-not-utf8-switch", "CapAdd", "null"),
        ("engine-api-1.24", "Init", "null"),
        ("engine-api-1.44-only", "Init", "true"),
        ("privileged-and-host-pid", "Privileged", "true"),
        ("privileged-and-host-pid", "PidMode", r#""host""#),
        ("layers-quoted", "Privileged", "true"),
        ("layers-switch-in-vendor", "Privileged", "true"),
        ("layers-extra-env", "PidMode", r#""host""#),
        ("switches-not-parsed", "Privileged", "null"),
        ("switches-not-parsed", "PidMode", "null"),
        (
            "family-debian12",
            "SecurityOpt",
            r#"["apparmor:ecs-agent-default"]"#,
        ),
        (
            "apparmor-named",
            "SecurityOpt",
            r#"["apparmor:docker-default"]"#,
        ),
        ("apparmor-no-parser", "SecurityOpt", "null"),
        ("apparmor-container", "SecurityOpt", "null"),
        ("apparmor-off", "SecurityOpt", "null"),
        ("apparmor-named-without", "SecurityOpt", "null"),
        ("family-al2023", "SecurityOpt", "null"),
    ] {
        let plan = plan(fixture);
        let host = serde_json::json!(host_config(&plan));
        assert_eq!(host[field].to_string(), value, "{fixture}: {field}");
    }
}

#[test]
fn a_profile_that_cannot_be_had_is_told() {
    assert_eq!(rules(&plan("apparmor-no-parser")), ["agent.apparmor"]);
    assert_eq!(rules(&plan("apparmor-named-without")), ["agent.apparmor"]);
    assert!(rules(&plan("apparmor-off")).is_empty());
}

#[test]
fn log_drivers_and_options_are_ecs_inits() {
    const SIZES: &[(&str, &str)] = &[("max-file", "4"), ("max-size", "16m")];
    for (fixture, driver, options) in [
        ("family-al2023", "json-file", SIZES),
        (
            "log-sizes",
            "json-file",
            &[("max-file", "2"), ("max-size", "100m")],
        ),
        (
            "log-driver-awslogs",
            "awslogs",
            &[("awslogs-group", "ecs"), ("awslogs-region", "eu-central-1")],
        ),
        ("log-driver-journald", "journald", &[]),
        ("log-driver-unknown", "json-file", SIZES),
        ("log-options-empty", "json-file", &[]),
        ("log-options-trailing", "json-file", &[("max-size", "1m")]),
        ("log-options-malformed", "json-file", SIZES),
    ] {
        let plan = plan(fixture);
        let log = host_config(&plan).log_config.clone().unwrap();
        assert_eq!(log.typ.as_deref(), Some(driver), "{fixture}");
        let given: BTreeMap<String, String> = log.config.into_iter().flatten().collect();
        let wanted = options
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        assert_eq!(given, wanted.collect(), "{fixture}");
    }
    assert_eq!(rules(&plan("log-driver-unknown")), ["agent.log_driver"]);
    assert_eq!(rules(&plan("log-options-malformed")), ["agent.log_options"]);
}

#[test]
fn labels_are_read_strictly() {
    let label = |fixture, name: &str| {
        request(&plan(fixture))
            .labels
            .as_ref()
            .unwrap()
            .get(name)
            .cloned()
    };
    assert_eq!(label("labels", "team").as_deref(), Some("storage"));
    assert_eq!(
        label("labels", VERSION_LABEL).as_deref(),
        Some(env!("CARGO_PKG_VERSION"))
    );
    for fixture in ["labels-malformed", "labels-trailing"] {
        assert_eq!(label(fixture, "team"), None, "{fixture}");
        assert_eq!(rules(&plan(fixture)), ["agent.labels"], "{fixture}");
    }
}

#[test]
fn the_hash_tells_plans_apart() {
    let signed = |fixture| {
        let plan = plan(fixture);
        let label = request(&plan).labels.as_ref().unwrap()[PLAN_HASH_LABEL].clone();
        assert_eq!(label, hash(request(&plan)), "{fixture}");
        label
    };
    assert_eq!(signed("family-al2023"), signed("amazon-unit-not-wanted"));
    assert_ne!(signed("family-al2023"), signed("labels"));
    assert_ne!(signed("family-al2023"), signed("family-al2"));
}
