//! A host of its own for a test: `tests/lab/host`, started and ended from Rust.

use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long the host has to come up, and how long it has to end.
const PATIENCE: Duration = Duration::from_secs(15);

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/host");

/// A running host. It ends, with every process on it, when this is dropped or when this process ends.
#[derive(Debug)]
pub struct Host {
    script: Child,
    /// The first process reads it to its end and then ends.
    lifeline: Option<ChildStdin>,
    leader: u32,
}

impl Host {
    /// Starts a host on a directory; what is under `directory/root` is on it from the start.
    ///
    /// # Errors
    /// It needs root, util-linux and iproute2; the script says on stderr what is missing.
    pub fn start(directory: &Path) -> Result<Self> {
        Self::start_with(directory, &[])
    }

    /// Starts a host whose firmware says that it is an EC2 instance.
    ///
    /// # Errors
    /// Those of [`Host::start`].
    pub fn start_ec2(directory: &Path) -> Result<Self> {
        Self::start_with(directory, &["--ec2"])
    }

    fn start_with(directory: &Path, options: &[&str]) -> Result<Self> {
        let mut script = Command::new(SCRIPT)
            .arg(directory)
            .args(options)
            .args(["--", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {SCRIPT}"))?;
        let lifeline = script.stdin.take();
        let mut host = Host {
            script,
            lifeline,
            leader: 0,
        };
        host.leader = host.wait_for_leader(&directory.join("pid"))?;
        Ok(host)
    }

    fn wait_for_leader(&mut self, pid_file: &Path) -> Result<u32> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.script.try_wait()? {
                bail!("the host ended at once, {status}");
            }
            if let Ok(text) = std::fs::read_to_string(pid_file) {
                return Ok(text.trim().parse()?);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("the host did not come up within {PATIENCE:?}")
    }

    /// The PID of its first process, for `nsenter -t PID -a`.
    pub fn pid(&self) -> u32 {
        self.leader
    }

    /// Where one of its files is seen from outside, `/run` included. Sockets can be connected to through it.
    pub fn path(&self, inside: &str) -> PathBuf {
        PathBuf::from(format!(
            "/proc/{}/root/{}",
            self.leader,
            inside.trim_start_matches('/')
        ))
    }

    /// A command that runs on it, for commands that are waited for. It runs by way of nsenter, which passes no signal
    /// on: what shall be signalled is spawned by [`Host::inside`].
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--all", "--target"])
            .arg(self.leader.to_string())
            .arg("--")
            .arg(program);
        command
    }

    /// Does some work on a thread that is on the host: what it spawns runs there (with its PID as seen from outside),
    /// what it binds or connects stays there. A tokio runtime that this is called in is there too.
    ///
    /// # Errors
    /// The thread can't enter, since it is not root or the host has ended.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        let runtime = tokio::runtime::Handle::try_current().ok();
        let enter_and_work = || {
            self.enter()?;
            let _runtime = runtime.as_ref().map(tokio::runtime::Handle::enter);
            Ok(work())
        };
        std::thread::scope(|scope| {
            scope
                .spawn(enter_and_work)
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Moves this thread, not its process. The thread must never do anything else afterwards.
    fn enter(&self) -> io::Result<()> {
        // A thread that shares its working directory with others may not change its mount namespace.
        unshare(CloneFlags::CLONE_FS)?;
        let namespaces = ["cgroup", "ipc", "net", "pid", "mnt"]
            .map(|name| std::fs::File::open(format!("/proc/{}/ns/{name}", self.leader)));
        for namespace in namespaces {
            setns(namespace?.as_fd(), CloneFlags::empty())?;
        }
        Ok(())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // The lifeline alone would not do: the first process can't end before this process has waited for what it
        // spawned inside. The script kills and tidies up without waiting for that.
        let _ = kill(
            Pid::from_raw(self.script.id().cast_signed()),
            Signal::SIGTERM,
        );
        drop(self.lifeline.take());
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if !matches!(self.script.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}
