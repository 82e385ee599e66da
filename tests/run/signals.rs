//! How it ends when it is told to.

use std::time::{Duration, Instant};

use ecs_nanny::snapshot::{Phase, Reason};
use nix::sys::signal::Signal;
use serde_json::json;

use super::wait::PATIENCE;
use super::world::{USER_CONFIG, World};

/// Asserts that SIGTERM ends it and everything that it started.
async fn assert_stops(world: &mut World) {
    world.nanny().signal(Signal::SIGTERM);
    let status = world.nanny_mut().ended(PATIENCE).await;
    assert!(status.success(), "{status}");
    assert_eq!(world.processes(), [""; 0]);
    assert_eq!(world.health().unwrap().phase, Phase::Stopped);
}

#[tokio::test]
async fn sigterm_stops_agent_and_dockerd_in_order() {
    let mut world = World::healthy().await;
    assert_stops(&mut world).await;
    let log = world.log();
    let agent = log.find("the agent is stopped").unwrap();
    let engine = log.find("the Docker daemon is stopped").unwrap();
    assert!(agent < engine);
    assert!(world.nanny().told().contains(&"STOPPING=1".to_owned()));
    let agent_log = world.read("/var/lib/ecs/data/agent.db");
    assert!(!agent_log.is_empty(), "what the agent saved stays");
}

#[tokio::test]
async fn sigint_does_the_same() {
    let mut world = World::healthy().await;
    world.nanny().signal(Signal::SIGINT);
    let status = world.nanny_mut().ended(PATIENCE).await;
    assert!(status.success(), "{status}");
    assert_eq!(world.processes(), [""; 0]);
}

#[tokio::test]
async fn a_second_sigterm_hurries() {
    let mut world = World::prepared().await;
    world.control_agent(json!({"ignore_sigterm": true}));
    world.start();
    world.until_healthy().await;
    let asked = Instant::now();
    world.nanny().signal(Signal::SIGTERM);
    world
        .until("draining", PATIENCE, |snapshot| {
            snapshot.phase == Phase::Draining
        })
        .await;
    assert_stops(&mut world).await;
    assert!(
        asked.elapsed() < Duration::from_secs(8),
        "the agent's grace of 10 s was waited out"
    );
}

#[tokio::test]
async fn sigterm_stops_it_while_dockerd_starts() {
    let mut world = World::prepared().await;
    world.start();
    world
        .until_phase(Phase::Waiting, Reason::Engine, PATIENCE)
        .await;
    assert_stops(&mut world).await;
}

#[tokio::test]
async fn sigterm_stops_it_while_it_waits() {
    let mut world = World::prepared().await;
    world.remove(USER_CONFIG);
    world.start();
    world
        .until_phase(Phase::Waiting, Reason::Cluster, PATIENCE)
        .await;
    assert_stops(&mut world).await;
}

#[tokio::test]
async fn sigterm_stops_it_while_the_agent_registers() {
    let mut world = World::prepared().await;
    world.control_agent(json!({"never_register": true}));
    world.start();
    world
        .until("registering", PATIENCE, |snapshot| {
            snapshot.phase == Phase::Registering
        })
        .await;
    assert_stops(&mut world).await;
}
