//! What acting calls: exactly the documented calls, signed, once, and none when it is switched off; what AWS refuses is
//! told with the missing permission.

#![allow(clippy::unwrap_used)]

mod world;

use std::fs;
use std::time::{Duration, Instant};

use ecs_nanny::lifecycle::KILL_SWITCH;
use ecs_nanny::snapshot::{NoticeName, Snapshot};
use ecs_nanny_lab::aws::Verdict;
use serde_json::{Value, json};
use tokio::task::LocalSet;
use world::{ARN, INSTANCE, World, snapshot};

const SET_HEALTH: &str = "autoscaling:SetInstanceHealth";

fn run(test: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, test());
}

fn set_unhealthy() -> String {
    format!(
        "{SET_HEALTH} HealthStatus=Unhealthy InstanceId={INSTANCE} ShouldRespectGracePeriod=false"
    )
}

fn drain() -> String {
    format!(
        "ecs:UpdateContainerInstancesState cluster=blue containerInstances=[\"{ARN}\"] status=DRAINING"
    )
}

fn of_hook(action: &str, group: &str, result: &str) -> String {
    format!(
        "autoscaling:{action} AutoScalingGroupName={group} InstanceId={INSTANCE}{result} LifecycleHookName=booted"
    )
}

fn failed() -> Snapshot {
    snapshot("failed", &[("/reason", json!("agent_terminal"))])
}

#[test]
fn a_lasting_failure_is_told_once_however_the_phase_flaps() {
    run(async || {
        let settings = "unhealthy_after = \"1s\"\ndrain_on = [\"rebalance\"]";
        let mut world = World::begin(settings);
        world.show(failed());
        let action = world.until_action("set_unhealthy", "done").await;
        assert_eq!(action.detail, format!("{SET_HEALTH} was called"));
        for _ in 0..5 {
            world.show(snapshot("healthy", &[]));
            tokio::task::yield_now().await;
            world.show(failed());
            tokio::task::yield_now().await;
        }
        world.announce(NoticeName::Rebalance);
        world.until_action("drain", "done").await;
        assert_eq!(world.calls(), [set_unhealthy(), drain()]);
    });
}

#[test]
fn the_launch_hook_gets_heartbeats_and_then_goes_on() {
    run(async || {
        let mut world = World::begin("launch_hook = \"booted\"\nheartbeat = \"1s\"");
        world.show(snapshot("registering", &[]));
        world.until_action("heartbeat", "done").await;
        world.show(snapshot("healthy", &[]));
        world.until_action("continue_launch", "done").await;
        let calls = world.calls();
        let (last, heartbeats) = calls.split_last().unwrap();
        let result = " LifecycleActionResult=CONTINUE";
        assert_eq!(
            *last,
            of_hook("CompleteLifecycleAction", "blue-group", result)
        );
        let heartbeat = of_hook("RecordLifecycleActionHeartbeat", "blue-group", "");
        assert!(!heartbeats.is_empty() && heartbeats.iter().all(|call| *call == heartbeat));
    });
}

#[test]
fn a_launch_that_fails_is_abandoned_and_its_group_asked_for() {
    run(async || {
        let mut world = World::begin("launch_hook = \"booted\"\nabandon_after = \"1s\"");
        let mut failed = failed();
        failed.instance.as_mut().unwrap().auto_scaling_group = None;
        world.show(failed);
        world.until_action("abandon_launch", "done").await;
        let result = " LifecycleActionResult=ABANDON";
        assert_eq!(
            world.calls(),
            [
                format!("autoscaling:DescribeAutoScalingInstances InstanceIds.member.1={INSTANCE}"),
                of_hook("CompleteLifecycleAction", "lab-group", result),
            ]
        );
    });
}

#[test]
fn a_hook_in_which_nothing_waits_is_left() {
    run(async || {
        let mut world = World::begin("launch_hook = \"booted\"");
        let action = "autoscaling:CompleteLifecycleAction";
        world.aws.answer_with(action, Verdict::NothingWaits, 99);
        world.show(snapshot("healthy", &[]));
        let done = world.until_action("continue_launch", "done").await;
        assert!(done.detail.contains("nothing waits"), "{}", done.detail);
        assert_eq!(world.calls().len(), 1);
    });
}

#[test]
fn a_drained_container_instance_is_waited_for_within_the_budget() {
    run(async || {
        let mut world = World::begin("drain_on = [\"spot_interruption\"]\ndrain_budget = \"2s\"");
        let with = |tasks: u64| snapshot("healthy", &[("/agent/tasks_running", json!(tasks))]);
        world.show(with(2));
        world.announce(NoticeName::SpotInterruption);
        let left = world.until_action("drain", "failed").await;
        assert!(
            left.detail.starts_with("2 tasks still ran"),
            "{}",
            left.detail
        );
        world.show(with(0));
        let ended = world.until_action("drain", "done").await;
        assert!(ended.detail.contains("no task runs"), "{}", ended.detail);
        assert_eq!(world.calls(), [drain()]);
    });
}

/// For three seconds, in which everything is due, nothing is called.
async fn nothing_is_called(world: &World) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        assert_eq!(world.calls(), Vec::<String>::new());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn the_kill_switch_stops_everything_while_it_is_there() {
    run(async || {
        let settings = "unhealthy_after = \"1s\"\ncommand = [\"/bin/true\"]";
        let mut world = World::prepared(settings, |root| {
            let switch = root.path(KILL_SWITCH);
            fs::create_dir_all(switch.parent().unwrap()).unwrap();
            fs::write(switch, "").unwrap();
        });
        world.show(failed());
        let view = world.until(|view| view.actions_off.is_some()).await;
        assert!(view.actions_off.unwrap().contains(KILL_SWITCH));
        nothing_is_called(&world).await;
        assert_eq!(world.commands(), "");
        fs::remove_file(world.path(KILL_SWITCH)).unwrap();
        world.until_action("set_unhealthy", "done").await;
        assert_eq!(world.calls(), [set_unhealthy()]);
    });
}

#[test]
fn an_instance_of_aws_batch_is_left_to_it() {
    let owners: [(&str, Value); 3] = [
        ("/instance/aws_batch", json!(true)),
        (
            "/instance/auto_scaling_group",
            json!("AWSBatch-ce-asg-1234"),
        ),
        ("/agent/cluster", json!("ce_Batch_1234")),
    ];
    run(async || {
        let mut worlds = Vec::new();
        for owner in owners {
            let mut world = World::begin("unhealthy_after = \"1s\"");
            world.show(snapshot("failed", &[owner]));
            let view = world.until(|view| view.actions_off.is_some()).await;
            assert!(view.actions_off.unwrap().contains("AWS Batch"));
            worlds.push(world);
        }
        for world in &worlds {
            nothing_is_called(world).await;
        }
    });
}

#[test]
fn a_missing_permission_is_named_and_not_asked_for_again_at_once() {
    run(async || {
        let mut world = World::begin("unhealthy_after = \"1s\"\ndrain_on = [\"maintenance\"]");
        for action in [SET_HEALTH, "ecs:UpdateContainerInstancesState"] {
            world.aws.answer_with(action, Verdict::Deny, 99);
        }
        world.show(failed());
        world.until_action("set_unhealthy", "failed").await;
        world.announce(NoticeName::Maintenance);
        world.until_action("drain", "failed").await;
        let view = world.until(|_| true).await;
        let findings: Vec<String> = view.findings().map(|finding| finding.sentence()).collect();
        for permission in [SET_HEALTH, "ecs:UpdateContainerInstancesState"] {
            let named = format!("the permission {permission} is missing");
            assert!(
                findings.iter().any(|it| it.contains(&named)),
                "{findings:#?}"
            );
        }
        assert_eq!(world.calls().len(), 2, "no second try yet");
    });
}

#[test]
fn throttled_calls_are_tried_again_and_then_a_finding() {
    run(async || {
        let mut world = World::begin("unhealthy_after = \"1s\"");
        world.aws.answer_with(SET_HEALTH, Verdict::Throttle, 2);
        world.show(failed());
        world.until_action("set_unhealthy", "done").await;
        assert_eq!(world.calls().len(), 3);

        let mut world = World::begin("unhealthy_after = \"1s\"");
        world.aws.answer_with(SET_HEALTH, Verdict::Throttle, 99);
        world.show(failed());
        let failure = world.until_action("set_unhealthy", "failed").await;
        assert!(
            failure.detail.contains("was throttled"),
            "{}",
            failure.detail
        );
    });
}

#[test]
fn a_call_without_an_answer_ends_and_is_a_finding() {
    run(async || {
        let mut world = World::begin("unhealthy_after = \"1s\"\ncommand = [\"/bin/true\"]");
        world.aws.answer_with(SET_HEALTH, Verdict::Hang, 99);
        world.show(failed());
        world.until_action("set_unhealthy", "busy").await;
        // Meanwhile everything else goes on.
        world.until_action("command", "done").await;
        assert_eq!(world.commands(), "step command\n");
        let failure = world.until_action("set_unhealthy", "failed").await;
        assert!(
            failure.detail.contains("was not answered"),
            "{}",
            failure.detail
        );
    });
}
