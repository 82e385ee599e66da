//! The file of [`Notes`]. It lies in `/run`: whoever repeats a request has ended when the machine is started again.

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::host::boot;
use crate::host::files::{self, Root};
use crate::telemetry::message;

use super::notes::Notes;
use super::on_host;

/// The requests that are under way.
const FILE: &str = "/run/ecs-nanny/volumes.pending.json";
/// Options of a volume may say where credentials are had.
const MODE: u32 = 0o600;

/// The notes of this process and of the one before it.
pub struct Notebook {
    notes: RefCell<Notes>,
    writing: Mutex<()>,
    /// Whether the notes of the process before this one could be read.
    pub is_whole: bool,
}

impl Notebook {
    /// Takes over the notes of the process before this one; a file that can't be read is kept beside the new one.
    pub fn open() -> Self {
        let notes = match Root::host().read_if_present(FILE) {
            Ok(None) => Ok(Notes::default()),
            Ok(Some(file)) => Notes::inherit(&file.bytes, now()),
            Err(error) => Err(error.to_string()),
        };
        let is_whole = notes.is_ok();
        let notes = notes.unwrap_or_else(|why| {
            on_host::put_aside(FILE, &why);
            Notes::default()
        });
        Notebook {
            notes: RefCell::new(notes),
            writing: Mutex::default(),
            is_whole,
        }
    }

    /// Looks at the notes.
    pub fn read<T>(&self, look: impl FnOnce(&Notes) -> T) -> T {
        look(&self.notes.borrow())
    }

    /// Changes the notes, and nothing in the file.
    pub fn mark<T>(&self, change: impl FnOnce(&mut Notes) -> T) -> T {
        change(&mut self.notes.borrow_mut())
    }

    /// Changes the notes and writes them. Where that fails requests are served all the same: what is lost is that a
    /// repetition is understood.
    pub async fn write<T>(&self, change: impl FnOnce(&mut Notes, Duration) -> T) -> T {
        let changed = change(&mut self.notes.borrow_mut(), now());
        let _order = self.writing.lock().await;
        let rendered = self.notes.borrow().render();
        let written = match rendered {
            Ok(bytes) => {
                let write = move || files::replace(Path::new(FILE), MODE, &bytes);
                let written = tokio::task::spawn_blocking(write).await;
                written.map_err(std::io::Error::other).flatten().map(drop)
            }
            Err(error) => Err(error.into()),
        };
        if let Err(error) = written {
            tracing::warn!(
                MESSAGE_ID = message::VOLUME_FAILED,
                "{FILE} can't be written: {error}"
            );
        }
        changed
    }
}

fn now() -> Duration {
    boot::kernel_age().unwrap_or_default()
}
