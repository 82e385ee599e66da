//! What ends by itself or is killed comes back.

use std::time::Duration;

use ecs_nanny::snapshot::{Phase, Reason};
use nix::sys::signal::Signal;

use super::wait::{PATIENCE, eventually};
use super::world::World;

#[tokio::test]
async fn from_nothing_to_a_registered_agent() {
    let world = World::healthy().await;
    let snapshot = world.health().unwrap();
    let agent = world.agent().await;
    assert!(agent.running);
    assert_eq!(
        snapshot.agent.container_id.as_deref(),
        Some(agent.id.as_str())
    );
    assert_eq!(snapshot.agent.cluster.as_deref(), Some("blue"));
    assert_eq!(snapshot.agent.started_at, agent.started_at);
    assert!(snapshot.agent.container_instance_arn.is_some());
    assert_eq!(snapshot.agent.restarts, 0);
    assert_eq!(snapshot.engine.backend, "child");
    assert_eq!(world.agent_starts(), 1);
}

#[tokio::test]
async fn a_killed_agent_is_started_again_at_once_and_its_end_is_kept() {
    let world = World::healthy().await;
    let before = world.agent().await;
    world.kill_agent().await;
    let told = world
        .until("told of the end", Duration::from_secs(5), |snapshot| {
            snapshot.agent.last_exit.is_some()
        })
        .await;
    assert_eq!(told.agent.last_exit.unwrap().code, 137);
    let snapshot = world
        .until("healthy again", PATIENCE, |snapshot| {
            snapshot.ready() && snapshot.agent.restarts == 1
        })
        .await;
    let after = world.agent().await;
    assert_eq!(
        after.id, before.id,
        "a container with an unchanged plan is started in place"
    );
    assert_ne!(after.started_at, before.started_at);
    let last_exit = snapshot.agent.last_exit.unwrap();
    assert!(last_exit.meaning.contains("signal 9"), "{last_exit:?}");
    let lines = last_exit.last_lines.join("\n");
    assert!(lines.contains("Registered container instance"), "{lines}");
    assert_eq!(world.agent_starts(), 2);
}

#[tokio::test]
async fn a_killed_dockerd_is_back_with_the_same_agent() {
    let world = World::healthy().await;
    let before = world.agent().await;
    world.signal(Signal::SIGKILL, world.dockerd_pid());
    world
        .until_phase(Phase::Degraded, Reason::EngineLost, Duration::from_secs(5))
        .await;
    world.until_healthy().await;
    let after = world.agent().await;
    assert_eq!(after.labels, before.labels);
    assert_eq!(after.image_id, before.image_id);
    let charged = world.health().unwrap().retry;
    assert_eq!(
        charged, None,
        "the end of the engine is charged to the agent"
    );
    eventually("alone", PATIENCE, async || {
        let processes = world.processes();
        let daemons = processes.iter().filter(|name| *name == "dockerd").count();
        (daemons == 1).then_some(()).ok_or(format!("{processes:?}"))
    })
    .await;
}
