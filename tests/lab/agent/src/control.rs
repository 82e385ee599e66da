//! How the agent shall misbehave: `lab.json` in its data directory, read at the start and once a second.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::log;

const REREAD: Duration = Duration::from_secs(1);

/// The content of `lab.json`. An empty object is an agent that behaves.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Control {
    /// End with this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<u8>,
    /// … this long after the start or after this file changed, whichever is later.
    pub after_ms: u64,
    /// … only so many times: each end takes one off in the file, at 0 `exit` acts no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// … with this on stderr.
    pub stderr: String,
    /// Register this long after the start.
    pub register_after_ms: u64,
    /// Never register.
    pub never_register: bool,
    /// Serve introspection before being registered, with a null ARN. (The real agent opens its port after it registered.)
    pub listen_unregistered: bool,
    /// Accept connections and never answer.
    pub hang: bool,
    /// Answer with this HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Answer 200 with bytes that are not JSON.
    pub garbage: bool,
    /// Hold no connection.
    pub disconnect: bool,
    /// Go on after SIGTERM.
    pub ignore_sigterm: bool,
    /// What `/v1/tasks` lists.
    pub tasks: Vec<serde_json::Value>,
}

impl Control {
    /// The file's wishes over the image's (`LAB_AGENT_EXIT`, `LAB_AGENT_EXIT_AFTER_MS` in its environment).
    fn read(path: &Path) -> io::Result<Self> {
        let mut control: Control = match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Control::default(),
            Err(error) => return Err(error),
        };
        if control.exit.is_none() {
            control.exit = number_from_environment("LAB_AGENT_EXIT");
            control.after_ms = number_from_environment("LAB_AGENT_EXIT_AFTER_MS").unwrap_or(0);
        }
        Ok(control)
    }

    /// How long after the start or the change to end, and with what status.
    fn end(&self) -> Option<(Duration, u8)> {
        match self.exit {
            Some(status) if self.times != Some(0) => {
                Some((Duration::from_millis(self.after_ms), status))
            }
            _ => None,
        }
    }

    /// Counts one commanded end in the file and says what it shall say.
    fn spend(&mut self, path: &Path) -> io::Result<()> {
        if !self.stderr.is_empty() {
            eprintln!("{}", self.stderr);
        }
        if let Some(times) = &mut self.times {
            *times = times.saturating_sub(1);
            let next = path.with_extension("next");
            std::fs::write(&next, serde_json::to_vec(self)?)?;
            std::fs::rename(next, path)?;
        }
        Ok(())
    }
}

fn number_from_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

/// The file, and a channel with what it says now.
pub struct Watcher {
    path: PathBuf,
    current: watch::Sender<Control>,
    since: Instant,
}

impl Watcher {
    /// Reads the file for the first time.
    pub fn new(data_directory: &Path) -> Self {
        let path = data_directory.join("lab.json");
        let first = Control::read(&path).unwrap_or_else(|error| {
            log::warn(&format!("{}: {error}", path.display()));
            Control::default()
        });
        Watcher {
            path,
            current: watch::Sender::new(first),
            since: Instant::now(),
        }
    }

    /// What the file says, now and later.
    pub fn subscribe(&self) -> watch::Receiver<Control> {
        self.current.subscribe()
    }

    /// Follows the file until it wants the agent to end; answers with the status.
    pub async fn until_exit(&mut self) -> u8 {
        loop {
            let mut next_look = REREAD;
            let end = self.current.borrow().end();
            if let Some((after, status)) = end {
                let waited = self.since.elapsed();
                if waited >= after {
                    let mut control = self.current.borrow().clone();
                    if let Err(error) = control.spend(&self.path) {
                        log::warn(&format!("{}: {error}", self.path.display()));
                    }
                    return status;
                }
                next_look = next_look.min(after - waited);
            }
            tokio::time::sleep(next_look).await;
            self.reread();
        }
    }

    fn reread(&mut self) {
        match Control::read(&self.path) {
            Ok(control) if control != *self.current.borrow() => {
                self.since = Instant::now();
                self.current.send_replace(control);
            }
            Ok(_) => {}
            Err(error) => log::warn(&format!("{}: {error}", self.path.display())),
        }
    }
}
