//! The outside views of the snapshot: state file, `STATUS=`, HTTP. All rendered from the one value.

mod file;
mod http;
pub mod people;

use std::sync::Arc;

use tokio::sync::watch;

use crate::host::notify;
use crate::snapshot::Snapshot;

pub use file::{ReadError, STATE_FILE, read};
pub use http::{SOCKET, Tcp, Unix};

/// Follows the snapshot and keeps the state file and systemd's status line. Ends with the sender.
pub async fn follow(mut snapshots: watch::Receiver<Arc<Snapshot>>) {
    let mut said = String::new();
    loop {
        let snapshot = snapshots.borrow_and_update().clone();
        // `/run` is memory: this write does not wait for a disk.
        if let Err(error) = file::write(&snapshot) {
            tracing::warn!("{STATE_FILE} could not be written: {error}");
        }
        let line = snapshot.line();
        if line != said {
            notify::status(&line);
            said = line;
        }
        if snapshots.changed().await.is_err() {
            return;
        }
    }
}
