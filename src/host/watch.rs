//! Files watched for changes, by inotify on their directories: an editor's rename and a file that does not exist yet are
//! both seen.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use inotify::{EventMask, EventStream, Inotify, WatchMask};

/// Files (and directories' settings files) that are watched.
pub struct Watch {
    events: EventStream<[u8; 4096]>,
    /// Names of the files.
    names: BTreeSet<OsString>,
    directories: BTreeSet<PathBuf>,
    /// Names of directories that don't exist, on the way to those that are watched.
    absent: BTreeSet<OsString>,
}

impl Watch {
    /// Watches files by path, and every settings file (`*.toml`) in the given directories. A directory that does not
    /// exist is watched as soon as it does.
    ///
    /// # Errors
    /// Those of inotify(7), the limit of instances among them.
    pub fn new(files: &[PathBuf], directories: &[PathBuf]) -> io::Result<Self> {
        let mut watch = Watch {
            events: Inotify::init()?.into_event_stream([0; 4096])?,
            names: files
                .iter()
                .filter_map(|file| file.file_name().map(OsString::from))
                .collect(),
            directories: files
                .iter()
                .filter_map(|file| file.parent().map(Path::to_owned))
                .chain(directories.iter().cloned())
                .collect(),
            absent: BTreeSet::new(),
        };
        watch.watch_directories()?;
        Ok(watch)
    }

    /// Waits for a change of one of the files, or of a directory on the way to it.
    pub async fn changed(&mut self) {
        while let Some(event) = self.events.next().await {
            let Ok(event) = event else { return };
            let name = event.name.as_deref();
            if event.mask.contains(EventMask::IGNORED)
                || name.is_some_and(|name| self.absent.contains(name))
            {
                if let Err(error) = self.watch_directories() {
                    tracing::warn!("changed files may go unseen: {error}");
                }
                return;
            }
            if name.is_some_and(|name| self.is_watched(name)) {
                return;
            }
        }
    }

    fn is_watched(&self, name: &OsStr) -> bool {
        let bytes = name.as_encoded_bytes();
        let temporary = bytes.starts_with(b".ecs-nanny-");
        !temporary && (self.names.contains(name) || bytes.ends_with(b".toml"))
    }

    /// Watches each directory, or the nearest above it that exists. Watching one a second time changes nothing.
    fn watch_directories(&mut self) -> io::Result<()> {
        self.absent.clear();
        for directory in &self.directories {
            let mut below = None;
            let mut nearest = directory.as_path();
            loop {
                match self.add(nearest) {
                    Err(error) if is_absent(&error) => {
                        let Some(above) = nearest.parent() else { break };
                        self.absent.extend(nearest.file_name().map(OsString::from));
                        below = Some(nearest);
                        nearest = above;
                    }
                    Err(error) => return Err(error),
                    // It may have been made just before the one above it was watched.
                    Ok(()) => match below.take() {
                        Some(directory) if directory.is_dir() => nearest = directory,
                        _ => break,
                    },
                }
            }
        }
        Ok(())
    }

    fn add(&self, directory: &Path) -> io::Result<()> {
        let mask = WatchMask::CLOSE_WRITE
            | WatchMask::MOVED_TO
            | WatchMask::MOVED_FROM
            | WatchMask::DELETE
            | WatchMask::ATTRIB
            | WatchMask::CREATE;
        self.events.watches().add(directory, mask).map(drop)
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    async fn is_told(watch: &mut Watch) -> bool {
        let told = tokio::time::timeout(Duration::from_secs(5), watch.changed());
        told.await.is_ok()
    }

    #[tokio::test]
    async fn a_file_is_seen_whose_directories_are_made_later_and_again() {
        let top = tempfile::tempdir().unwrap();
        let directory = top.path().join("etc/ecs");
        let file = directory.join("ecs.config");
        let mut watch = Watch::new(std::slice::from_ref(&file), &[]).unwrap();
        for content in ["one", "two"] {
            fs::create_dir_all(&directory).unwrap();
            assert!(is_told(&mut watch).await, "its directory was made");
            // More may be told of the same while the directories are looked for.
            while tokio::time::timeout(Duration::from_millis(50), watch.changed())
                .await
                .is_ok()
            {}
            fs::write(&file, content).unwrap();
            assert!(is_told(&mut watch).await, "the file was written");
            fs::remove_dir_all(top.path().join("etc")).unwrap();
            assert!(is_told(&mut watch).await, "it was removed");
        }
    }

    #[tokio::test]
    async fn files_of_others_are_not_told() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("ecs.config");
        let settings = [top.path().join("config.d")];
        let mut watch = Watch::new(&[file], &settings).unwrap();
        for other in ["ecs.config.swp", ".ecs-nanny-1.toml", "other"] {
            fs::write(top.path().join(other), "").unwrap();
        }
        let quiet = tokio::time::timeout(Duration::from_millis(100), watch.changed());
        assert!(quiet.await.is_err());
    }
}
