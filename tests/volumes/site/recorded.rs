//! What is mounted on the host, and what the plugin has recorded.

use std::collections::BTreeMap;
use std::fs;

use ecs_nanny::host::mounts;
use ecs_nanny::volumes::{DIRECTORY, STATE_FILE, State, Volume};

use super::Site;

/// The notes of requests that are under way.
pub const NOTES: &str = "/run/ecs-nanny/volumes.pending.json";

impl Site {
    /// The targets below the plugin's directory that are mounted, each as often as it is.
    pub fn mounted(&self) -> Vec<String> {
        let table = fs::read_to_string(format!("/proc/{}/mountinfo", self.host.pid())).unwrap();
        let targets = mounts::parse(&table).into_iter().map(|mount| mount.target);
        targets
            .filter_map(|target| {
                Some(
                    target
                        .strip_prefix(DIRECTORY)?
                        .trim_start_matches('/')
                        .to_owned(),
                )
            })
            .collect()
    }

    /// The volumes in the state file.
    pub fn recorded(&self) -> BTreeMap<String, Volume> {
        let Ok(bytes) = fs::read(self.host.path(STATE_FILE)) else {
            return BTreeMap::new();
        };
        let read = State::parse(&bytes);
        assert!(read.complaints.is_empty(), "{:?}", read.complaints);
        read.state.volumes
    }

    /// How many use a volume, by the state file.
    pub fn references(&self, volume: &str) -> u32 {
        self.recorded()[volume].references()
    }

    /// How many requests are noted as under way.
    pub fn noted(&self) -> usize {
        let Ok(notes) = fs::read(self.host.path(NOTES)) else {
            return 0;
        };
        let notes: serde_json::Value = serde_json::from_slice(&notes).unwrap();
        notes["requests"].as_array().unwrap().len()
    }

    /// Whether the plugin has written down that everything was answered; how much it has not.
    pub fn settled(&self) -> Result<(), (usize, usize)> {
        let volumes = self.recorded().into_values();
        let open = volumes.flat_map(|it| it.ours.unanswered).count();
        match (self.noted(), open) {
            (0, 0) => Ok(()),
            other => Err(other),
        }
    }

    /// Nothing is left of any volume.
    pub fn assert_nothing_left(&self) {
        assert_eq!(self.mounted(), [] as [&str; 0]);
        assert!(self.recorded().is_empty(), "{:?}", self.recorded());
        let directories = fs::read_dir(self.host.path(DIRECTORY));
        let left: Vec<_> = directories.into_iter().flatten().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
