//! `ecs-nanny volumes`.

use std::path::Path;
use std::rc::Rc;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

use crate::exit::Exit;
use crate::host::files::Root;
use crate::host::{activation, lock, notify};
use crate::settings::Settings;
use crate::telemetry::message;
use crate::volumes::{self, Plugin};

/// Held by the one process that mounts volumes.
const LOCK: &str = "/run/ecs-nanny/volumes.lock";
/// For root, as Docker is.
const SOCKET_MODE: u32 = 0o600;

pub(super) fn volumes() -> anyhow::Result<Exit> {
    let settings = match super::settings(&Root::host()) {
        Ok(loaded) => {
            super::run::record(&loaded.settings.log);
            loaded.settings
        }
        Err(error) => {
            let settings = Settings::default();
            super::run::record(&settings.log);
            // Volumes have no settings of their own: no reason for tasks to go without.
            tracing::warn!(MESSAGE_ID = message::SETTINGS_BAD, "bad settings: {error}");
            settings
        }
    };
    anyhow::ensure!(
        nix::unistd::geteuid().is_root(),
        "ecs-nanny volumes needs root: it mounts"
    );
    let _lock = lock::acquire(Path::new(LOCK)).context("another ecs-nanny volumes runs")?;
    LocalSet::new().block_on(&super::runtime()?, serve(settings.engine.socket))?;
    Ok(Exit::Done)
}

async fn serve(docker: String) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let plugin = Rc::new(Plugin::open().await?);
    let listener = activation::unix_listener(Path::new(volumes::SOCKET), SOCKET_MODE)
        .with_context(|| volumes::SOCKET)?;
    notify::ready();
    tracing::info!(
        MESSAGE_ID = message::VOLUMES_SERVED,
        "volumes are mounted for Docker on {}; {} are known",
        volumes::SOCKET,
        plugin.volumes()
    );
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        notify::stopping();
    };
    volumes::serve(plugin, listener, docker, stop).await?;
    Ok(())
}
