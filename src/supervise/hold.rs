//! An operator's hold, as a file: `ecs-nanny hold` writes it, the loop reads it when it changes.

use std::fmt;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::host::files::{Root, replace};
use crate::snapshot::Timestamp;

/// Where the hold is; `/run` forgets it at boot.
pub const HOLD: &str = "/run/ecs-nanny/hold.json";
const MODE: u32 = 0o644;

/// Hands off, until when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The end; without one it lasts until it is released or the host boots.
    pub until: Option<Timestamp>,
    /// Why.
    pub why: String,
}

impl Hold {
    /// The hold that stands; a file that is none counts as a hold that says so, since somebody meant one.
    pub fn read(root: &Root) -> Option<Hold> {
        let bytes = match root.read_if_present(HOLD) {
            Ok(None) => return None,
            Ok(Some(file)) => file.bytes,
            Err(error) => return Some(unreadable(&error)),
        };
        Some(serde_json::from_slice(&bytes).unwrap_or_else(|error| unreadable(&error)))
    }

    /// Writes it.
    ///
    /// # Errors
    /// Those of writing the file.
    pub fn write(&self) -> io::Result<()> {
        let bytes = serde_json::to_vec(self).map_err(io::Error::other)?;
        replace(Path::new(HOLD), MODE, &bytes)?;
        Ok(())
    }

    /// Takes it away; true when there was one.
    ///
    /// # Errors
    /// Those of removing the file.
    pub fn release() -> io::Result<bool> {
        match std::fs::remove_file(HOLD) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether its end has come.
    pub fn over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.until {
            Some(until) => write!(f, "held until {until}: {}", self.why),
            None => write!(f, "held until it is released: {}", self.why),
        }
    }
}

fn unreadable(error: &dyn fmt::Display) -> Hold {
    Hold {
        until: None,
        why: format!("{HOLD} can't be read ({error}); ecs-nanny release removes it"),
    }
}
