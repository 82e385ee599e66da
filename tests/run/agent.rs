//! An agent that runs and does not do its work.

use std::time::Duration;

use ecs_nanny::snapshot::{Phase, Reason};
use serde_json::json;

use super::wait::{PATIENCE, eventually};
use super::world::World;

/// A hang is told within 15 s; the stand-in takes up to 1 s to begin.
const HANG_TOLD: Duration = Duration::from_secs(16);

/// Asserts that an agent that misbehaves so is told of in time, left running, and healthy when it behaves again.
async fn assert_told(control: serde_json::Value, words: &str) {
    let world = World::healthy().await;
    let before = world.agent().await;
    world.control_agent(control);
    let snapshot = world
        .until_phase(Phase::Degraded, Reason::AgentSilent, HANG_TOLD)
        .await;
    assert!(snapshot.detail.contains(words), "{}", snapshot.detail);
    world
        .nanny()
        .tells("STATUS=degraded: the agent does not answer", PATIENCE)
        .await;
    assert_eq!(world.ecs_nanny(&["status"]).status.code(), Some(1));
    world.control_agent(json!({}));
    world.until_healthy().await;
    assert_eq!(world.agent().await.started_at, before.started_at);
}

#[tokio::test]
async fn one_that_hangs_is_told_of() {
    assert_told(json!({"hang": true}), "no answer on port 51678").await;
}

#[tokio::test]
async fn one_that_answers_errors_is_told_of() {
    assert_told(json!({"status": 500}), "500").await;
}

#[tokio::test]
async fn one_that_answers_garbage_is_told_of() {
    assert_told(json!({"garbage": true}), "makes no sense").await;
}

#[tokio::test]
async fn one_that_does_not_register_is_left_to_try() {
    let mut world = World::prepared().await;
    world.control_agent(json!({"never_register": true, "listen_unregistered": true}));
    world.start();
    world
        .until("registering", PATIENCE, |snapshot| {
            snapshot.phase == Phase::Registering && snapshot.agent.version.is_some()
        })
        .await;
    assert_eq!(
        world.ecs_nanny(&["wait", "--timeout", "1"]).status.code(),
        Some(1)
    );
    world.control_agent(json!({}));
    let snapshot = world.until_healthy().await;
    assert_eq!(snapshot.agent.restarts, 0);
    assert_eq!(world.agent_starts(), 1);
}

#[tokio::test]
async fn one_whose_container_and_image_are_removed_by_hand_is_made_anew() {
    let world = World::healthy().await;
    let before = world.agent().await;
    let docker = world.docker().await;
    docker.stop("ecs-agent", Duration::ZERO).await.unwrap();
    world
        .until("started again", PATIENCE, |snapshot| {
            snapshot.ready() && snapshot.agent.restarts == 1
        })
        .await;
    eventually("both removed", PATIENCE, async || {
        world.run("docker", &["rm", "-f", "ecs-agent"]);
        // Refused where the agent was started again in between.
        let removed = world.run("docker", &["rmi", "-f", &before.image_id]);
        let done = removed.status.success();
        done.then_some(()).ok_or(format!("{removed:?}"))
    })
    .await;
    world
        .until("made anew", PATIENCE, |snapshot| {
            snapshot.ready() && snapshot.agent.restarts >= 2
        })
        .await;
    let after = world.agent().await;
    assert_ne!(after.id, before.id);
    assert_eq!(after.image_id, before.image_id);
}

#[tokio::test]
async fn one_that_fails_for_ever_is_tried_ever_more_slowly() {
    let mut world = World::prepared().await;
    world.control_agent(json!({"exit": 1}));
    world.start();
    let snapshot = world
        .until("five failures", PATIENCE, |snapshot| {
            snapshot.phase == Phase::Degraded
                && snapshot
                    .retry
                    .as_ref()
                    .is_some_and(|retry| retry.attempts >= 5)
        })
        .await;
    assert_eq!(snapshot.reason, Some(Reason::AgentExited));
    let attempts = snapshot.retry.unwrap().attempts;
    assert!(world.agent_starts() <= attempts + 1);
    let shown = String::from_utf8(world.ecs_nanny(&["status"]).stdout).unwrap();
    assert!(shown.contains("next try"), "{shown}");
    world.control_agent(json!({}));
    world.until_healthy().await;
}
