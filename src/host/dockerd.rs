//! The Docker daemon as a child process, for hosts without systemd.
//!
//! It outlives a crash of this process: it has a process group of its own (Ctrl-C on a terminal does not reach it), and
//! writes to a file (a pipe would break with its reader, and Go programs end on SIGPIPE). A later process finds it again
//! by its pid file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use super::process;

/// Where to find and how to start a daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Its pid file (the same as among the arguments).
    pub pid_file: PathBuf,
    /// Where its output goes.
    pub log: PathBuf,
}

/// A daemon that runs.
#[derive(Debug)]
pub enum Running {
    /// Started by us.
    Child(Box<Child>),
    /// Started by an earlier process of ours.
    Adopted(Pid),
}

impl Daemon {
    /// The daemon that the pid file names, if it still runs and is that program.
    pub fn find(&self) -> Option<Running> {
        let pid: i32 = fs::read_to_string(&self.pid_file)
            .ok()?
            .trim()
            .parse()
            .ok()?;
        let program = Path::new(self.command.first()?).file_name()?;
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let first = command.split(|byte| *byte == 0).next()?;
        let found = Path::new(std::str::from_utf8(first).ok()?).file_name()?;
        (found == program).then(|| Running::Adopted(Pid::from_raw(pid)))
    }

    /// Starts it. A pid file that names no such daemon is removed first: dockerd refuses to start over a stale one when
    /// its number has been given to another process.
    ///
    /// # Errors
    /// Those of creating the log and of exec.
    pub fn start(&self) -> io::Result<Running> {
        let (program, arguments) = self
            .command
            .split_first()
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        if let Err(error) = fs::remove_file(&self.pid_file)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let log = self.fresh_log()?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(false)
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{program}: {error}")))?;
        Ok(Running::Child(Box::new(child)))
    }

    /// The last lines of its output, oldest first.
    pub fn last_lines(&self, lines: usize) -> Vec<String> {
        // Enough for any number of lines that a person reads.
        const PART: u64 = 16 * 1024;
        let read = || -> io::Result<String> {
            let mut file = File::open(&self.log)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(PART)))?;
            let mut bytes = Vec::new();
            file.take(PART).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let text = read().unwrap_or_default();
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..]
            .iter()
            .map(|line| (*line).to_owned())
            .collect()
    }

    /// An empty log; the one of the run before is kept beside it.
    fn fresh_log(&self) -> io::Result<File> {
        if let Some(directory) = self.log.parent() {
            fs::create_dir_all(directory)?;
        }
        let before = self.log.with_extension("log.1");
        if let Err(error) = fs::rename(&self.log, before)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o640)
            .open(&self.log)
    }
}

impl Running {
    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<Pid> {
        match self {
            Running::Child(child) => child.id().map(|pid| Pid::from_raw(pid.cast_signed())),
            Running::Adopted(pid) => Some(*pid),
        }
    }

    /// Tells it to read its configuration again (SIGHUP).
    ///
    /// # Errors
    /// It has ended.
    pub fn reload(&self) -> io::Result<()> {
        self.send(Signal::SIGHUP)
    }

    /// Tells it to end (SIGTERM), and does not wait for that.
    ///
    /// # Errors
    /// It has ended.
    pub fn end(&self) -> io::Result<()> {
        self.send(Signal::SIGTERM)
    }

    fn send(&self, signal: Signal) -> io::Result<()> {
        let pid = self
            .pid()
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(kill(pid, signal)?)
    }

    /// Waits until it has ended, however long that takes; how it ended, in words.
    pub async fn ended(&mut self) -> String {
        match self {
            Running::Child(child) => match child.wait().await {
                Ok(status) => status.to_string(),
                Err(error) => error.to_string(),
            },
            Running::Adopted(pid) => {
                // Not our child, so the kernel tells us nothing; its socket, which others watch, tells at once.
                const LOOK: Duration = Duration::from_millis(200);
                while alive(*pid) {
                    tokio::time::sleep(LOOK).await;
                }
                "ended".to_owned()
            }
        }
    }

    /// SIGTERM, and SIGKILL after the grace. dockerd stops its containers in order meanwhile.
    pub async fn stop(&mut self, grace: Duration) {
        let Some(pid) = self.pid() else { return };
        send(pid, Signal::SIGTERM);
        // A stopped (SIGSTOP) process takes no SIGTERM.
        send(pid, Signal::SIGCONT);
        if tokio::time::timeout(grace, self.ended()).await.is_err() {
            send(pid, Signal::SIGKILL);
            // A killed process is gone but for its entry; the deadline guards against one in an uninterruptible sleep.
            let _ = tokio::time::timeout(Duration::from_secs(2), self.ended()).await;
        }
    }
}

fn send(pid: Pid, signal: Signal) {
    if let Err(error) = kill(pid, signal) {
        tracing::debug!("{signal} to process {pid}: {error}");
    }
}

fn alive(pid: Pid) -> bool {
    Path::new(&format!("/proc/{pid}")).exists() && !process::zombie(pid.as_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daemon(directory: &Path, script: &str) -> Daemon {
        Daemon {
            command: vec!["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()],
            pid_file: directory.join("pid"),
            log: directory.join("daemon.log"),
        }
    }

    #[tokio::test]
    async fn its_last_words_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let daemon = daemon(directory.path(), "echo one; echo two >&2; exit 3");
        let mut running = daemon.start().unwrap();
        assert_eq!(running.ended().await, "exit status: 3");
        assert_eq!(daemon.last_lines(1), ["two"]);
        assert_eq!(daemon.last_lines(9), ["one", "two"]);
    }

    #[tokio::test]
    async fn a_pid_file_of_another_program_is_no_daemon() {
        let directory = tempfile::tempdir().unwrap();
        let mut daemon = daemon(directory.path(), "sleep 60");
        fs::write(&daemon.pid_file, "1\n").unwrap();
        daemon.command[0] = "/usr/sbin/dockerd-of-nobody".to_owned();
        assert!(daemon.find().is_none());
        fs::write(&daemon.pid_file, "garbage").unwrap();
        assert!(daemon.find().is_none());
    }

    #[tokio::test]
    async fn it_is_found_again_and_stopped() {
        let directory = tempfile::tempdir().unwrap();
        let daemon = daemon(
            directory.path(),
            "echo $$ > \"$0\"; trap 'exit 0' TERM; while :; do read -t 1 _; done",
        );
        let mut command = daemon.command.clone();
        command.push(daemon.pid_file.display().to_string());
        let daemon = Daemon { command, ..daemon };
        let mut started = daemon.start().unwrap();
        let found = loop {
            if let Some(found) = daemon.find() {
                break found;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(found.pid(), started.pid());
        started.stop(Duration::from_secs(5)).await;
        assert!(daemon.find().is_none());
    }
}
