//! Settles doubtful counts: asks Docker which containers have a volume, and unmounts what nobody has.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use crate::host::docker::Docker;
use crate::telemetry::message;

use super::Plugin;
use super::doubts::{Uses, Verdict};
use super::on_host::{self, UNMOUNT};

/// The name that Docker has for this plugin.
const DRIVER: &str = "amazon-ecs-volume-plugin";
/// Until Docker has finished what it asked for.
const SETTLED: Duration = Duration::from_secs(2);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// So often; then not before Docker asks for something again. A Docker that was stopped must not be woken.
const LOOKS: u32 = 20;

/// Looks whenever a count is in doubt. It never ends. `socket` is Docker's.
pub async fn settle(plugin: Rc<Plugin>, socket: String) {
    // What the process before this one left. Docker is not asked before it asks: it may have been stopped.
    plugin
        .doubts
        .borrow_mut()
        .raise(plugin.ledger.borrow().volumes());
    let started = Instant::now();
    loop {
        plugin.doubted.notified().await;
        for _ in 0..LOOKS {
            tokio::time::sleep(SETTLED).await;
            if plugin.doubts.borrow().is_empty() {
                break;
            }
            if let Err(why) = look(&plugin, &socket, started).await {
                tracing::debug!("whether volumes are in use is not known: {why}");
            }
            // A request is news.
            let _ = tokio::time::timeout(LOOK_EVERY, plugin.doubted.notified()).await;
        }
    }
}

async fn look(plugin: &Plugin, socket: &str, started: Instant) -> Result<(), String> {
    let docker = Docker::connect(socket)
        .await
        .map_err(|error| error.to_string())?;
    let names = plugin.doubts.borrow().names();
    for name in names {
        let until = Instant::now() + UNMOUNT;
        // From here on nobody is counted: whoever was before has a container that Docker knows.
        let _turn = plugin.turn(&name, until).await?;
        let in_use = docker.volumes_in_use(DRIVER).await;
        let mut uses = Uses::default();
        for (used, runs) in in_use.map_err(|error| error.to_string())? {
            if used == name {
                uses.all += 1;
                uses.running += u32::from(runs);
            }
        }
        let volume = plugin.ledger.borrow().volume(&name).ok().cloned();
        let verdict = {
            let mut doubts = plugin.doubts.borrow_mut();
            doubts.judge(&name, volume.as_ref(), uses, started.elapsed())
        };
        if let (Verdict::Nobody, Some(volume)) = (verdict, volume) {
            tracing::warn!(
                MESSAGE_ID = message::VOLUMES_RECOVERED,
                "volume {name:?} is unmounted: no container uses it, though {} were counted",
                volume.references()
            );
            on_host::unmount(&volume.path, until).await?;
            plugin.ledger.borrow_mut().nobody_uses(&name);
            plugin.save().await?;
        }
    }
    Ok(())
}
