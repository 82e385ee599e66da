//! Kills the plugin at a moment of its work.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use ecs_nanny::volumes::STATE_FILE;
use inotify::{Inotify, WatchMask};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::site::{NOTES, Site};

/// Kills the plugin as soon as its files, notes and state, have been replaced so many times more; until it is disarmed.
pub struct Trap {
    end: PathBuf,
    watcher: thread::JoinHandle<bool>,
}

impl Trap {
    /// Begins to count.
    pub fn set(site: &Site, write: usize) -> Self {
        let mut inotify = Inotify::init().unwrap();
        let mut names = Vec::new();
        for file in [NOTES, STATE_FILE] {
            let file = site.host.path(file);
            let directory = file.parent().unwrap();
            fs::create_dir_all(directory).unwrap();
            let mut watches = inotify.watches();
            watches.add(directory, WatchMask::MOVED_TO).unwrap();
            names.push(file.file_name().unwrap().to_owned());
        }
        let end = site.host.path(NOTES).with_file_name("trap");
        let plugin = Pid::from_raw(site.plugin_pid().cast_signed());
        let watcher = thread::spawn(move || {
            let mut buffer = [0; 4096];
            let mut seen = 0;
            loop {
                for event in inotify.read_events_blocking(&mut buffer).unwrap() {
                    let name = event.name.unwrap();
                    seen += usize::from(names.iter().any(|it| it == name));
                    if seen == write {
                        kill(plugin, Signal::SIGKILL).unwrap();
                        return true;
                    }
                    if name == "trap" {
                        return false;
                    }
                }
            }
        });
        Trap { end, watcher }
    }

    /// Whether it has killed.
    pub fn has_sprung(&self) -> bool {
        self.watcher.is_finished()
    }

    /// Takes it away. Whether it has killed.
    pub fn disarm(self) -> bool {
        // The watcher sees this too.
        let new = self.end.with_extension("new");
        fs::write(&new, "").unwrap();
        fs::rename(&new, &self.end).unwrap();
        self.watcher.join().unwrap()
    }
}

/// What Docker 20.10.24 sends when the connection broke before the answer to a call.
pub fn repetition(call: &str) -> Vec<u8> {
    let recorded = Path::new("tests/fixtures/volumes/docker-20.10.24-cut");
    fs::read(recorded.join(format!("{call}-repeated.http"))).unwrap()
}
