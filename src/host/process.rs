//! Processes that are not our children: their end is noticed, and those of containers are signalled directly when the
//! engine can't be asked to.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open};
use tokio::io::unix::AsyncFd;

use super::descriptor::await_readable;

/// How often it is looked whether a process has ended that was told to.
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
    /// Whether it still runs, for certain: what is signalled has to be it.
    pub fn runs(&self) -> bool {
        fs::read_to_string(format!("/proc/{}/cgroup", self.pid))
            .is_ok_and(|groups| groups.contains(&self.container))
            && !zombie(self.pid)
    }

    /// Whether there is certainly no such process any more: a sandbox may hide one that runs from `/proc`.
    pub fn gone(&self) -> bool {
        kill(Pid::from_raw(self.pid), None) == Err(Errno::ESRCH) || zombie(self.pid)
    }

    /// Waits until it has ended, however long that takes. The kernel tells it, from Linux 5.3 on; where it does not, or
    /// no file can be opened, it is looked once in a while.
    pub async fn ended(&self, look_every: Duration) {
        if let Some(process) = self.opened()
            && (self.gone() || process.readable().await.is_ok())
        {
            return;
        }
        while !self.gone() {
            tokio::time::sleep(look_every).await;
        }
    }

    fn opened(&self) -> Option<AsyncFd<OwnedFd>> {
        let pid = rustix::process::Pid::from_raw(self.pid)?;
        let process = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        // It is readable when the process has ended.
        await_readable(process).ok()
    }

    /// SIGTERM, and SIGKILL after the grace; true when it has ended.
    pub async fn end(&self, grace: Duration) -> bool {
        /// A killed process is gone in milliseconds, unless it sleeps in the kernel.
        const AFTER_KILL: Duration = Duration::from_millis(500);
        if !grace.is_zero() && self.runs() {
            self.send(Signal::SIGTERM);
            if tokio::time::timeout(grace, self.ended(LOOK)).await.is_ok() {
                return true;
            }
        }
        if self.runs() {
            self.send(Signal::SIGKILL);
        }
        tokio::time::timeout(AFTER_KILL, self.ended(LOOK))
            .await
            .is_ok()
    }

    fn send(&self, signal: Signal) {
        if let Err(error) = kill(Pid::from_raw(self.pid), signal) {
            tracing::debug!("{signal} to process {}: {error}", self.pid);
        }
    }
}

/// Whether an error says that this process, or the host, can open no more files. It tells nothing of whom it was to reach.
pub fn exhausted(error: &io::Error) -> bool {
    let number = error.raw_os_error().map(Errno::from_raw);
    matches!(number, Some(Errno::EMFILE | Errno::ENFILE))
}

/// Whether a process has ended and only waits for its parent to notice.
pub(super) fn zombie(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with(['Z', 'X']))
    })
}

/// How many containers the engine runs, by the processes that hold them (`containerd-shim… -id CONTAINER`); `None` where
/// `/proc` can't be read.
pub fn containers() -> Option<usize> {
    let processes = fs::read_dir("/proc").ok()?;
    let holding = processes
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
        .collect::<std::collections::BTreeSet<_>>();
    Some(holding.len())
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    fn sleeping() -> (Child, ContainerProcess) {
        let child = Command::new("sleep").arg("600").spawn().unwrap();
        let pid = child.id().cast_signed();
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        // Any word of its control groups stands for the container's id.
        let container = groups.trim().rsplit(':').next().unwrap().to_owned();
        (child, ContainerProcess { pid, container })
    }

    #[tokio::test]
    async fn an_end_is_noticed_before_the_parent_asks_for_it() {
        let (mut child, process) = sleeping();
        assert!(process.runs() && !process.gone());
        assert!(process.end(Duration::from_secs(60)).await);
        assert!(process.gone() && !process.runs(), "it is a zombie now");
        process.ended(LOOK).await;
        child.wait().unwrap();
        assert!(process.gone());
    }

    #[tokio::test]
    async fn the_kernel_tells_of_an_end() {
        /// Nobody looks that long.
        const NEVER: Duration = Duration::from_secs(24 * 60 * 60);
        let (mut child, process) = sleeping();
        let waiting = tokio::spawn({
            let process = process.clone();
            async move { process.ended(NEVER).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        child.kill().unwrap();
        let told = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        told.unwrap().unwrap();
        child.wait().unwrap();
    }

    #[tokio::test]
    async fn a_process_of_another_container_is_not_signalled() {
        let (mut child, process) = sleeping();
        let stranger = ContainerProcess {
            container: "another".to_owned(),
            ..process
        };
        assert!(!stranger.runs());
        assert!(!stranger.end(Duration::from_secs(60)).await);
        assert!(child.try_wait().unwrap().is_none(), "it was ended");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
