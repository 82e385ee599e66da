//! How things are done to a host.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::scene::{CONTROL, Scene};
use crate::table::{Act, START};
use crate::unit::Supervisor;

/// Where a fault puts dockerd's socket, so that something else can be in its place.
pub const SOCKET_ASIDE: &str = "/run/docker.sock.aside";
/// The agent's grace, and what the supervisor may take beside it.
const STOP: Duration = Duration::from_secs(12);

/// Does it, and returns when it acts.
pub async fn act(scene: &mut Scene, act: &Act) -> Result<()> {
    match act {
        Act::Nothing => Ok(()),
        Act::All(acts) => {
            for act in *acts {
                Box::pin(self::act(scene, act)).await?;
            }
            Ok(())
        }
        Act::Host(script) => on_host(scene, script).await.map(drop),
        Act::Meanwhile(script) => {
            let mut command = shell(scene, script);
            command.kill_on_drop(true).process_group(0);
            scene.meanwhile = Some(scene.host.inside(|| command.spawn())??);
            Ok(())
        }
        Act::Agent(control) => Ok(std::fs::write(scene.host.path(CONTROL), control)?),
        Act::Metadata(faults) => {
            let control = scene.metadata_control();
            let script = format!(
                "curl --silent --show-error --fail --retry 20 --retry-delay 1 --retry-connrefused \
                    --unix-socket {} -X PUT http://lab/faults -d '{faults}'",
                control.display()
            );
            on_host(scene, &script).await.map(drop)
        }
        Act::FakeEngine(fake) => {
            on_host(scene, "mv /run/docker.sock /run/docker.sock.aside").await?;
            let socket = scene.host.path("/run/docker.sock");
            scene.fake_engine = Some(crate::fake_engine::serve(&socket, *fake)?);
            Ok(())
        }
        Act::RealEngine => {
            scene.fake_engine = None;
            on_host(scene, PUT_BACK).await.map(drop)
        }
        Act::Signal(signal) => scene.unit.signal(*signal),
        Act::Start => scene.unit.start().await,
        Act::Stop => stop(scene).await,
        Act::Await(phase, reason) => {
            let wanted = (*phase, *reason);
            scene
                .until(&format!("{phase} {reason:?}"), START * 2, |seen| {
                    seen.now()
                        .is_some_and(|health| (health.phase, health.reason) == wanted)
                })
                .await
        }
    }
}

/// Puts dockerd's socket back. A dockerd that was started meanwhile has made one of its own.
pub const PUT_BACK: &str = "
[ -e /run/docker.sock.aside ] || exit 0
if curl --silent --max-time 2 --unix-socket /run/docker.sock http://docker/_ping; then
    rm /run/docker.sock.aside
else
    rm -rf /run/docker.sock
    mv /run/docker.sock.aside /run/docker.sock
fi";

fn shell(scene: &Scene, script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-euc", script])
        .env("HOLD_DOCKERD", scene.directory.path().join("no-dockerd"))
        .env(
            "HOLD_CONTAINERS",
            scene.directory.path().join("no-container"),
        )
        .env("TARBALL", scene.tarball())
        .env("ECS_NANNY", scene.program())
        .env("NANNY", scene.process().unwrap_or_default().to_string())
        .stdin(std::process::Stdio::null());
    command
}

/// Runs a script that has to succeed; what it prints.
pub async fn on_host(scene: &Scene, script: &str) -> Result<String> {
    let mut command = shell(scene, script);
    command.kill_on_drop(true);
    command.stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    let child = scene.host.inside(|| command.spawn())??;
    let output = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output())
        .await
        .with_context(|| format!("{script} took a minute"))??;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{script}: {}: {}", output.status, errors.trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Stops the supervisor and looks at what it left behind.
async fn stop(scene: &mut Scene) -> Result<()> {
    let asked = SystemTime::now();
    let took = scene.unit.stop().await?;
    scene.stopped_at = Some((asked, took));
    if matches!(scene.supervisor, Supervisor::Command(_)) {
        return Ok(());
    }
    if took > scene.allow(STOP) {
        scene.wrong(format!("it took {took:.1?} to stop"));
    }
    let agents = crate::look::agents(&scene.host.path("/proc"));
    if !agents.is_empty() {
        scene.wrong(format!("the agent runs on after the stop: {agents:?}"));
    }
    let rules = scene.rules().await?;
    if !rules.is_empty() {
        scene.wrong(format!("rules are left after the stop: {rules:?}"));
    }
    Ok(())
}
