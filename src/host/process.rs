//! Processes of containers, signalled directly: for when the engine can't be asked to.

use std::fs;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How often it is looked whether a process has ended.
const LOOK: Duration = Duration::from_millis(50);

/// The first process of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerProcess {
    /// Its number.
    pub pid: i32,
    /// The container's id, by which the process is known in its control groups: a number may have been given anew.
    pub container: String,
}

impl ContainerProcess {
    /// Whether it still runs.
    pub fn runs(&self) -> bool {
        fs::read_to_string(format!("/proc/{}/cgroup", self.pid))
            .is_ok_and(|groups| groups.contains(&self.container))
            && !super::dockerd::zombie(self.pid)
    }

    /// SIGTERM, and SIGKILL after the grace; true when it has ended.
    pub async fn end(&self, grace: Duration) -> bool {
        /// A killed process is gone in milliseconds, unless it sleeps in the kernel.
        const AFTER_KILL: Duration = Duration::from_millis(500);
        if !grace.is_zero() && self.runs() {
            self.send(Signal::SIGTERM);
            if tokio::time::timeout(grace, self.ended()).await.is_ok() {
                return true;
            }
        }
        if self.runs() {
            self.send(Signal::SIGKILL);
        }
        tokio::time::timeout(AFTER_KILL, self.ended()).await.is_ok()
    }

    async fn ended(&self) {
        while self.runs() {
            tokio::time::sleep(LOOK).await;
        }
    }

    fn send(&self, signal: Signal) {
        if let Err(error) = kill(Pid::from_raw(self.pid), signal) {
            tracing::debug!("{signal} to process {}: {error}", self.pid);
        }
    }
}

/// How many containers the engine runs, by the processes that hold them (`containerd-shim… -id CONTAINER`).
pub fn containers() -> usize {
    let Ok(processes) = fs::read_dir("/proc") else {
        return 0;
    };
    processes
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            name.parse::<i32>().ok()?;
            let command = fs::read(format!("/proc/{name}/cmdline")).ok()?;
            let mut words = command.split(|byte| *byte == 0);
            let program = words.next()?;
            let shim = program
                .rsplit(|byte| *byte == b'/')
                .next()?
                .starts_with(b"containerd-shim");
            let id = words
                .find(|word| *word == b"-id")
                .and_then(|_| words.next())?;
            shim.then(|| id.to_vec())
        })
        .collect::<std::collections::BTreeSet<_>>()
        .len()
}
