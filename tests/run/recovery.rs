//! An agent that ends comes back, and why it ended is kept.

use std::time::Duration;

use ecs_nanny::snapshot::{Phase, Reason, Snapshot};
use serde_json::json;

use super::wait::PATIENCE;
use super::world::{SETTINGS, USER_CONFIG, World};

/// Deaths of processes are told within this.
const DEATH_TOLD: Duration = Duration::from_secs(5);

/// They are read after the agent is started again.
fn last_lines(snapshot: &Snapshot) -> Option<&[String]> {
    let exit = snapshot.agent.last_exit.as_ref()?;
    (!exit.last_lines.is_empty()).then_some(&exit.last_lines)
}

#[tokio::test]
async fn from_nothing_to_a_registered_agent() {
    let world = World::healthy().await;
    let snapshot = world.health().unwrap();
    let agent = world.agent().await;
    assert!(agent.running);
    assert_eq!(snapshot.agent.container_id, Some(agent.id));
    assert_eq!(snapshot.agent.cluster.as_deref(), Some("blue"));
    assert_eq!(snapshot.agent.started_at, agent.started_at);
    assert!(snapshot.agent.container_instance_arn.is_some());
    assert_eq!(snapshot.agent.restarts, 0);
    assert_eq!(snapshot.engine.backend, "child");
    assert_eq!(world.agent_starts(), 1);
    for line in ["READY=1", "WATCHDOG=1", "STATUS=healthy: "] {
        world.nanny().tells(line, PATIENCE).await;
    }
}

#[tokio::test]
async fn a_killed_agent_is_started_again_at_once_and_its_end_is_kept() {
    let world = World::healthy().await;
    let before = world.agent().await;
    world.kill_agent().await;
    let told = world
        .until("told of the end", DEATH_TOLD, |snapshot| {
            snapshot.agent.last_exit.is_some()
        })
        .await;
    assert_eq!(told.agent.last_exit.unwrap().code, 137);
    let snapshot = world
        .until("healthy again, with the last lines", PATIENCE, |snapshot| {
            snapshot.ready() && snapshot.agent.restarts == 1 && last_lines(snapshot).is_some()
        })
        .await;
    let after = world.agent().await;
    assert_eq!(
        after.id, before.id,
        "its plan is unchanged: it is started in place"
    );
    assert_ne!(after.started_at, before.started_at);
    let last_exit = snapshot.agent.last_exit.unwrap();
    assert!(last_exit.meaning.contains("SIGKILL"), "{last_exit:?}");
    let lines = last_exit.last_lines.join("\n");
    assert!(lines.contains("Registered container instance"), "{lines}");
    assert_eq!(world.agent_starts(), 2);
}

#[tokio::test]
async fn a_container_that_does_not_start_any_more_is_made_anew() {
    let world = World::healthy().await;
    let before = world.agent().await;
    let of_container = "{{.GraphDriver.Data.UpperDir}}/../lower";
    let lower = world.done(
        "docker",
        &["inspect", "--format", of_container, "ecs-agent"],
    );
    // Without its layers a container has no program to start.
    world.done("rm", &[lower.trim()]);
    world.kill_agent().await;
    world
        .until("healthy again", PATIENCE, |snapshot| {
            snapshot.ready() && snapshot.agent.restarts == 1
        })
        .await;
    assert_ne!(world.agent().await.id, before.id);
    assert_eq!(world.agent_starts(), 2);
}

#[tokio::test]
async fn an_agent_that_ends_by_itself_is_started_again() {
    let world = World::healthy().await;
    for (restarts, status) in [(1, 0), (2, 1), (3, 2)] {
        let words = format!("level=error time=2026-01-01T00:00:00Z msg=\"lab end {status}\"");
        world.control_agent(json!({"exit": status, "times": 1, "stderr": words}));
        let snapshot = world
            .until("started again, with the last lines", PATIENCE, |snapshot| {
                snapshot.ready()
                    && snapshot.agent.restarts == restarts
                    && last_lines(snapshot).is_some()
            })
            .await;
        let last_exit = snapshot.agent.last_exit.unwrap();
        assert_eq!(last_exit.code, status);
        let lines = last_exit.last_lines.join("\n");
        assert!(lines.contains(&format!("lab end {status}")), "{lines}");
    }
}

#[tokio::test]
async fn an_agent_that_ends_terminally_waits_for_a_change_of_its_configuration() {
    let world = World::healthy().await;
    let words =
        "level=critical time=2026-01-01T00:00:00Z msg=\"InvalidParameterException: it is over\"";
    world.control_agent(json!({"exit": 5, "stderr": words}));
    let snapshot = world
        .until("failed", PATIENCE, |snapshot| {
            snapshot.phase == Phase::Failed && snapshot.retry.is_some()
        })
        .await;
    assert_eq!(snapshot.reason, Some(Reason::AgentTerminal));
    assert!(
        snapshot.detail.contains("it is over"),
        "{}",
        snapshot.detail
    );
    let (status, body) = world.http("GET /health HTTP/1.1\r\nHost: localhost\r\n");
    assert_eq!(status, 200);
    assert!(body.contains("agent_terminal"), "{body}");
    let starts = world.agent_starts();
    world.control_agent(json!({}));
    world.write(USER_CONFIG, "ECS_CLUSTER=blue\nECS_LOGLEVEL=debug\n");
    world.until_healthy().await;
    assert_eq!(world.agent_starts(), starts + 1);
    let environment = world.agent_environment().await;
    assert_eq!(environment["ECS_LOGLEVEL"], "debug");
}

#[tokio::test]
async fn an_agent_in_the_slow_lane_is_started_when_its_configuration_changes() {
    let world = World::healthy().await;
    let words = "level=critical time=2026-01-01T00:00:00Z msg=\"ClusterNotFoundException: Cluster not found.\"";
    world.control_agent(json!({"exit": 5, "stderr": words}));
    let snapshot = world
        .until("waiting for a slow try", PATIENCE, |snapshot| {
            snapshot.phase == Phase::Degraded && snapshot.retry.is_some()
        })
        .await;
    assert_eq!(snapshot.reason, Some(Reason::AgentExited));
    assert!(
        snapshot.detail.contains("Cluster not found"),
        "{}",
        snapshot.detail
    );
    world.control_agent(json!({}));
    world.write(USER_CONFIG, "ECS_CLUSTER=blue\nECS_LOGLEVEL=debug\n");
    let snapshot = world.until_healthy().await;
    assert_eq!(snapshot.agent.restarts, 1);
    let environment = world.agent_environment().await;
    assert_eq!(environment["ECS_LOGLEVEL"], "debug");
}

#[tokio::test]
async fn where_the_settings_say_so_a_terminal_end_ends_the_daemon() {
    let mut world = World::prepared().await;
    let settings = String::from_utf8(world.read(SETTINGS)).unwrap();
    world.write(SETTINGS, settings + "[run]\non_failed = \"exit\"\n");
    world.control_agent(json!({"exit": 5}));
    world.start();
    let status = world.nanny_mut().ended(PATIENCE).await;
    assert_eq!(status.code(), Some(5));
}
