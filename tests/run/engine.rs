//! A dockerd that ends, hangs or does not start.

use std::time::{Duration, Instant};

use ecs_nanny::snapshot::{Phase, Reason};
use nix::sys::signal::Signal;

use super::wait::{PATIENCE, eventually};
use super::world::World;

const DAEMON_JSON: &str = "/etc/docker/daemon.json";

#[tokio::test]
async fn a_killed_one_is_back_with_the_same_agent() {
    let world = World::healthy().await;
    let before = world.agent().await;
    world.signal(Signal::SIGKILL, world.dockerd_pid());
    world
        .until_phase(Phase::Degraded, Reason::EngineLost, Duration::from_secs(5))
        .await;
    let snapshot = world.until_healthy().await;
    assert_eq!(
        snapshot.retry, None,
        "the end of the engine is charged to the agent"
    );
    let after = world.agent().await;
    assert_eq!(after.labels, before.labels);
    assert_eq!(after.image_id, before.image_id);
    eventually("one dockerd and one agent", PATIENCE, async || {
        let processes = world.processes();
        let count = |wanted: &str| processes.iter().filter(|name| *name == wanted).count();
        let alone = (count("dockerd"), count("agent")) == (1, 1);
        alone.then_some(()).ok_or(format!("{processes:?}"))
    })
    .await;
}

#[tokio::test]
async fn one_that_hangs_is_told_of_and_taken_back() {
    let world = World::healthy().await;
    let before = world.agent().await;
    let dockerd = world.dockerd_pid();
    world.signal(Signal::SIGSTOP, dockerd);
    world
        .until_phase(Phase::Degraded, Reason::EngineHung, Duration::from_secs(15))
        .await;
    world.signal(Signal::SIGCONT, dockerd);
    world.until_healthy().await;
    assert_eq!(world.dockerd_pid(), dockerd);
    assert_eq!(world.agent().await.started_at, before.started_at);
}

#[tokio::test]
async fn sigterm_ends_in_bounded_time_while_it_hangs() {
    let mut world = World::healthy().await;
    let agent = world.agent().await.pid.unwrap();
    world.signal(Signal::SIGSTOP, world.dockerd_pid());
    let asked = Instant::now();
    world.nanny().signal(Signal::SIGTERM);
    world.nanny_mut().ended(PATIENCE).await;
    // The agent's grace and 2 s; it needs none of the grace, as it takes SIGTERM.
    assert!(
        asked.elapsed() < Duration::from_secs(12),
        "{:?}",
        asked.elapsed()
    );
    assert!(!world.host.path(&format!("/proc/{agent}")).exists());
    assert!(!world.processes().contains(&"dockerd".to_owned()));
}

#[tokio::test]
async fn sigterm_ends_the_agent_too_while_there_is_none() {
    let mut world = World::healthy().await;
    let agent = world.agent().await.pid.unwrap();
    world.write(DAEMON_JSON, "{\"no-such-option\": true}\n");
    world.signal(Signal::SIGKILL, world.dockerd_pid());
    world
        .until("it does not come back", PATIENCE, |snapshot| {
            snapshot.reason == Some(Reason::EngineLost)
                && snapshot.detail.contains("no-such-option")
        })
        .await;
    assert!(world.host.path(&format!("/proc/{agent}")).exists());
    world.nanny().signal(Signal::SIGTERM);
    let status = world.nanny_mut().ended(PATIENCE).await;
    assert!(status.success(), "{status}");
    assert!(!world.host.path(&format!("/proc/{agent}")).exists());
}

#[tokio::test]
async fn why_it_does_not_start_is_told_and_it_starts_when_that_is_mended() {
    let mut world = World::prepared().await;
    world.write(DAEMON_JSON, "{\"no-such-option\": true}\n");
    world.write("/run/docker.pid", "1\n");
    world.start();
    let snapshot = world
        .until("told why", PATIENCE, |snapshot| {
            snapshot.phase == Phase::Waiting && snapshot.detail.contains("no-such-option")
        })
        .await;
    assert_eq!(snapshot.reason, Some(Reason::Engine));
    let told = world
        .until("what is tried again, and when", PATIENCE, |snapshot| {
            snapshot.retry.as_ref().is_some_and(|it| it.attempts >= 2)
        })
        .await;
    let retry = told.retry.unwrap();
    assert_eq!((retry.what.as_str(), retry.budget), ("engine", Some(10)));
    assert!(retry.why.contains("no-such-option"), "{}", retry.why);
    world.remove(DAEMON_JSON);
    world.until_healthy().await;
}

#[tokio::test]
async fn a_socket_path_that_is_a_directory_is_told_and_mended() {
    let mut world = World::prepared().await;
    world.done("mkdir", &["/run/docker.sock"]);
    world.start();
    world
        .until("told why", PATIENCE, |snapshot| {
            snapshot.reason == Some(Reason::Engine) && snapshot.detail.contains("docker.sock")
        })
        .await;
    world.done("rmdir", &["/run/docker.sock"]);
    world.until_healthy().await;
}

#[tokio::test]
async fn a_killed_containerd_is_survived() {
    const PID_FILE: &str = "/run/docker/containerd/containerd.pid";
    let world = World::healthy().await;
    let before = world.agent().await;
    let killed = world.pid_in(PID_FILE).unwrap();
    world.signal(Signal::SIGKILL, killed);
    eventually("another containerd", PATIENCE, async || {
        let now = world.pid_in(PID_FILE)?;
        (now != killed).then_some(()).ok_or(now.to_string())
    })
    .await;
    world.until_healthy().await;
    assert_eq!(world.agent().await.started_at, before.started_at);
}

#[tokio::test]
async fn flushed_rules_are_put_back() {
    let world = World::healthy().await;
    let rules = || world.done("iptables", &["-S", "INPUT"]);
    let before = rules();
    assert!(before.contains("51678"), "{before}");
    world.done("iptables", &["-F", "INPUT"]);
    eventually("back", Duration::from_secs(75), async || {
        let now = rules();
        (now == before).then_some(()).ok_or(now)
    })
    .await;
}

/// dockerd 20.10 does not tell of ends after its containerd was killed.
#[tokio::test]
async fn an_agents_death_is_told_though_containerd_was_killed_before() {
    const PID_FILE: &str = "/run/docker/containerd/containerd.pid";
    let world = World::healthy().await;
    let killed = world.pid_in(PID_FILE).unwrap();
    let agent = world.agent().await.pid.unwrap();
    world.signal(Signal::SIGKILL, killed);
    eventually("another containerd", PATIENCE, async || {
        let now = world.pid_in(PID_FILE)?;
        (now != killed).then_some(()).ok_or(now.to_string())
    })
    .await;
    world.signal(Signal::SIGKILL, agent);
    world
        .until("told of the end", Duration::from_secs(5), |snapshot| {
            snapshot.agent.last_exit.is_some()
        })
        .await;
    world.until_healthy().await;
    assert_ne!(world.agent().await.pid, Some(agent));
}
