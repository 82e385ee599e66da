//! An image made of a host that has run: sealed, it boots as an instance of its own.

use ecs_nanny::facts::leftovers;
use ecs_nanny::host::files::Root;
use nix::sys::signal::Signal;

use super::wait::PATIENCE;
use super::world::World;

/// What a boot leaves beside the agent's own state.
const LEFT: &[&str] = &[
    "/etc/machine-id",
    "/etc/ssh/ssh_host_ed25519_key",
    "/root/.bash_history",
    "/root/.ssh/authorized_keys",
    "/var/lib/cloud/data/instance-id",
    "/var/lib/dhcp/dhclient.leases",
    "/var/log/journal/0123/system.journal",
];

#[tokio::test]
async fn a_sealed_root_holds_no_identity_and_boots_to_healthy() {
    let mut world = World::healthy().await;
    let first = world.health().unwrap().agent.container_instance_arn;
    world.nanny().signal(Signal::SIGTERM);
    world.nanny_mut().ended(PATIENCE).await;

    // The host's own directories; the rest of its tree is this machine's, which is never sealed.
    let tree = world.image_root();
    let root = Root::at(&tree);
    for path in LEFT {
        let path = root.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "0123456789abcdef\n").unwrap();
    }
    let before = leftovers(&root);
    for path in LEFT {
        assert!(
            before.iter().any(|it| path.starts_with(&it.path)),
            "{path}: {before:#?}"
        );
    }
    let seal = |more: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ecs-nanny"));
        command
            .args(["image", "seal", "--root"])
            .arg(&tree)
            .args(more);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let told = seal(&["--dry-run"]);
    assert_eq!(leftovers(&root), before);
    for it in &before {
        assert!(told.contains(&it.path), "{told}");
    }
    seal(&[]);
    assert_eq!(leftovers(&root), []);
    assert_eq!(root.line("/etc/machine-id").as_deref(), Some(""));
    assert!(root.path("/var/cache/ecs/ecs-agent.tar").exists());

    world.start();
    let second = world.until_healthy().await.agent.container_instance_arn;
    assert!(second.is_some() && second != first, "{second:?}");
}
