//! The engine, the files, the cluster, Amazon's unit, and secrets.

use ecs_nanny::cli;
use ecs_nanny::facts::{Content, Facts};
use ecs_nanny::finding::Severity;
use ecs_nanny::plan::{Change, Plan, masked};

use crate::fixture::{host, plan};
use crate::{rules, variable};

#[test]
fn the_engine_is_a_unit_or_a_child() {
    for (fixture, backend, unit, socket) in [
        (
            "family-al2023",
            "unit",
            Some("docker.service"),
            "/var/run/docker.sock",
        ),
        (
            "unbooted-image",
            "unit",
            Some("docker.service"),
            "/var/run/docker.sock",
        ),
        (
            "engine-own-unit",
            "unit",
            Some("ecs-nanny-engine.service"),
            "/var/run/docker.sock",
        ),
        (
            "engine-unit-setting",
            "unit",
            Some("dockerd-ecs.service"),
            "/var/run/docker.sock",
        ),
        ("engine-child", "child", None, "/var/run/docker.sock"),
        (
            "docker-host",
            "unit",
            Some("docker.service"),
            "/run/other/docker.sock",
        ),
        (
            "docker-host-and-setting",
            "unit",
            Some("docker.service"),
            "/run/mine/docker.sock",
        ),
    ] {
        let engine = plan(fixture).engine;
        assert_eq!(engine.backend, backend, "{fixture}");
        assert_eq!(engine.unit.as_deref(), unit, "{fixture}");
        assert_eq!(engine.socket, socket, "{fixture}");
        assert_eq!(engine.command.is_empty(), unit.is_some(), "{fixture}");
    }
}

#[test]
fn the_agent_is_told_of_a_socket_that_we_chose() {
    for (fixture, address) in [
        (
            "engine-child-settings",
            "unix:///var/run/ecs-nanny/engine/docker.sock",
        ),
        ("engine-socket-elsewhere", "unix:///srv/engine/docker.sock"),
        (
            "docker-host-and-setting",
            "unix:///var/run/mine/docker.sock",
        ),
        ("docker-host", "unix:///run/other/docker.sock"),
    ] {
        assert_eq!(
            variable(&plan(fixture), "DOCKER_HOST"),
            Some(address),
            "{fixture}"
        );
    }
    assert_eq!(variable(&plan("family-al2023"), "DOCKER_HOST"), None);
}

#[test]
fn the_vendor_layer_keeps_what_it_has() {
    let file = |fixture| plan(fixture).files.remove(0);
    let added = "ECS_AVAILABLE_LOGGING_DRIVERS=[\"json-file\",\"syslog\",\"awslogs\",\"fluentd\",\"none\"]\n";
    let new = file("family-al2023");
    assert_eq!(
        (new.path.as_str(), new.mode.as_str()),
        ("/var/lib/ecs/ecs.config", "0600")
    );
    assert_eq!(
        (new.change, new.content),
        (Change::Create, Content::Text(added.to_owned()))
    );
    let gpu = file("gpu-without-device");
    assert_eq!(gpu.change, Change::Update);
    assert_eq!(
        gpu.content,
        Content::Text(format!("ECS_ENABLE_GPU_SUPPORT=true\n{added}"))
    );
    let bytes = file("layers-vendor-not-utf8").content.bytes();
    assert!(bytes.starts_with(b"UNKNOWN=\xff\n"), "{bytes:?}");
    assert_eq!(file("layers-vendor-as-wanted").change, Change::None);
}

#[test]
fn an_open_mode_is_an_update() {
    let mut open = host("layers-vendor-as-wanted");
    let path = ecs_nanny::agent_config::VENDOR_PATH;
    if let Some(ecs_nanny::facts::Fact::Known(Some(file))) =
        open.facts.host.agent_config.get_mut(path)
    {
        file.mode = 0o644;
    }
    assert_eq!(open.plan().files[0].change, Change::Update);
}

#[test]
fn a_vendor_layer_that_nobody_read_is_not_written() {
    let settings = ecs_nanny::settings::Settings::default();
    assert!(
        ecs_nanny::plan::build(&settings, &Facts::default())
            .files
            .is_empty()
    );
}

#[test]
fn the_cluster_comes_from_any_layer() {
    for (fixture, cluster) in [
        ("family-al2023", Some("prod")),
        ("layers-vendor-only", Some("baked")),
        ("layers-malformed", Some("prod")),
        ("cluster-json", Some("from-json")),
        ("cluster-env-over-json", Some("prod")),
        ("cluster-json-broken", None),
        ("cluster-none", None),
        ("layers-json-elsewhere", None),
        ("unbooted-image", None),
    ] {
        assert_eq!(plan(fixture).cluster.as_deref(), cluster, "{fixture}");
    }
    assert_eq!(rules(&plan("cluster-json-broken")), ["agent_config.json"]);
}

#[test]
fn amazons_unit_leaves_files_and_engine_to_us() {
    let plan = plan("amazon-unit");
    assert!(plan.agent.is_none());
    assert!(plan.firewall.is_empty() && plan.sysctls.is_empty() && plan.routes.is_empty());
    let Content::Text(content) = &plan.files[0].content else {
        panic!("{:?}", plan.files[0]);
    };
    assert!(
        content.contains("ECS_RESERVED_PORTS=[22,2375,2376,51678,51679,51682]\n"),
        "{content}"
    );
    assert!(plan.findings.is_empty(), "{:?}", plan.findings);
}

#[test]
fn awslogs_lost_under_amazons_unit_is_a_failure() {
    for (fixture, wanted) in [
        (
            "amazon-unit-awslogs-lost",
            &["agent_config.log_drivers", "agent.extra_env"][..],
        ),
        ("amazon-unit-awslogs-quoted", &["agent_config.log_drivers"]),
    ] {
        let plan = plan(fixture);
        assert_eq!(rules(&plan), wanted, "{fixture}");
        assert_eq!(plan.findings[0].severity, Severity::Required, "{fixture}");
    }
}

#[test]
fn a_masked_plan_holds_no_secret() {
    let plan = plan("secrets");
    let shown = |plan: &Plan| format!("{:#}\n{}", cli::plan::json(plan), cli::plan::table(plan));
    for secret in ["hush-registry", "hush-proxy", "hush-splunk", "hush-vendor"] {
        assert!(!shown(&masked(&plan)).contains(secret), "{secret}");
        // With --show-secrets they are there, or this test would prove nothing.
        let bytes = plan.files[0].content.bytes();
        let all = format!("{}{}", shown(&plan), String::from_utf8_lossy(&bytes));
        assert!(all.contains(secret), "{secret}");
    }
}

#[test]
fn recorded_facts_give_the_same_plan() {
    let host = host("family-al2023");
    let recorded = serde_json::to_string(&host.facts).unwrap();
    let facts: Facts = serde_json::from_str(&recorded).unwrap();
    assert_eq!(
        ecs_nanny::plan::build(&host.loaded.settings, &facts),
        host.plan()
    );
}

#[test]
fn the_table_shows_every_part() {
    let table = cli::plan::table(&masked(&plan("ipv6-only")));
    insta::assert_snapshot!(
        "table",
        table.replace(env!("CARGO_PKG_VERSION"), "[version]")
    );
}
