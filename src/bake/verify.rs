//! Whether a tarball is the agent's image that is wanted.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::agent_image::{ArchivedImage, Tarball, UnusableTarball, Wanted, wanted_image};
use crate::host::files::Root;

/// Why a tarball is refused.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It does not bring the wanted image.
    #[error(transparent)]
    Unusable(#[from] UnusableTarball),
    /// Its digest is another.
    #[error("{path} has the SHA-256 {found}, {by} is {wanted}")]
    Digest {
        /// Its path.
        path: String,
        /// Its digest, in hexadecimal.
        found: String,
        /// The digest that it should have.
        wanted: String,
        /// Who says so.
        by: String,
    },
    /// It can't be read.
    #[error("{path}: {error}")]
    Io {
        /// Its path.
        path: String,
        /// The system's reason.
        error: io::Error,
    },
}

/// The SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// Those of reading it.
pub fn digest(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0_u8; 1 << 16];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        digest.update(&buffer[..read]);
    }
    Ok(digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Reads the tarball at `path` of the tree. `sha256` is the digest that it must have, with who says so.
///
/// # Errors
/// [`VerifyError`].
pub fn verify(
    root: &Root,
    path: &str,
    wanted: &Wanted,
    sha256: Option<(&str, &str)>,
) -> Result<(Tarball, ArchivedImage, String), VerifyError> {
    let (tarball, image) = wanted_image(root, path, wanted)?;
    let found = digest(&root.path(path)).map_err(|error| VerifyError::Io {
        path: path.to_owned(),
        error,
    })?;
    if let Some((wanted, by)) = sha256.filter(|(wanted, _)| !wanted.eq_ignore_ascii_case(&found)) {
        return Err(VerifyError::Digest {
            path: path.to_owned(),
            found,
            wanted: wanted.to_owned(),
            by: by.to_owned(),
        });
    }
    Ok((tarball, image, found))
}
