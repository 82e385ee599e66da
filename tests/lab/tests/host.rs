//! The host needs root; its own Docker daemon is tried by the integration tests of ecs-nanny.

#![allow(clippy::unwrap_used)]

use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use ecs_nanny_lab::host::Host;

fn start() -> (tempfile::TempDir, Host) {
    let directory = tempfile::Builder::new()
        .prefix("ecs-nanny-lab-")
        .tempdir_in("/tmp")
        .unwrap();
    let host = Host::start(directory.path()).unwrap();
    (directory, host)
}

#[test]
fn its_files_are_its_own_and_seen_from_outside() {
    let (_directory, host) = start();
    let status = host
        .command("sh")
        .args([
            "-c",
            "echo ECS_CLUSTER=lab >/etc/ecs/ecs.config; touch /run/seen",
        ])
        .status()
        .unwrap();
    assert!(status.success());
    let text = std::fs::read_to_string(host.path("/etc/ecs/ecs.config")).unwrap();
    assert_eq!(text, "ECS_CLUSTER=lab\n");
    assert!(host.path("/run/seen").exists());
    assert!(!std::path::Path::new("/run/seen").exists());
}

#[test]
fn what_is_bound_inside_is_reached_inside_alone() {
    let (_directory, host) = start();
    let listener = host
        .inside(|| TcpListener::bind("169.254.169.254:80"))
        .unwrap()
        .unwrap();
    let address = listener.local_addr().unwrap();
    assert!(host.inside(|| TcpStream::connect(address)).unwrap().is_ok());
    assert!(
        TcpListener::bind(address).is_err(),
        "the address is outside too"
    );
}

#[test]
fn what_is_spawned_inside_can_be_signalled_from_outside_and_ends_with_the_host() {
    let (_directory, host) = start();
    let spawn = || {
        host.inside(|| Command::new("sleep").arg("1000").spawn())
            .unwrap()
            .unwrap()
    };
    let mut signalled = spawn();
    let terminate = Command::new("kill")
        .arg(signalled.id().to_string())
        .status()
        .unwrap();
    assert!(terminate.success());
    assert_eq!(signalled.wait().unwrap().signal(), Some(15));

    let mut left = spawn();
    drop(host);
    assert_eq!(left.wait().unwrap().signal(), Some(9));
}
