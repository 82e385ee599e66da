//! The agent's configuration, broken and mended.

use std::os::unix::fs::MetadataExt;

use ecs_nanny::finding::Outcome;
use ecs_nanny::snapshot::{Phase, Reason};
use nix::sys::signal::Signal;

use super::wait::PATIENCE;
use super::world::{USER_CONFIG, VENDOR_CONFIG, World};

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
            .contains("set ECS_CLUSTER in /etc/ecs/ecs.config"),
        "{}",
        waiting.detail
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

#[tokio::test]
async fn a_file_whose_directory_user_data_makes_is_seen() {
    let mut world = World::prepared().await;
    world.done("umount", &["/etc/ecs"]);
    world.done("rm", &["-rf", "/etc/ecs"]);
    world.start();
    world
        .until_phase(Phase::Waiting, Reason::Cluster, PATIENCE)
        .await;
    let user_data = "mkdir -p /etc/ecs && echo ECS_CLUSTER=blue >>/etc/ecs/ecs.config";
    world.done("sh", &["-c", user_data]);
    world.until_healthy().await;
}

/// What stands in the user's file beside what can be read, and the line that is to be reported.
fn broken_files() -> Vec<(&'static str, Vec<u8>, u32)> {
    let mut random = fastrand::Rng::with_seed(7);
    let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(128..))
        .take(200)
        .collect();
    vec![
        ("a line without a name", b"=foo".to_vec(), 2),
        ("NUL bytes", b"ECS_IMAGE\0_PULL=\0\0".to_vec(), 2),
        ("random bytes", bytes, 2),
    ]
}

#[tokio::test]
async fn a_broken_file_never_stops_the_agent_and_is_reported_by_line() {
    let mut world = World::prepared().await;
    for (what, bytes, line) in broken_files() {
        let content = [
            b"ECS_CLUSTER=blue\n".as_slice(),
            &bytes,
            b"\nECS_LOGLEVEL=debug\n",
        ]
        .concat();
        world.write(USER_CONFIG, &content);
        let written = std::fs::metadata(world.host.path(USER_CONFIG)).unwrap();
        world.start();
        let snapshot = world.until_healthy().await;
        let environment = world.agent_environment().await;
        assert_eq!(environment["ECS_CLUSTER"], "blue", "{what}");
        assert_eq!(environment["ECS_LOGLEVEL"], "debug", "{what}");
        let reported = snapshot.findings.iter().any(|finding| {
            finding.outcome == Outcome::Failed
                && finding
                    .place
                    .as_ref()
                    .is_some_and(|place| place.file == USER_CONFIG && place.line == Some(line))
        });
        assert!(reported, "{what}: {:#?}", snapshot.findings);
        let metadata = std::fs::metadata(world.host.path(USER_CONFIG)).unwrap();
        assert_eq!(world.read(USER_CONFIG), content, "{what}");
        assert_eq!(
            (metadata.ino(), metadata.mtime_nsec(), metadata.mode()),
            (written.ino(), written.mtime_nsec(), written.mode()),
            "the user's file was written"
        );
        world.kill_nanny().await;
        world.docker().await.remove("ecs-agent").await.unwrap();
    }
}

#[tokio::test]
async fn awslogs_is_there_whatever_the_files_say() {
    let mut world = World::prepared().await;
    world.write(
        VENDOR_CONFIG,
        "# of the image\nECS_AVAILABLE_LOGGING_DRIVERS=[\"syslog\"]\nMY_OWN=kept\n",
    );
    world.write(
        USER_CONFIG,
        "ECS_CLUSTER=blue\nECS_AVAILABLE_LOGGING_DRIVERS=[\"json-file\"]\n",
    );
    world.start();
    world.until_healthy().await;
    let environment = world.agent_environment().await;
    let drivers: Vec<String> =
        serde_json::from_str(&environment["ECS_AVAILABLE_LOGGING_DRIVERS"]).unwrap();
    assert_eq!(drivers, ["json-file", "awslogs"]);
    let log = world.log();
    assert!(log.contains("awslogs"), "it was not told");
    let vendor = String::from_utf8(world.read(VENDOR_CONFIG)).unwrap();
    assert_eq!(
        vendor,
        "# of the image\nECS_AVAILABLE_LOGGING_DRIVERS=[\"syslog\",\"awslogs\"]\nMY_OWN=kept\n"
    );
    let mode = std::fs::metadata(world.host.path(VENDOR_CONFIG))
        .unwrap()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[tokio::test]
async fn a_user_file_that_cannot_be_read_is_reported_and_the_vendors_cluster_joined() {
    let mut world = World::prepared().await;
    world.write(VENDOR_CONFIG, "ECS_CLUSTER=blue\n");
    world.remove(USER_CONFIG);
    std::fs::create_dir(world.host.path(USER_CONFIG)).unwrap();
    world.start();
    let snapshot = world.until_healthy().await;
    let reported = snapshot.findings.iter().any(|finding| {
        finding.outcome != Outcome::Passed && finding.sentence().contains(USER_CONFIG)
    });
    assert!(reported, "{:#?}", snapshot.findings);
}

#[tokio::test]
async fn a_changed_file_is_pending_until_a_reload() {
    let world = World::healthy().await;
    let before = world.agent().await;
    world.write(USER_CONFIG, "ECS_CLUSTER=blue\nECS_LOGLEVEL=debug\n");
    let snapshot = world
        .until("pending", PATIENCE, |snapshot| snapshot.agent.plan_pending)
        .await;
    assert_eq!(snapshot.agent.started_at, before.started_at);
    world.nanny().signal(Signal::SIGHUP);
    world
        .until("replaced", PATIENCE, |snapshot| {
            snapshot.ready()
                && !snapshot.agent.plan_pending
                && snapshot.agent.container_id.as_ref() != Some(&before.id)
        })
        .await;
    assert_eq!(world.agent_environment().await["ECS_LOGLEVEL"], "debug");
    let last_exit = world.health().unwrap().agent.last_exit;
    assert_eq!(last_exit, None, "it was asked to end");
}
