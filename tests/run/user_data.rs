//! The end of cloud-init is awaited inside, and what the user data wrote is in effect.

use std::fs;

use ecs_nanny::snapshot::{Phase, Reason};

use super::wait::PATIENCE;
use super::world::{USER_CONFIG, World};

const RESULT: &str = "/run/cloud-init/result.json";

#[tokio::test]
async fn the_agent_starts_with_what_the_user_data_wrote() {
    let mut world = World::prepared().await;
    world.write("/run/cloud-init/enabled", "");
    world.start();
    let told = world
        .until_phase(Phase::Waiting, Reason::UserData, PATIENCE)
        .await;
    assert_eq!(told.agent.state, "absent");
    world.write(USER_CONFIG, "ECS_CLUSTER=green\n");
    world.write(
        RESULT,
        r#"{"v1": {"datasource": "DataSourceEc2Local", "errors": []}}"#,
    );
    let told = world.until_healthy().await;
    assert_eq!(told.agent.cluster.as_deref(), Some("green"));
}

#[tokio::test]
async fn without_a_data_source_it_refuses_until_that_is_mended() {
    let mut world = World::prepared().await;
    world.write(
        RESULT,
        r#"{"v1": {"datasource": "DataSourceNone", "errors": []}}"#,
    );
    world.start();
    let told = world
        .until_phase(Phase::Failed, Reason::UserData, PATIENCE)
        .await;
    assert!(told.detail.contains("DataSourceNone"), "{}", told.detail);
    assert_eq!(told.agent.state, "absent");
    fs::remove_dir_all(world.host.path("/run/cloud-init")).unwrap();
    // What changed is looked at when the configuration is read again.
    world.write(USER_CONFIG, "ECS_CLUSTER=blue\n# mended\n");
    world.until_healthy().await;
}
