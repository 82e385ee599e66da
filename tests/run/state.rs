//! What the agent saved and can't use.

use std::fs;

use ecs_nanny::snapshot::{Phase, Reason};

use super::wait::PATIENCE;
use super::world::{USER_CONFIG, World};

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
