//! The instance metadata service: late, refusing, hanging, wanting a new token, switched off.

use std::net::TcpListener;

use ecs_nanny::finding::Outcome;
use ecs_nanny::snapshot::{Phase, Reason, Snapshot};
use ecs_nanny_lab::imds::{Fault, Imds, What};

use super::wait::PATIENCE;
use super::world::World;

const INSTANCE_ID: &str = "i-0123456789abcdef0";

/// The host's metadata service, from now on.
pub fn serve(world: &World) -> Imds {
    let bound = world
        .host
        .inside(|| TcpListener::bind("169.254.169.254:80"));
    Imds::serve(bound.unwrap().unwrap()).unwrap()
}

/// Starts ecs-nanny and waits until it has said what it waits for.
async fn waits_for_metadata(world: &mut World) -> Snapshot {
    world.start();
    world
        .nanny()
        .tells(
            "STATUS=waiting: the instance metadata service does not answer; ",
            PATIENCE,
        )
        .await;
    let told = world.nanny().told();
    assert!(told.contains(&"READY=1".to_owned()), "{told:#?}");
    world
        .until_phase(Phase::Waiting, Reason::Metadata, PATIENCE)
        .await
}

async fn assert_healthy_as_instance(world: &World) {
    let snapshot = world.until_healthy().await;
    assert_eq!(snapshot.instance.unwrap().instance_id, INSTANCE_ID);
}

#[tokio::test]
async fn one_that_starts_late_is_waited_for() {
    let mut world = World::prepared_ec2().await;
    let snapshot = waits_for_metadata(&mut world).await;
    assert!(
        snapshot.detail.contains("169.254.169.254"),
        "{}",
        snapshot.detail
    );
    let _service = serve(&world);
    assert_healthy_as_instance(&world).await;
}

#[tokio::test]
async fn one_that_hangs_is_waited_for() {
    let mut world = World::prepared_ec2().await;
    let service = serve(&world);
    service.set_faults([What::Hang.into()]).await;
    waits_for_metadata(&mut world).await;
    service.set_faults([]).await;
    assert_healthy_as_instance(&world).await;
}

#[tokio::test]
async fn one_that_answers_errors_and_garbage_is_waited_for() {
    let mut world = World::prepared_ec2().await;
    let service = serve(&world);
    service
        .set_faults([
            Fault::from(What::Status(503)).times(2),
            Fault::from(What::Drop).times(2),
            Fault::from(What::Status(429)).at("meta-data/").times(2),
            Fault::from(What::Garbage).at("dynamic/").times(2),
        ])
        .await;
    world.start();
    assert_healthy_as_instance(&world).await;
}

#[tokio::test]
async fn one_that_answers_401_first_is_asked_with_a_new_token() {
    let mut world = World::prepared_ec2().await;
    let service = serve(&world);
    service
        .set_faults([Fault::from(What::Status(401)).at("meta-data/").times(1)])
        .await;
    world.start();
    assert_healthy_as_instance(&world).await;
    // One, and another after the refusal; on a slow machine one of them is asked for again.
    let tokens = service.requests()["api/token"];
    assert!((2..=4).contains(&tokens), "{tokens} tokens");
}

#[tokio::test]
async fn one_that_is_switched_off_is_not_waited_for() {
    let mut world = World::prepared_ec2().await;
    let service = serve(&world);
    service.set_faults([What::Status(403).into()]).await;
    world.start();
    let snapshot = world.until_healthy().await;
    assert_eq!(snapshot.instance, None);
    assert!(world.log().contains("going on without instance metadata"));
}

/// What the rules say of the instance profile; one finding, whoever looked.
fn role(snapshot: &Snapshot) -> Outcome {
    let of_role: Vec<_> = snapshot
        .findings
        .iter()
        .filter(|finding| finding.rule == "ecs.iam")
        .collect();
    assert_eq!(of_role.len(), 1, "{of_role:#?}");
    of_role[0].outcome
}

#[tokio::test]
async fn a_role_that_the_service_knows_late_is_no_fault_in_the_end() {
    let mut world = World::prepared_ec2().await;
    let service = serve(&world);
    service
        .set_faults([Fault::from(What::Status(404)).at("meta-data/iam/")])
        .await;
    world.start();
    let waiting = world
        .until_phase(Phase::Waiting, Reason::Credentials, PATIENCE)
        .await;
    assert_eq!(role(&waiting), Outcome::Failed);
    service.set_faults([]).await;
    assert_eq!(role(&world.until_healthy().await), Outcome::Passed);
}

#[tokio::test]
async fn an_agent_that_runs_is_taken_over_without_it() {
    let mut world = World::prepared_ec2().await;
    let service = serve(&world);
    world.start();
    assert_healthy_as_instance(&world).await;
    world.kill_nanny().await;
    drop(service);
    world.start();
    let snapshot = world.until_healthy().await;
    assert!(snapshot.agent.adopted && !snapshot.agent.plan_pending);
    let _service = serve(&world);
    let snapshot = world
        .until("told who it is", PATIENCE, |snapshot| {
            snapshot.instance.is_some()
        })
        .await;
    assert!(snapshot.agent.adopted && !snapshot.agent.plan_pending);
}
