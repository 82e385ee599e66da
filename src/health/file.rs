//! The state file, for readers that can only read files.

use std::io;
use std::path::Path;

use crate::host::files;
use crate::snapshot::Snapshot;

/// Where the document is.
pub const STATE_FILE: &str = "/run/ecs-nanny/health.json";
/// Readable by everyone: there is nothing secret in it.
const MODE: u32 = 0o644;

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No file: the daemon has not run since boot.
    #[error(
        "there is no {STATE_FILE}: ecs-nanny has not run since boot; to see why: systemctl status ecs-nanny"
    )]
    Absent,
    /// It could not be read.
    #[error("{STATE_FILE} could not be read: {0}")]
    Unreadable(io::Error),
    /// It is not a document of ours.
    #[error("{STATE_FILE} is not a health document: {0}")]
    NotADocument(serde_json::Error),
}

pub(super) fn write(snapshot: &Snapshot) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(snapshot).map_err(io::Error::other)?;
    bytes.push(b'\n');
    files::replace(Path::new(STATE_FILE), MODE, &bytes)?;
    Ok(())
}

/// The document that the daemon wrote last. Whoever reads it looks at [`Snapshot::expired`] before believing it.
///
/// # Errors
/// [`ReadError`].
pub fn read() -> Result<Snapshot, ReadError> {
    let bytes = std::fs::read(STATE_FILE).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ReadError::Absent,
        _ => ReadError::Unreadable(error),
    })?;
    serde_json::from_slice(&bytes).map_err(ReadError::NotADocument)
}
