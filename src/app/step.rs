//! `ecs-nanny step NAME`: what `ecs-nanny-step@NAME.service` runs, outside the daemon's sandbox.

use std::time::Duration;

use anyhow::Context;

use crate::apply::apparmor::{self, Loading};
use crate::apply::gpu::write_inventory;
use crate::cli::args::{ImageFetchArgs, Step};
use crate::exit::Exit;
use crate::facts::GPU_INVENTORY;
use crate::health;
use crate::host::files::Root;

/// How long fetching the agent's image may take; less than the unit's own deadline.
const FETCH: Duration = Duration::from_secs(10 * 60);

pub(super) fn step(step: Step) -> anyhow::Result<Exit> {
    match step {
        Step::Apparmor => load_profile(),
        Step::Fetch => super::image::fetch(ImageFetchArgs {
            timeout: FETCH,
            ..ImageFetchArgs::default()
        }),
        Step::Command => run_command(),
        Step::Gpu => list_gpus(),
    }
}

/// Tells the user's command where the host stands: `NANNY_PHASE`, `NANNY_REASON` (empty where there is none), `NANNY_DETAIL`.
fn run_command() -> anyhow::Result<Exit> {
    let settings = super::settings(&Root::host())?.settings;
    let Some((program, arguments)) = settings.acting.command.split_first() else {
        anyhow::bail!("acting.command is not set");
    };
    let snapshot = health::read()?;
    let reason = snapshot.reason.map(|reason| reason.to_string());
    let status = std::process::Command::new(program)
        .args(arguments)
        .env("NANNY_PHASE", snapshot.phase.word())
        .env("NANNY_REASON", reason.unwrap_or_default())
        .env("NANNY_DETAIL", &snapshot.detail)
        .stdin(std::process::Stdio::null())
        .status()
        .with_context(|| format!("{program} could not be run"))?;
    anyhow::ensure!(status.success(), "{program} ended with {status}");
    Ok(Exit::Done)
}

fn load_profile() -> anyhow::Result<Exit> {
    let container = std::env::var("container").ok();
    let root = Root::host();
    let loading = apparmor::load_profile(&root, container.as_deref());
    let told = match super::runtime()?.block_on(loading)? {
        Loading::Loaded => "the profile is loaded".to_owned(),
        Loading::AlreadyLoaded => "the profile was loaded already".to_owned(),
        Loading::NotHere(why) => format!("nothing to load: {why}"),
    };
    super::print(&format!("{}: {told}", apparmor::DEFAULT_PROFILE));
    Ok(Exit::Done)
}

fn list_gpus() -> anyhow::Result<Exit> {
    let (inventory, failed) = write_inventory(&Root::host())?;
    for line in failed {
        eprintln!("not in {GPU_INVENTORY}: {line}");
    }
    super::print(&format!(
        "{GPU_INVENTORY}: {}, driver {}",
        inventory.gpu_ids.join(" "),
        inventory.driver_version
    ));
    Ok(Exit::Done)
}
