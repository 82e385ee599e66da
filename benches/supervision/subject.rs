//! Who is measured, and how a supervisor is started and stopped.

use std::fs::File;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use ecs_nanny_lab::unit;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use crate::arguments::Arguments;
use crate::stage::Stage;

/// How long a supervisor may take to end.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The Engine API, called directly: nothing can be faster.
    Floor,
    /// Docker's restart=always.
    Docker,
    /// ecs-nanny.
    Nanny,
    /// The supervisor of --peer.
    Peer,
}

impl Subject {
    /// Every subject that takes part.
    pub fn all(arguments: &Arguments) -> Vec<Subject> {
        let mut all = vec![Subject::Floor, Subject::Docker, Subject::Nanny];
        all.extend(arguments.peer.as_ref().map(|_| Subject::Peer));
        all
    }

    /// Those that supervise by themselves.
    pub fn supervisors(arguments: &Arguments) -> Vec<Subject> {
        let mut all = Subject::all(arguments);
        all.retain(|subject| matches!(subject, Subject::Nanny | Subject::Peer));
        all
    }

    /// Its word in tables.
    pub fn word(self) -> &'static str {
        match self {
            Subject::Floor => "floor",
            Subject::Docker => "restart=always",
            Subject::Nanny => "ecs-nanny",
            Subject::Peer => "peer",
        }
    }
}

/// The subjects of a round: each round begins with another one, so that none has the warm caches to itself.
pub fn turns(subjects: &[Subject], round: usize) -> Vec<Subject> {
    let mut turns = subjects.to_vec();
    turns.rotate_left(round % subjects.len().max(1));
    turns
}

/// A supervisor that runs. Killed when dropped.
pub struct Running {
    child: Child,
    subject: Subject,
    /// Just before its exec.
    pub started: SystemTime,
}

impl Running {
    /// Starts ecs-nanny or the peer on the stage's host, in a process group of its own.
    pub fn start(stage: &Stage, subject: Subject) -> Result<Self> {
        let mut command = match (subject, &stage.arguments.peer) {
            (Subject::Nanny, _) => {
                let mut command = Command::new(&stage.program);
                command.arg("run");
                command
            }
            (Subject::Peer, Some(script)) => {
                let mut command = Command::new("/bin/sh");
                command.args(["-c", script]);
                command
            }
            _ => bail!("{} is no supervisor", subject.word()),
        };
        let log = File::options()
            .create(true)
            .append(true)
            .open(stage.log_file())?;
        unit::environment(command.as_std_mut(), &stage.notify_socket());
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        let (started, child) = stage.host.inside(|| (SystemTime::now(), command.spawn()))?;
        Ok(Running {
            child: child.with_context(|| format!("cannot start {}", subject.word()))?,
            subject,
            started,
        })
    }

    /// Its process, as this machine counts.
    pub fn pid(&self) -> Result<Pid> {
        let pid = self.child.id().context("the supervisor has ended")?;
        Ok(Pid::from_raw(pid.cast_signed()))
    }

    /// Ends it; ecs-nanny leaves the agent running, as in an upgrade.
    pub async fn leave(mut self) -> Result<()> {
        let pid = self.pid()?;
        match self.subject {
            Subject::Nanny => kill(pid, Signal::SIGUSR2)?,
            _ => killpg(pid, Signal::SIGTERM)?,
        }
        let ended = tokio::time::timeout(ENDS_WITHIN, self.child.wait()).await;
        ended.with_context(|| format!("{} does not end", self.subject.word()))??;
        Ok(())
    }
}
