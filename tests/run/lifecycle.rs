//! What EC2 and Auto Scaling announce.

use std::time::{Duration, Instant};

use ecs_nanny::snapshot::{NoticeName, Phase, Reason};
use ecs_nanny_lab::imds::Imds;

use super::metadata::serve;
use super::wait::{PATIENCE, eventually};
use super::world::World;

const SPOT: &str = "meta-data/spot/instance-action";
const REBALANCE: &str = "meta-data/events/recommendations/rebalance";
const MAINTENANCE: &str = "meta-data/events/maintenance/scheduled";
const TARGET_STATE: &str = "meta-data/autoscaling/target-lifecycle-state";

/// What a busy machine may add to a poll interval: the answer's way, and the document's.
const SLACK: Duration = Duration::from_secs(10);

/// A healthy host on an instance with these values.
async fn healthy(values: &[(&str, &str)]) -> (World, Imds) {
    let mut world = World::prepared_ec2().await;
    let service = serve(&world);
    for (path, value) in values {
        service.set(path, value);
    }
    world.start();
    world.until_healthy().await;
    (world, service)
}

#[tokio::test]
async fn each_notice_shows_within_its_interval_and_goes_again() {
    let group = (TARGET_STATE, "InService");
    let (world, service) = healthy(&[("meta-data/instance-life-cycle", "spot"), group]).await;
    let environment = world.agent_environment().await;
    assert_eq!(environment["ECS_ENABLE_SPOT_INSTANCE_DRAINING"], "true");
    for (path, value, name, interval) in [
        (
            SPOT,
            r#"{"action": "terminate", "time": "2026-11-21T08:22:00Z"}"#,
            NoticeName::SpotInterruption,
            5,
        ),
        (
            REBALANCE,
            r#"{"noticeTime": "2026-11-21T08:20:00Z"}"#,
            NoticeName::Rebalance,
            5,
        ),
        (TARGET_STATE, "Terminated", NoticeName::Termination, 15),
        (
            MAINTENANCE,
            r#"[{"Code": "instance-stop", "NotBefore": "21 Nov 2026 09:00:43 GMT", "State": "active"}]"#,
            NoticeName::Maintenance,
            60,
        ),
    ] {
        service.set(path, value);
        let within = Duration::from_secs(interval) + SLACK;
        let what = format!("{} is announced", name.word());
        let seen = world.until(what, within, |snapshot| {
            let mut notices = snapshot.lifecycle.notices.iter();
            notices.any(|notice| notice.name == name)
        });
        assert!(seen.await.ready(), "the agent runs on");
        let line = format!("NANNY_NOTICE=\"{}\"", name.word());
        eventually("recorded", PATIENCE, async || {
            let log = world.log();
            log.contains(&line).then_some(()).ok_or(log)
        })
        .await;
    }
    service.remove(SPOT);
    let within = Duration::from_secs(5) + SLACK;
    world
        .until("called off", within, |snapshot| {
            snapshot.lifecycle.notices.len() == 3
        })
        .await;
}

#[tokio::test]
async fn only_what_can_come_is_asked_about_and_under_once_a_second() {
    let (world, service) = healthy(&[]).await;
    let before = service.requests();
    let maintenance = |service: &Imds| service.requests().get(MAINTENANCE).copied();
    let within = Duration::from_secs(60) + SLACK;
    eventually("asked about maintenance", within, async || {
        let count = maintenance(&service);
        let more = count > before.get(MAINTENANCE).copied();
        more.then_some(()).ok_or(format!("{count:?}"))
    })
    .await;
    let after = service.requests();
    // Who the instance is was asked once, with the state that a group wants; none is known.
    assert_eq!(after[TARGET_STATE], 1, "{after:#?}");
    assert!(
        !after.contains_key(SPOT) && !after.contains_key(REBALANCE),
        "{after:#?}"
    );
    drop(world);
}

#[tokio::test]
async fn a_spot_instance_in_a_group_is_asked_about_under_once_a_second() {
    let group = (TARGET_STATE, "InService");
    let (_world, service) = healthy(&[("meta-data/instance-life-cycle", "spot"), group]).await;
    let total = || service.requests().values().sum::<u64>();
    let (begun, before) = (Instant::now(), total());
    let polls = || service.requests().get(SPOT).copied().unwrap_or_default();
    let first = polls();
    eventually(
        "asked five times more",
        Duration::from_secs(25) + SLACK,
        async || {
            let more = polls() - first;
            (more >= 5).then_some(()).ok_or(more.to_string())
        },
    )
    .await;
    let (asked, seconds) = (total() - before, begun.elapsed().as_secs_f64());
    assert!((asked as f64) < seconds, "{asked} requests in {seconds} s");
}

#[tokio::test]
async fn in_a_warm_pool_everything_but_the_agent_is_up() {
    let mut world = World::prepared_ec2().await;
    let service = serve(&world);
    service.set(TARGET_STATE, "Warmed:Running");
    world.start();
    let snapshot = world
        .until_phase(Phase::Waiting, Reason::WarmPool, PATIENCE)
        .await;
    assert_eq!(snapshot.engine.state, "up");
    assert_eq!(
        world.docker().await.container("ecs-agent").await.unwrap(),
        None
    );
    service.set(TARGET_STATE, "InService");
    let snapshot = world.until_healthy().await;
    assert_eq!(
        snapshot.lifecycle.target_state.as_deref(),
        Some("InService")
    );
    let environment = world.agent_environment().await;
    assert_eq!(environment.get("ECS_WARM_POOLS_CHECK"), None);
}
