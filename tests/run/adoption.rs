//! One ecs-nanny after another, and two at once.

use ecs_nanny::finding::{Finding, Outcome};
use ecs_nanny::snapshot::{Phase, Reason, Snapshot};
use nix::sys::signal::Signal;

use super::wait::PATIENCE;
use super::world::{SETTINGS, USER_CONFIG, World};

/// Starts the next ecs-nanny, and asserts that it took over what runs.
async fn assert_taken_over(world: &mut World, before: &Running) -> Snapshot {
    world.start();
    let snapshot = world.until_healthy().await;
    assert!(snapshot.agent.adopted);
    assert_eq!(&Running::on(world).await, before);
    assert_eq!(snapshot.agent.started_at, before.agent_started_at);
    assert_eq!(snapshot.agent.restarts, 0);
    snapshot
}

/// What must not change when ecs-nanny does.
#[derive(Debug, PartialEq)]
struct Running {
    dockerd: i64,
    agent: Option<i64>,
    agent_started_at: Option<String>,
}

impl Running {
    async fn on(world: &World) -> Self {
        let agent = world.agent().await;
        Running {
            dockerd: world.dockerd_pid(),
            agent: agent.pid,
            agent_started_at: agent.started_at,
        }
    }
}

#[tokio::test]
async fn sigusr2_leaves_all_running_and_the_next_takes_over() {
    let mut world = World::healthy().await;
    let before = Running::on(&world).await;
    world.nanny().signal(Signal::SIGUSR2);
    let status = world.nanny_mut().ended(PATIENCE).await;
    assert!(status.success(), "{status}");
    assert_eq!(Running::on(&world).await, before);
    let snapshot = assert_taken_over(&mut world, &before).await;
    assert!(!snapshot.agent.plan_pending);
}

#[tokio::test]
async fn after_a_crash_the_next_takes_over_and_stops_it_all() {
    let mut world = World::healthy().await;
    let before = Running::on(&world).await;
    let image = world.agent().await.image_id;
    let mut arguments = vec!["run", "--detach", "--rm", "--name", "ordinary"];
    arguments.extend([image.as_str(), "/agent", "--sleep"]);
    world.done("docker", &arguments);
    world.kill_nanny().await;
    assert_taken_over(&mut world, &before).await;
    // A container that is none of ours runs on as well: --rm would have removed it.
    world.done("docker", &["rm", "--force", "ordinary"]);
    world.nanny().signal(Signal::SIGTERM);
    let status = world.nanny_mut().ended(PATIENCE).await;
    assert!(status.success(), "{status}");
    assert_eq!(
        world.processes(),
        [""; 0],
        "what was taken over is stopped too"
    );
}

#[tokio::test]
async fn an_agent_of_another_plan_is_taken_over_and_replaced_when_it_ends() {
    let mut world = World::healthy().await;
    let before = Running::on(&world).await;
    world.kill_nanny().await;
    world.write(USER_CONFIG, "ECS_CLUSTER=blue\nECS_LOGLEVEL=debug\n");
    let snapshot = assert_taken_over(&mut world, &before).await;
    assert!(snapshot.agent.plan_pending);
    world.kill_agent().await;
    world
        .until("replaced", PATIENCE, |snapshot| {
            snapshot.ready() && !snapshot.agent.plan_pending
        })
        .await;
    let environment = world.agent_environment().await;
    assert_eq!(environment["ECS_LOGLEVEL"], "debug");
}

#[tokio::test]
async fn a_second_one_says_who_holds_the_lock() {
    let world = World::healthy().await;
    let first = world.health().unwrap().nanny.pid;
    let second = world.ecs_nanny(&["run"]);
    assert_eq!(second.status.code(), Some(1));
    let errors = String::from_utf8(second.stderr).unwrap();
    let expected = format!("/run/ecs-nanny/lock is held by process {first}");
    assert!(errors.contains(&expected), "{errors}");
    let snapshot = world.health().unwrap();
    assert_eq!(
        (snapshot.nanny.pid, snapshot.phase),
        (first, Phase::Healthy)
    );
}

/// Makes the host one that nothing is started on.
fn make_unfit(world: &World) {
    let settings = String::from_utf8(world.read(SETTINGS)).unwrap();
    world.write(
        SETTINGS,
        settings + "[checks]\nprofiles = [\"ecs\", \"emr\"]\n",
    );
}

#[tokio::test]
async fn on_a_host_that_is_not_fit_an_agent_that_runs_is_taken_over_and_told_of() {
    let mut world = World::healthy().await;
    let before = Running::on(&world).await;
    world.kill_nanny().await;
    make_unfit(&world);
    let snapshot = assert_taken_over(&mut world, &before).await;
    let told = |it: &Finding| it.rule == "run.unfit" && it.outcome == Outcome::Failed;
    assert!(snapshot.findings.iter().any(told));
}

#[tokio::test]
async fn on_a_host_that_is_not_fit_nothing_is_started() {
    let mut world = World::prepared().await;
    make_unfit(&world);
    world.start();
    world
        .until_phase(Phase::Failed, Reason::HostUnfit, PATIENCE)
        .await;
    assert!(world.pid_in("/run/docker.pid").is_err());
}
