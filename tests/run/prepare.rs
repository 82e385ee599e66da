//! `ecs-nanny prepare` beside a real Docker daemon: Docker's configuration written and brought into force.

use ecs_nanny::finding::{Finding, Outcome};
use serde_json::Value;

use super::wait::{PATIENCE, eventually};
use super::world::{SETTINGS, World};

const DAEMON_JSON: &str = "/etc/docker/daemon.json";
const KEPT: &str = "/etc/docker/daemon.json.before-ecs-nanny";
pub const CHILD: &str = "[metadata]\nec2 = \"no\"\n[engine]\nbackend = \"child\"\n";

fn set(world: &World, more: &str) {
    world.write(SETTINGS, format!("{CHILD}{more}"));
}

/// Runs `ecs-nanny prepare`; its exit status and what it recorded.
pub fn prepare(world: &World) -> (Option<i32>, String) {
    let output = world.ecs_nanny(&["prepare"]);
    let told = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), told)
}

/// What `docker info` says.
fn info(world: &World, template: &str) -> String {
    let output = world.run("docker", &["info", "--format", template]);
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn failed(findings: &[Finding], rule: &str) -> bool {
    let mut failed = findings.iter().filter(|it| it.outcome == Outcome::Failed);
    failed.any(|it| it.rule == rule)
}

#[tokio::test]
async fn a_running_daemon_reads_its_new_configuration_and_the_second_run_changes_nothing() {
    let mut world = World::prepared().await;
    let users = "{\"labels\":[\"by=user\"],\"shutdown-timeout\":20}";
    world.write(DAEMON_JSON, users);
    world.start();
    world.until_healthy().await;
    let daemon = world.dockerd_pid();
    assert_eq!(info(&world, "{{json .Labels}}"), "[\"by=user\"]");

    set(
        &world,
        "config = { labels = [\"by=settings\"], shutdown-timeout = 20 }\n",
    );
    let shown = world.ecs_nanny(&["plan"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("labels  by reload  [\"by=settings\"] (was [\"by=user\"])"),
        "{shown}"
    );
    assert_eq!(world.read(DAEMON_JSON), users.as_bytes());

    assert_eq!(prepare(&world).0, Some(0));
    eventually(
        "the daemon has read its file",
        PATIENCE,
        async || match info(&world, "{{json .Labels}}") {
            labels if labels == "[\"by=settings\"]" => Ok(()),
            labels => Err(labels),
        },
    )
    .await;
    assert_eq!(world.dockerd_pid(), daemon, "reloaded, not restarted");
    assert_eq!(world.read(KEPT), users.as_bytes());

    let written = world.read(DAEMON_JSON);
    let before = std::fs::metadata(world.host.path(DAEMON_JSON))
        .unwrap()
        .modified()
        .unwrap();
    let (status, told) = prepare(&world);
    assert_eq!(status, Some(0), "{told}");
    assert!(told.contains("nothing to prepare"), "{told}");
    assert_eq!(world.read(DAEMON_JSON), written);
    let after = std::fs::metadata(world.host.path(DAEMON_JSON))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(before, after);

    // The first file is kept, not the one between.
    set(&world, "config = { labels = [\"by=settings again\"] }\n");
    assert_eq!(prepare(&world).0, Some(0));
    assert_eq!(world.read(KEPT), users.as_bytes());
}

#[tokio::test]
async fn a_daemon_is_restarted_for_its_configuration_only_where_that_is_set() {
    let world = World::healthy().await;
    let daemon = world.dockerd_pid();
    set(&world, "config = { default-shm-size = \"80M\" }\n");
    let (status, told) = prepare(&world);
    assert_eq!(status, Some(1), "{told}");
    world
        .until("the finding", PATIENCE, |snapshot| {
            failed(&snapshot.findings, "docker.config_in_force")
        })
        .await;
    assert_eq!(world.dockerd_pid(), daemon);

    set(
        &world,
        "config = { default-shm-size = \"81M\" }\nrestart_for_config = \"on\"\n",
    );
    let (status, told) = prepare(&world);
    assert_eq!(status, Some(0), "{told}");
    eventually("another daemon", PATIENCE, async || {
        match world.pid_in("/run/docker.pid") {
            Ok(pid) if pid != daemon => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    world
        .until("healthy without the finding", PATIENCE, |snapshot| {
            snapshot.ready() && !failed(&snapshot.findings, "docker.config_in_force")
        })
        .await;
}

#[tokio::test]
async fn what_the_daemon_refuses_is_not_written() {
    let world = World::prepared().await;
    let users = "{\"debug\": false}\n";
    world.write(DAEMON_JSON, users);
    for (config, told_of) in [
        ("nobody-knows = 1", "nobody-knows"),
        ("dns = [\"nowhere\"]", "nowhere is not an"),
        ("data-root = \"/srv\", hosts = [\"fd://\"]", "passes -H"),
    ] {
        set(&world, &format!("config = {{ {config} }}\n"));
        let (status, told) = prepare(&world);
        assert_eq!(status, Some(1), "{config}: {told}");
        assert!(told.contains(told_of), "{config}: {told}");
        assert_eq!(world.read(DAEMON_JSON), users.as_bytes());
        let outcome: Value =
            serde_json::from_slice(&world.read("/run/ecs-nanny/prepared.json")).unwrap();
        assert_eq!(outcome["findings"][0]["rule"], "docker.config");
    }
    assert!(!world.host.path(KEPT).exists());
}
