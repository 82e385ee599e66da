//! What a process that starts makes of the state that it finds: pure, from the state file and the table of mounts.

use std::collections::BTreeMap;

use crate::host::mounts::Mount;

use super::ledger::Ledger;
use super::state::{Change, Ours, Read, State, Volume};
use super::{DIRECTORY, STATE_FILE};

/// The mount id that stands for everybody who uses a volume that was found mounted without any state. Nobody unmounts it,
/// so the volume stays mounted until it is removed, which Docker does only when no container has it.
const UNKNOWN_USERS: &str = "found-mounted";

/// What is to be done before requests are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The volumes.
    pub ledger: Ledger,
    /// Volumes that were being mounted when the process before this one ended, by name and target: whatever mounts them
    /// is ended, and what is mounted is unmounted.
    pub half_mounted: Vec<(String, String)>,
    /// The state file goes out of the way, for these reasons.
    pub aside: Vec<String>,
    /// Records for people.
    pub notes: Vec<String>,
}

/// Decides it. `file` is `None` where there is no state file.
pub fn recover(file: Option<&[u8]>, mounts: &[Mount], now: &str) -> Recovery {
    let Read {
        mut state,
        complaints,
    } = file.map_or(
        Read {
            state: State::default(),
            complaints: Vec::new(),
        },
        State::parse,
    );
    let mut notes = Vec::new();
    let mut half_mounted = Vec::new();
    for (name, volume) in &mut state.volumes {
        let mounted = mounts.iter().any(|mount| mount.target == volume.path);
        let in_use = volume.references();
        if volume.ours.mounting {
            half_mounted.push((name.clone(), volume.path.clone()));
            notes.push(format!(
                "volume {name:?} was being mounted; it is unmounted"
            ));
        } else if !mounted && in_use > 0 {
            notes.push(format!(
                "volume {name:?} is not mounted: nobody uses it, though {in_use} were counted"
            ));
        }
        if volume.ours.mounting || !mounted {
            volume.mounts.clear();
            let unanswered = &mut volume.ours.unanswered;
            unanswered.retain(|it| it.change == Change::Unmount);
        }
        volume.ours.mounting = false;
    }
    if file.is_none() || !complaints.is_empty() {
        let rebuilt = rebuilt(&state.volumes, mounts, now);
        let names = rebuilt.iter().map(|(name, _)| {
            format!(
                "volume {name:?} is mounted and not in {STATE_FILE}; it is kept until it is removed"
            )
        });
        notes.extend(names);
        state.volumes.extend(rebuilt);
    }
    Recovery {
        ledger: Ledger::new(state),
        half_mounted,
        aside: complaints,
        notes,
    }
}

/// What is mounted directly below our directory and not known.
fn rebuilt(known: &BTreeMap<String, Volume>, mounts: &[Mount], now: &str) -> Vec<(String, Volume)> {
    let mut found: Vec<(String, Volume)> = Vec::new();
    for mount in mounts {
        let name = mount.target.strip_prefix(DIRECTORY);
        let Some(name) = name.and_then(|rest| rest.strip_prefix('/')) else {
            continue;
        };
        let is_known = known.values().any(|volume| volume.path == mount.target)
            || known.contains_key(name)
            || found.iter().any(|(found, _)| found == name);
        if is_known || name.is_empty() || name.contains('/') {
            continue;
        }
        let volume = Volume {
            path: mount.target.clone(),
            options: BTreeMap::from([("device".to_owned(), mount.source.clone())]),
            created_at: now.to_owned(),
            mounts: BTreeMap::from([(UNKNOWN_USERS.to_owned(), 1)]),
            ours: Ours {
                rebuilt: true,
                ..Ours::default()
            },
            ..Volume::default()
        };
        found.push((name.to_owned(), volume));
    }
    found
}
