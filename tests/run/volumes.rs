//! What `run` makes of the volume plugin: what the agent claims, and what health shows.

use std::fs::OpenOptions;
use std::process::{Child, Command, Stdio};

use ecs_nanny::snapshot::Snapshot;
use ecs_nanny::volumes::SOCKET;

use super::nanny::PROGRAM;
use super::wait::PATIENCE;
use super::world::World;

const CLAIM: &str = "ECS_VOLUME_PLUGIN_CAPABILITIES";
const STATE: &str = "/var/lib/ecs/data/ecs_volume_plugin.json";

/// The plugin beside `run`; killed when dropped.
struct Plugin(Child);

impl Plugin {
    fn start(world: &World) -> Self {
        let mut command = Command::new(PROGRAM);
        let log = world.image_root().join("plugin.log");
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .unwrap();
        command
            .arg("volumes")
            .env_remove("JOURNAL_STREAM")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        Plugin(world.host.inside(|| command.spawn()).unwrap().unwrap())
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn plugin_is(word: &'static str) -> impl Fn(&Snapshot) -> bool {
    move |snapshot| snapshot.volumes.plugin == word
}

#[tokio::test]
async fn efs_is_claimed_while_the_plugin_answers() {
    let mut world = World::prepared().await;
    let plugin = Plugin::start(&world);
    super::wait::eventually("the plugin listens", PATIENCE, async || {
        let socket = world.host.path(SOCKET);
        std::os::unix::net::UnixStream::connect(socket)
            .map(drop)
            .map_err(|error| error.to_string())
    })
    .await;
    world.start();
    world.until_healthy().await;
    let claimed = world.agent_environment().await;
    assert_eq!(
        claimed.get(CLAIM).map(String::as_str),
        Some(r#"["efsAuth"]"#)
    );
    world
        .until("the plugin answers", PATIENCE, plugin_is("answers"))
        .await;

    // A volume is shown by health, whoever wrote its record.
    let record = r#"{"volumes": {"files": {"path": "/var/lib/ecs/volumes/files", "options": {"device": "fs-1:/"},
        "mounts": {"one": 2}}}}"#;
    world.write(STATE, record);
    let seen = world
        .until("the volume", PATIENCE, |snapshot| {
            !snapshot.volumes.volumes.is_empty()
        })
        .await;
    let volume = &seen.volumes.volumes[0];
    assert_eq!(
        (volume.name.as_str(), volume.mounted, volume.references),
        ("files", false, 2)
    );
    let (_, text) = world
        .http("GET /latest/health/volumes/volumes/files/fs_type HTTP/1.1\r\nHost: localhost\r\n");
    assert_eq!(text, "efs");

    drop(plugin);
    // The socket's file stays, and nobody listens.
    let seen = world
        .until("the plugin is gone", PATIENCE, |snapshot| {
            snapshot.volumes.plugin == "absent" && snapshot.agent.plan_pending
        })
        .await;
    let finding = seen
        .findings
        .iter()
        .find(|finding| finding.rule == "ecs.volumes");
    assert!(finding.is_some_and(|finding| finding.observed.contains("mount.efs")));
    world.nanny().signal(nix::sys::signal::Signal::SIGHUP);
    world
        .until("the agent was replaced", PATIENCE, |snapshot| {
            snapshot.ready() && !snapshot.agent.plan_pending && !snapshot.agent.adopted
        })
        .await;
    super::wait::eventually("no claim", PATIENCE, async || {
        let claimed = world.agent_environment().await;
        match claimed.get(CLAIM) {
            None => Ok(()),
            Some(claim) => Err(claim.clone()),
        }
    })
    .await;
}

/// Somebody listens and says nothing: what Docker would get from it is nothing either.
#[tokio::test]
async fn efs_is_not_claimed_when_the_plugin_is_silent() {
    let mut world = World::prepared().await;
    let socket = world.host.path(SOCKET);
    std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
    let _silent = world
        .host
        .inside(|| std::os::unix::net::UnixListener::bind(SOCKET))
        .unwrap()
        .unwrap();
    world.start();
    let seen = world
        .until("the plugin is silent", PATIENCE, |snapshot| {
            snapshot.ready() && snapshot.volumes.plugin == "silent"
        })
        .await;
    assert!(
        seen.volumes
            .why
            .is_some_and(|why| why.contains("no answer within"))
    );
    assert_eq!(world.agent_environment().await.get(CLAIM), None);
}
