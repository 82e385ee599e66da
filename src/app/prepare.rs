//! `ecs-nanny prepare`: what `ecs-nanny-prepare.service` runs before the engine starts.

use std::time::Duration;

use anyhow::Context;

use crate::apply::preparation::{self, PREPARED, Prepared};
use crate::exit::Exit;
use crate::facts::{self, DAEMON_JSON, Facts};
use crate::host::files::Root;
use crate::host::{program, systemd, volumes};
use crate::plan;
use crate::settings::{Loaded, Settings, Storage};
use crate::telemetry::message;

/// How long the mount of a data volume is awaited; its disk may be gone.
const MOUNTED: Duration = Duration::from_secs(30);

pub(super) fn prepare() -> anyhow::Result<Exit> {
    let root = Root::host();
    anyhow::ensure!(
        nix::unistd::geteuid().is_root(),
        "ecs-nanny prepare needs root: it writes Docker's configuration and mounts volumes"
    );
    let loaded = match super::settings(&root) {
        Ok(loaded) => loaded,
        Err(error) => {
            super::run::record(&crate::settings::Log::default());
            for problem in &error.problems {
                tracing::error!(MESSAGE_ID = message::SETTINGS_BAD, "{}", problem.sentence());
            }
            return Ok(Exit::BadSettings);
        }
    };
    super::run::record(&loaded.settings.log);
    let prepared = super::runtime()?.block_on(prepared(&root, &loaded));
    prepared.write().context(PREPARED)?;
    if prepared.done.is_empty() && !prepared.failed() {
        tracing::info!("nothing to prepare");
    }
    Ok(match prepared.failed() {
        true => Exit::Failed,
        false => Exit::Done,
    })
}

async fn prepared(root: &Root, loaded: &Loaded) -> Prepared {
    let mut found = facts::read(root);
    await_mounts(root, &loaded.settings.storage).await;
    look_closer(root, &loaded.settings, &mut found).await;
    let plan = plan::build(&loaded.settings, &found);
    preparation::prepare(&loaded.settings, &plan).await
}

/// Mounts of fstab that may fail (`nofail`, as volumes of an instance should be) are not awaited by `local-fs.target`, after
/// which the preparation runs. Not over D-Bus: the system bus comes later.
async fn await_mounts(root: &Root, storage: &Storage) {
    if !systemd::is_here(root) {
        return;
    }
    for place in &storage.grow {
        // A path is the name of its mount, systemctl(1).
        let mounted = program::run("systemctl", &["start", place], "", MOUNTED).await;
        if let Err(error) = mounted {
            tracing::debug!("{place} is not mounted: {error}");
        }
    }
}

/// What the preparation is decided from beside the usual facts.
pub(super) async fn look_closer(root: &Root, settings: &Settings, facts: &mut Facts) {
    with_whole_daemon_json(root, facts);
    let storage = &settings.storage;
    if root.is_host() && !(storage.instance_store.is_empty() && storage.grow.is_empty()) {
        volumes::settle().await;
        facts.host.volumes = facts::volumes(root).await;
    }
}

/// Facts leave passwords out of Docker's configuration; what is merged and written back must have them.
fn with_whole_daemon_json(root: &Root, facts: &mut Facts) {
    if let Some(text) = root.line(DAEMON_JSON) {
        facts.host.texts.insert(DAEMON_JSON.to_owned(), text);
    }
}
