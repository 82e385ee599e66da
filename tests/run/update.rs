//! The agent's self-update: on probation, and back.

use std::time::Duration;

use ecs_nanny::snapshot::{Phase, Reason};
use ecs_nanny_lab::image::Image;
use ecs_nanny_lab::programs;

use super::wait::PATIENCE;
use super::world::World;

const UPDATE: &str = "/var/cache/ecs/0123456789abcdef.ecs-update.tar";
const DESIRED: &str = "/var/cache/ecs/desired-image";

/// Stages an image as the agent does, and lets the agent ask for it.
fn offer(world: &World, image: Image) {
    let mut tarball = Vec::new();
    image.write(&mut tarball).unwrap();
    world.write(UPDATE, tarball);
    world.write(DESIRED, "0123456789abcdef.ecs-update.tar\n");
    ask(world);
}

/// The agent exits with status 42.
fn ask(world: &World) {
    let output = world.run(
        "curl",
        &[
            "--silent",
            "--request",
            "POST",
            "http://127.0.0.1:51678/lab/exit/42",
        ],
    );
    assert!(output.status.success(), "{output:?}");
}

fn agent() -> Image {
    Image::agent(programs::directory().unwrap().join("ecs-nanny-lab-agent"))
}

#[tokio::test]
async fn an_image_that_asks_for_updates_for_ever_is_taken_back() {
    let world = World::healthy().await;
    let before = world.agent().await;
    let starts = world.agent_starts();
    let mut asking = agent().version("1.106.0");
    asking.env.push("LAB_AGENT_EXIT=42".to_owned());
    offer(&world, asking);
    let told = world
        .until_phase(
            Phase::Degraded,
            Reason::UpdateTakenBack,
            Duration::from_secs(60),
        )
        .await;
    let after = world.agent().await;
    assert!(after.running);
    assert_eq!(after.image_id, before.image_id);
    assert!(told.agent.container_instance_arn.is_some());
    assert!(
        told.findings
            .iter()
            .any(|finding| finding.rule == "agent.update"),
        "{:?}",
        told.findings
    );
    let more = world.agent_starts() - starts;
    assert!(more < 5, "{more} starts");

    // Asking for the rejected image again brings no more than a restart of the one that runs.
    ask(&world);
    world
        .until("up again", PATIENCE, |snapshot| {
            snapshot.agent.container_instance_arn.is_some()
                && snapshot
                    .agent
                    .last_exit
                    .as_ref()
                    .is_some_and(|exit| exit.code == 42)
                && snapshot.agent.restarts > told.agent.restarts
        })
        .await;
    assert_eq!(world.agent().await.image_id, before.image_id);
}

#[tokio::test]
async fn a_good_update_runs() {
    let world = World::healthy().await;
    let before = world.agent().await;
    offer(&world, agent().version("1.106.0"));
    let told = world
        .until("the new version", PATIENCE, |snapshot| {
            snapshot.ready()
                && snapshot
                    .agent
                    .version
                    .as_ref()
                    .is_some_and(|version| version.contains("1.106.0"))
        })
        .await;
    assert_ne!(world.agent().await.image_id, before.image_id);
    assert_eq!(told.retry, None, "an update is no failure");
}

#[tokio::test]
async fn asking_for_an_update_that_is_not_there_is_a_failure_with_its_reason() {
    let world = World::healthy().await;
    let before = world.agent().await;
    ask(&world);
    let told = world
        .until("up again", PATIENCE, |snapshot| {
            snapshot.ready() && snapshot.agent.restarts == 1
        })
        .await;
    assert_eq!(world.agent().await.image_id, before.image_id);
    let finding = told
        .findings
        .iter()
        .find(|finding| finding.rule == "agent.update")
        .expect("the reason is told");
    assert!(finding.observed.contains(DESIRED), "{finding:?}");
}
