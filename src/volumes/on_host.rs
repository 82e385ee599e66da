//! What is done on the host for a volume: its directory, its mount.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::host::files::Root;
use crate::host::mounts;
use crate::telemetry::message;

use super::DIRECTORY;
use super::name::Device;

/// How long unmounting or removing may take. Docker asks for no longer than a minute.
pub const UNMOUNT: Duration = Duration::from_secs(45);
/// As ecs-init's: for nobody but root.
const DIRECTORY_MODE: u32 = 0o700;
/// The package that brings the programs which mount both types.
const HELPERS: &str = "amazon-efs-utils";

/// Whether there is a program that mounts this.
///
/// # Errors
/// There is none, and what to install.
pub fn can_mount(device: &Device<'_>) -> Result<(), String> {
    let fs_type = device.fs_type;
    match mounts::helper(&Root::host(), fs_type) {
        Some(_) => Ok(()),
        None => Err(format!(
            "there is no mount.{fs_type} on this host; install {HELPERS}"
        )),
    }
}

/// Mounts. Only a mount that is there, by a helper that says so, is one; of any other nothing is left.
///
/// # Errors
/// Why it can't be mounted.
pub async fn mount(device: &Device<'_>, path: &str, until: Instant) -> Result<(), String> {
    make_directory(path)?;
    let left = until.saturating_duration_since(Instant::now());
    let Device {
        fs_type,
        options,
        device,
    } = device;
    let why = match mounts::mount(fs_type, *options, device, path, left).await {
        Ok(()) if is_mounted(path)? => return Ok(()),
        Ok(()) => format!("mount ended well, and nothing is mounted at {path}"),
        Err(error) => error.to_string(),
    };
    // A helper may have left its process group.
    mounts::end_abandoned(path).await;
    match unmount(path, Instant::now() + UNMOUNT).await {
        Ok(()) => Err(why),
        Err(more) => Err(format!("{why}; {more}")),
    }
}

/// Unmounts whatever is mounted at a target, however often.
///
/// # Errors
/// Why something is still mounted there.
pub async fn unmount(path: &str, until: Instant) -> Result<(), String> {
    /// More were never mounted over each other.
    const LAYERS: u32 = 16;
    for _ in 0..LAYERS {
        if !is_mounted(path)? {
            return Ok(());
        }
        let left = until.saturating_duration_since(Instant::now());
        if let Err(error) = mounts::unmount_lazily(path, left).await
            && is_mounted(path)?
        {
            return Err(format!("it can't be unmounted: {error}"));
        }
    }
    Err(format!("something goes on mounting at {path}"))
}

/// By the kernel's table: looking at the directory itself would ask a server that may be gone.
///
/// # Errors
/// The table can't be read.
pub fn is_mounted(path: &str) -> Result<bool, String> {
    let table = mounts::table().map_err(|error| format!("the mounts can't be read: {error}"))?;
    Ok(table.iter().any(|mount| mount.target == path))
}

fn make_directory(path: &str) -> Result<(), String> {
    DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(path)
        .map_err(|error| format!("{path} can't be made: {error}"))
}

/// Keeps a file that can't be read beside the new one.
pub fn put_aside(file: &str, why: &str) {
    let moment = humantime::format_rfc3339_seconds(SystemTime::now());
    let aside = format!("{file}.unreadable-{moment}");
    tracing::warn!(
        MESSAGE_ID = message::VOLUMES_RECOVERED,
        "{file} can't be read, and is kept as {aside}: {why}"
    );
    if let Err(error) = fs::rename(file, &aside) {
        tracing::warn!(MESSAGE_ID = message::VOLUMES_RECOVERED, "{aside}: {error}");
    }
}

/// Removes a volume's directory, if it is ours and empty: a file in it was written while nothing was mounted there.
pub fn remove_directory(path: &str) {
    if Path::new(path).parent() != Some(Path::new(DIRECTORY)) {
        return;
    }
    match fs::remove_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(MESSAGE_ID = message::VOLUME_FAILED, "{path} stays: {error}");
        }
        _ => {}
    }
}
