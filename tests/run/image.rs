//! The agent's image tarball, missing and broken.

use ecs_nanny::snapshot::{Phase, Reason};

use super::wait::PATIENCE;
use super::world::{TARBALL, World, image_tarball};

/// Puts a whole tarball in place at once, as a careful copy does.
pub fn deliver(world: &World) {
    let beside = format!("{TARBALL}.part");
    world.write(&beside, image_tarball());
    std::fs::rename(world.host.path(&beside), world.host.path(TARBALL)).unwrap();
}

#[tokio::test]
async fn a_missing_one_is_told_with_the_command_that_fetches_it_and_loaded_when_it_comes() {
    let mut world = World::prepared().await;
    world.remove(TARBALL);
    world.start();
    let snapshot = world
        .until_phase(Phase::Waiting, Reason::Image, PATIENCE)
        .await;
    assert!(
        snapshot.detail.contains("ecs-nanny image fetch"),
        "{}",
        snapshot.detail
    );
    world
        .nanny()
        .tells("STATUS=waiting: the agent's image is missing", PATIENCE)
        .await;
    let shown = world.ecs_nanny(&["status"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("ecs-nanny image fetch"), "{shown}");
    deliver(&world);
    world.until_healthy().await;
}

#[tokio::test]
async fn a_truncated_one_is_refused_with_a_reason() {
    let mut world = World::prepared().await;
    world.write(TARBALL, &image_tarball()[..image_tarball().len() / 2]);
    world.start();
    let snapshot = world
        .until_phase(Phase::Waiting, Reason::ImageInvalid, PATIENCE)
        .await;
    assert!(snapshot.detail.contains(TARBALL), "{}", snapshot.detail);
    deliver(&world);
    world.until_healthy().await;
}
