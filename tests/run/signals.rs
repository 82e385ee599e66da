//! How it ends when it is told to.

use std::time::{Duration, Instant};

use ecs_nanny::snapshot::Phase;
use nix::sys::signal::Signal;

use super::world::World;

#[tokio::test]
async fn sigterm_stops_agent_and_dockerd_in_order() {
    let mut world = World::healthy().await;
    world.nanny().signal(Signal::SIGTERM);
    let status = world.nanny_mut().ended(Duration::from_secs(20)).await;
    assert!(status.success(), "{status}");
    assert_eq!(world.processes(), [""; 0]);
    assert_eq!(world.health().unwrap().phase, Phase::Stopped);
    let log = world.log();
    let agent = log.find("the agent is stopped").unwrap();
    let engine = log.find("the Docker daemon is stopped").unwrap();
    assert!(agent < engine);
    assert!(world.nanny().told().contains(&"STOPPING=1".to_owned()));
}

#[tokio::test]
async fn a_second_sigterm_hurries() {
    let mut world = World::prepared().await;
    world.control_agent(serde_json::json!({"ignore_sigterm": true}));
    world.start();
    world.until_healthy().await;
    let asked = Instant::now();
    world.nanny().signal(Signal::SIGTERM);
    world
        .until("draining", Duration::from_secs(5), |snapshot| {
            snapshot.phase == Phase::Draining
        })
        .await;
    world.nanny().signal(Signal::SIGTERM);
    let status = world.nanny_mut().ended(Duration::from_secs(20)).await;
    assert!(status.success(), "{status}");
    assert!(
        asked.elapsed() < Duration::from_secs(8),
        "the agent's grace of 10 s was waited out"
    );
    assert_eq!(world.processes(), [""; 0]);
}
