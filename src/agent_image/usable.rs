//! A tarball that brings the wanted image, read and checked.

use super::manifest::{ArchivedImage, Tarball, TarballError, read_tarball};
use super::{Unsuitable, Wanted};
use crate::host::files::Root;

/// Why a tarball does not bring the wanted image.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {why}")]
pub struct UnusableTarball {
    /// Its path.
    pub path: String,
    /// Why.
    pub why: Unusable,
}

/// What is wrong with a tarball.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It can't be used.
    #[error(transparent)]
    Tarball(#[from] TarballError),
    /// It holds another image.
    #[error(transparent)]
    Image(#[from] Unsuitable),
}

/// Reads the tarball at `path` of the tree, and the wanted image in it.
///
/// # Errors
/// [`UnusableTarball`].
pub fn wanted_image(
    root: &Root,
    path: &str,
    wanted: &Wanted,
) -> Result<(Tarball, ArchivedImage), UnusableTarball> {
    let read = || -> Result<_, Unusable> {
        let tarball = read_tarball(root, path)?;
        let image = tarball.image(wanted)?.clone();
        Ok((tarball, image))
    };
    read().map_err(|why| UnusableTarball {
        path: path.to_owned(),
        why,
    })
}
