//! What the agent saved and can't use.

use std::fs;

use ecs_nanny::finding::Outcome;
use ecs_nanny::snapshot::{Phase, Reason};
use ecs_nanny_lab::imds::Imds;

use super::metadata;
use super::wait::{PATIENCE, eventually};
use super::world::{SETTINGS, USER_CONFIG, World};

const SAVED: &str = "/var/lib/ecs/data/agent.db";

#[tokio::test]
async fn state_that_is_corrupt_is_moved_aside_once_and_kept() {
    let world = World::healthy().await;
    let registered = world.health().unwrap().agent.container_instance_arn;
    world.write(SAVED, "\0garbage");
    world.kill_agent().await;
    let told = world
        .until("registered anew", PATIENCE, |snapshot| {
            snapshot.ready() && snapshot.agent.container_instance_arn != registered
        })
        .await;
    assert!(told.agent.restarts >= 2, "{:?}", told.agent);
    assert_eq!(kept(&world), [b"\0garbage"]);
    assert!(
        world
            .log()
            .contains("it is kept in /var/lib/ecs/data.unreadable-")
    );

    // A second time nothing more is thrown away: it ends, and says why.
    world.write(SAVED, "\0garbage again");
    world.kill_agent().await;
    let told = world
        .until_phase(Phase::Failed, Reason::AgentTerminal, PATIENCE)
        .await;
    assert!(told.retry.is_some());
    assert_eq!(kept(&world).len(), 1);
    assert_eq!(world.read(SAVED), b"\0garbage again");
}

#[tokio::test]
async fn a_changed_cluster_is_told_and_taken_back() {
    let world = World::healthy().await;
    world.write(USER_CONFIG, "ECS_CLUSTER=green\n");
    world.kill_agent().await;
    world
        .until(
            "told of the mismatch, with a slow retry",
            PATIENCE,
            |snapshot| {
                snapshot.phase == Phase::Degraded
                    && snapshot.retry.is_some()
                    && snapshot
                        .detail
                        .contains("does not match configured cluster 'green'")
            },
        )
        .await;
    world.write(USER_CONFIG, "ECS_CLUSTER=blue\n");
    world.until_healthy().await;
}

const INSTANCE: &str = "/var/lib/ecs-nanny/instance-id";

/// A host of EC2 whose image holds what the agent saved on another instance.
async fn baked(baked_state: &str) -> (World, Imds) {
    let mut world = World::prepared_ec2().await;
    let service = metadata::serve(&world);
    world.write(
        SETTINGS,
        format!("[engine]\nbackend = \"child\"\n[agent]\nbaked_state = \"{baked_state}\"\n"),
    );
    world.write(SAVED, "of another instance");
    world.write(INSTANCE, "i-0fedcba9876543210\n");
    world.start();
    (world, service)
}

#[tokio::test]
async fn state_of_another_instance_keeps_the_agent_from_starting() {
    let (world, _service) = baked("report").await;
    let told = world
        .until_phase(Phase::Failed, Reason::HostUnfit, PATIENCE)
        .await;
    assert!(
        told.detail.contains("ecs.no_baked_state"),
        "{}",
        told.detail
    );
    assert_eq!(world.read(SAVED), b"of another instance");
    assert_eq!(world.read(INSTANCE), b"i-0fedcba9876543210\n");

    // It looks again when a file of the agent's changes, or after a while.
    fs::remove_file(world.host.path(SAVED)).unwrap();
    world.write(USER_CONFIG, "ECS_CLUSTER=blue\n\n");
    world.until_healthy().await;
}

#[tokio::test]
async fn state_of_another_instance_is_moved_aside_where_that_is_set() {
    let (mut world, _service) = baked("aside").await;
    world.until_healthy().await;
    let directory = world.host.path("/var/lib/ecs");
    let aside = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let aside: Vec<_> = aside
        .filter(|path| path.to_string_lossy().contains("data.of-another-instance-"))
        .collect();
    assert_eq!(aside.len(), 1);
    let kept = fs::read(aside[0].join("agent.db")).unwrap();
    assert_eq!(kept, b"of another instance");
    eventually("noted", PATIENCE, async || {
        let noted = String::from_utf8_lossy(&world.read(INSTANCE)).into_owned();
        match noted.as_str() {
            "i-0123456789abcdef0\n" => Ok(()),
            _ => Err(noted),
        }
    })
    .await;

    // At the next start the state is the instance's own, once the instance is known: a running agent is taken over before.
    world.start();
    world
        .until("the rule passes", PATIENCE, |snapshot| {
            snapshot
                .findings
                .iter()
                .any(|it| it.rule == "ecs.no_baked_state" && it.outcome == Outcome::Passed)
        })
        .await;
    world.until_healthy().await;
}

fn kept(world: &World) -> Vec<Vec<u8>> {
    let directory = world.host.path("/var/lib/ecs");
    let mut found: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("data.unreadable-"))
        .collect();
    found.sort();
    found
        .iter()
        .map(|path| fs::read(path.join("agent.db")).unwrap())
        .collect()
}
