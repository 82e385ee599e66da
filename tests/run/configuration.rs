//! The agent's and our own configuration, broken and mended.

use ecs_nanny::snapshot::{Phase, Reason};

use super::wait::PATIENCE;
use super::world::{USER_CONFIG, World};

#[tokio::test]
async fn without_a_cluster_it_waits_until_the_file_is_mended() {
    let mut world = World::prepared().await;
    world.write(USER_CONFIG, "ECS_LOGLEVEL=debug\n");
    world.start();
    let waiting = world
        .until_phase(Phase::Waiting, Reason::Cluster, PATIENCE)
        .await;
    assert!(
        waiting
            .detail
            .contains("set ECS_CLUSTER in /etc/ecs/ecs.config")
    );
    world.nanny().tells("READY=1", PATIENCE).await;
    world
        .nanny()
        .tells("STATUS=waiting: no cluster is configured", PATIENCE)
        .await;
    world.write(USER_CONFIG, "ECS_CLUSTER=green\n");
    let snapshot = world.until_healthy().await;
    assert_eq!(snapshot.agent.cluster.as_deref(), Some("green"));
}
