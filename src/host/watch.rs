//! Files watched for changes, by inotify on their directories: an editor's rename and a file that does not exist yet are
//! both seen.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use inotify::{EventStream, Inotify, WatchMask};

/// Files (and directories' whole contents) that are watched.
pub struct Watch {
    events: EventStream<[u8; 4096]>,
    names: BTreeSet<OsString>,
}

impl Watch {
    /// Watches files by path, and every file in the given directories. Directories that don't exist are passed over.
    ///
    /// # Errors
    /// Those of inotify(7), the limit of instances among them.
    pub fn new(files: &[PathBuf], directories: &[PathBuf]) -> io::Result<Self> {
        let inotify = Inotify::init()?;
        let mut names = BTreeSet::new();
        let mut watched: BTreeSet<&Path> = BTreeSet::new();
        for file in files {
            names.extend(file.file_name().map(OsString::from));
            watched.extend(file.parent());
        }
        watched.extend(directories.iter().map(PathBuf::as_path));
        let mask = WatchMask::CLOSE_WRITE
            | WatchMask::MOVED_TO
            | WatchMask::MOVED_FROM
            | WatchMask::DELETE
            | WatchMask::ATTRIB
            | WatchMask::CREATE;
        for directory in watched {
            match inotify.watches().add(directory, mask) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Watch {
            events: inotify.into_event_stream([0; 4096])?,
            names,
        })
    }

    /// Waits for a change of one of the files; `all` names of a watched directory count where `all` is true.
    pub async fn changed(&mut self) {
        while let Some(event) = self.events.next().await {
            let Ok(event) = event else { return };
            let temporary = event
                .name
                .as_ref()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(b".ecs-nanny-"));
            let toml = event
                .name
                .as_ref()
                .is_some_and(|name| name.as_encoded_bytes().ends_with(b".toml"));
            let named = event
                .name
                .as_ref()
                .is_some_and(|name| self.names.contains(name));
            if !temporary && (named || toml) {
                return;
            }
        }
    }
}
