//! Hangs that last are mended, where that costs no task.

use std::fs;
use std::time::Duration;

use ecs_nanny::snapshot::{Phase, Reason};
use nix::sys::signal::Signal;
use serde_json::json;

use super::wait::{PATIENCE, eventually};
use super::world::{SETTINGS, World};

/// A hang shows within 15 s, and is mended 2 s later with these settings.
const MENDED: Duration = Duration::from_secs(40);

async fn impatient(more: &str) -> World {
    let mut world = World::prepared().await;
    world.write(
        SETTINGS,
        format!(
            "[metadata]\nec2 = \"no\"\n[agent]\nrestart_silent_after = \"2s\"\n\
             [engine]\nbackend = \"child\"\nrestart_hung_after = \"2s\"\n{more}"
        ),
    );
    world.start();
    world.until_healthy().await;
    world
}

#[tokio::test]
async fn an_agent_that_hangs_is_started_again() {
    let world = impatient("").await;
    let before = world.agent().await;
    world.control_agent(json!({"hang": true}));
    world
        .until_phase(Phase::Degraded, Reason::AgentSilent, MENDED)
        .await;
    eventually("started again", MENDED, async || {
        let starts = world.agent_starts();
        (starts >= 2)
            .then_some(())
            .ok_or(format!("{starts} starts"))
    })
    .await;
    world.control_agent(json!({}));
    world
        .until("registered again", MENDED, |snapshot| {
            snapshot.ready() && snapshot.agent.restarts >= 1
        })
        .await;
    assert_ne!(world.agent().await.started_at, before.started_at);
}

#[tokio::test]
async fn an_agent_without_connections_is_told_of_until_it_has_some() {
    let mut world = World::prepared().await;
    let settings = String::from_utf8(world.read(SETTINGS)).unwrap();
    world.write(
        SETTINGS,
        settings + "[agent]\ndisconnected_after = \"2s\"\n",
    );
    world.start();
    world
        .until("connections are seen", PATIENCE, |snapshot| {
            snapshot.ready() && snapshot.agent.connections > Some(0)
        })
        .await;
    world.control_agent(json!({"disconnect": true}));
    world
        .until_phase(Phase::Degraded, Reason::AgentDisconnected, PATIENCE)
        .await;
    world.control_agent(json!({}));
    world.until_healthy().await;
    assert_eq!(world.agent_starts(), 1);
}

#[tokio::test]
async fn a_dockerd_that_hangs_is_restarted_when_only_the_agent_runs() {
    let world = impatient("").await;
    let hung = world.dockerd_pid();
    world.signal(Signal::SIGSTOP, hung);
    world
        .until_phase(Phase::Degraded, Reason::EngineHung, MENDED)
        .await;
    eventually("another dockerd", MENDED, async || {
        // Between the two there is no pid file.
        let now = fs::read_to_string(world.host.path("/run/docker.pid")).unwrap_or_default();
        let another = now.trim().parse().is_ok_and(|now: i64| now != hung);
        another.then_some(()).ok_or(format!("pid file: {now:?}"))
    })
    .await;
    world.until_healthy().await;
}

#[tokio::test]
async fn a_dockerd_that_hangs_is_left_alone_where_the_settings_say_so() {
    let world = impatient("on_hung = \"report\"\n").await;
    let hung = world.dockerd_pid();
    world.signal(Signal::SIGSTOP, hung);
    eventually("told", MENDED, async || {
        let log = world.log();
        let told = log.contains("the Docker daemon hangs and is left alone");
        told.then_some(()).ok_or(log)
    })
    .await;
    world.signal(Signal::SIGCONT, hung);
    world.until_healthy().await;
    assert_eq!(world.dockerd_pid(), hung);
}

#[tokio::test]
async fn while_it_is_held_nothing_is_started() {
    let world = World::healthy().await;
    let held = world.ecs_nanny(&["hold", "--for", "1h", "--why", "looking at the disk"]);
    assert!(held.status.success(), "{held:?}");
    let told = world
        .until("held", PATIENCE, |snapshot| snapshot.phase == Phase::Held)
        .await;
    assert!(
        told.detail.contains("looking at the disk"),
        "{}",
        told.detail
    );
    let starts = world.agent_starts();
    world.kill_agent().await;
    world
        .until("told of the end", PATIENCE, |snapshot| {
            snapshot.phase == Phase::Held && snapshot.agent.last_exit.is_some()
        })
        .await;
    assert!(!world.agent().await.running);
    assert_eq!(world.agent_starts(), starts);
    let released = world.ecs_nanny(&["release"]);
    assert!(released.status.success(), "{released:?}");
    world.until_healthy().await;
    assert_eq!(world.agent_starts(), starts + 1);
}
