//! The outside views of the snapshot: state file, `STATUS=`, HTTP. All rendered from the one value.

mod file;
mod http;
mod kept;
mod metrics;
mod tree;

use std::sync::Arc;

use tokio::sync::watch;

use crate::host::notify;
use crate::snapshot::{BootView, Snapshot};

pub use file::{ReadError, STATE_FILE, read};
pub use http::{SOCKET, Tcp, Unix, port_taken};
pub use kept::{TIMELINE_FILE, timeline as kept_timeline};

/// Follows the snapshot and keeps the state file and systemd's status line. Ends with the sender.
pub async fn follow(mut snapshots: watch::Receiver<Arc<Snapshot>>) {
    let mut said = String::new();
    let mut kept = None;
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
        if snapshot.boot.healthy_ms.is_some() && kept.as_ref() != Some(&snapshot.boot) {
            kept = Some(snapshot.boot.clone());
            keep(snapshot.boot.clone());
        }
        if snapshots.changed().await.is_err() {
            return;
        }
    }
}

/// Keeps a boot's time line, without waiting for the disk.
fn keep(boot: BootView) {
    tokio::task::spawn_blocking(move || {
        if let Err(error) = kept::keep(&boot) {
            tracing::warn!("{TIMELINE_FILE} could not be written: {error}");
        }
    });
}
