//! Self-update: the agent stores an image in the cache, names it in `desired-image` and exits with 42
//! (amazon-ecs-agent, `agent/acs/updater`; read by ecs-init in `cache/cache.go`).

use std::fs;
use std::io;
use std::time::{Duration, SystemTime};

use super::Wanted;
use super::cache::CACHE_DIRECTORY;
use super::findings::problem;
use super::record::{KnownImage, Origin, Record};
use super::usable::{UnusableTarball, wanted_image};
use crate::finding::{Finding, Severity};
use crate::host::files::Root;

/// Where the agent names the image that it wants.
pub const DESIRED_IMAGE_PATH: &str = "/var/cache/ecs/desired-image";
/// How the agent's downloads end.
const UPDATE_SUFFIX: &str = ".ecs-update.tar";
/// A younger file may still be in download, or staged and not asked for yet. The agent gives a download 15 minutes.
const PRUNABLE_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Why there is no image to update to.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The agent named none.
    #[error("{DESIRED_IMAGE_PATH} can't be read: {0}")]
    Unreadable(#[from] io::Error),
    /// The first line has no end: the agent was interrupted while it wrote it.
    #[error("the first line of {DESIRED_IMAGE_PATH} has no end")]
    Unterminated,
    /// The first line names no file.
    #[error("{DESIRED_IMAGE_PATH} says {0:?}, which is no file's name")]
    NoName(String),
    /// The file is a link: the agent writes none.
    #[error("{0} is a link")]
    Link(String),
    /// The tarball does not bring the wanted image.
    #[error(transparent)]
    Unusable(#[from] UnusableTarball),
}

impl UpdateError {
    /// What is to be shown; the agent goes on with the image that it has.
    pub fn finding(&self) -> Finding {
        problem(
            "agent.update",
            Severity::Recommended,
            Some(DESIRED_IMAGE_PATH),
            format!("the agent asked for an update (exit status 42), but {self}"),
            "the name of an image tarball in the cache",
            "start the agent's update anew; to forbid updates, set agent.updates = \"off\"",
        )
    }
}

/// The path of the tarball that the agent wants to run: the first line, taken as the name of a file in the cache.
///
/// # Errors
/// Why there is none.
pub fn desired_image(root: &Root) -> Result<String, UpdateError> {
    let bytes = root.read(DESIRED_IMAGE_PATH)?.bytes;
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let line = &bytes[..end.ok_or(UpdateError::Unterminated)?];
    let line = String::from_utf8_lossy(line);
    // Whatever directories it names, the file is in the cache.
    let name = line.trim().rsplit('/').next().unwrap_or_default().trim();
    if name.is_empty() || name == "." || name == ".." || name.contains('\0') {
        return Err(UpdateError::NoName(line.into_owned()));
    }
    Ok(format!("{CACHE_DIRECTORY}/{name}"))
}

/// The image that the agent wants to run, read and checked.
///
/// # Errors
/// Why there is none; the agent is then to be started with the image that it had.
pub fn candidate(root: &Root, wanted: &Wanted) -> Result<KnownImage, UpdateError> {
    let path = desired_image(root)?;
    // The agent's container can write here; a link could lead anywhere on the host.
    if root.link_target(&path).is_some() {
        return Err(UpdateError::Link(path));
    }
    let (tarball, image) = wanted_image(root, &path, wanted)?;
    Ok(tarball.known(&image, Origin::Update))
}

/// A tarball that a self-update left in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateFile {
    /// Its name in [`CACHE_DIRECTORY`].
    pub name: String,
    /// How long ago it was written.
    pub age: Duration,
}

/// The tarballs that self-updates left in the cache.
pub fn update_files(root: &Root, now: SystemTime) -> Vec<UpdateFile> {
    root.names(CACHE_DIRECTORY)
        .into_iter()
        .filter(|name| name.ends_with(UPDATE_SUFFIX))
        .filter_map(|name| {
            let path = root.path(&format!("{CACHE_DIRECTORY}/{name}"));
            let written = fs::metadata(path).ok()?.modified().ok()?;
            let age = now.duration_since(written).unwrap_or_default();
            Some(UpdateFile { name, age })
        })
        .collect()
}

/// The names of those that nobody needs any more: old, not desired, and not the tarball of an image in use or before.
pub fn prunable(files: &[UpdateFile], record: &Record, desired: Option<&str>) -> Vec<String> {
    let mut needed = record.tarballs_in_use();
    needed.extend(desired.and_then(|path| path.rsplit('/').next()));
    files
        .iter()
        .filter(|file| file.age >= PRUNABLE_AGE && file.name.ends_with(UPDATE_SUFFIX))
        .filter(|file| !needed.contains(&file.name.as_str()))
        .map(|file| file.name.clone())
        .collect()
}

#[cfg(test)]
mod tests;
