//! The supervisor under test, kept as its unit keeps it: ecs-nanny is restarted when it ends and when its watchdog
//! starves, as systemd does by systemd/ecs-nanny.service. Another supervisor keeps itself.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ecs_nanny_lab::host::Host;
use ecs_nanny_lab::unit::{WATCHDOG, environment};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::net::UnixDatagram;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// `RestartSec=` and `RestartPreventExitStatus=` of the unit.
const RESTART: Duration = Duration::from_millis(500);
const FINAL: [i32; 3] = [5, 69, 78];
/// How long a supervisor may take to end before it is killed; it has failed long before.
const GIVE_UP: Duration = Duration::from_secs(60);

/// Who supervises.
#[derive(Debug, Clone)]
pub enum Supervisor {
    /// This program of ecs-nanny.
    Nanny(PathBuf),
    /// A command for `sh -c`.
    Command(String),
}

/// A supervisor that is started and stopped.
pub struct Unit {
    supervisor: Supervisor,
    host: Arc<Host>,
    directory: PathBuf,
    running: Option<Running>,
}

struct Running {
    keeper: JoinHandle<()>,
    stop: watch::Sender<bool>,
    process: watch::Receiver<Option<Pid>>,
}

impl Unit {
    /// Nothing runs yet; logs go to the directory.
    pub fn new(supervisor: Supervisor, host: &Arc<Host>, directory: &Path) -> Self {
        Unit {
            supervisor,
            host: host.clone(),
            directory: directory.to_owned(),
            running: None,
        }
    }

    /// Everything that the supervisor has recorded.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// Starts it, unless it runs.
    pub async fn start(&mut self) -> Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        let socket = self.directory.join("notify");
        let _ = std::fs::remove_file(&socket);
        let notifications = UnixDatagram::bind(&socket).context("cannot listen as systemd")?;
        let (stop, stopping) = watch::channel(false);
        let (started, mut process) = watch::channel(None);
        let keeper = Keeper {
            supervisor: self.supervisor.clone(),
            host: self.host.clone(),
            log: self.log_file(),
            socket,
            notifications,
            stopping,
            started,
        };
        self.running = Some(Running {
            keeper: tokio::spawn(keeper.keep()),
            stop,
            process: process.clone(),
        });
        let _ = process.wait_for(Option::is_some).await;
        Ok(())
    }

    /// Sends a signal to its process.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let process = self.running.as_ref().and_then(|it| *it.process.borrow());
        let process = process.context("the supervisor does not run")?;
        kill(process, signal).with_context(|| format!("{signal} to process {process}"))
    }

    /// Stops it in order; how long that took.
    ///
    /// # Errors
    /// It did not end, and was killed.
    pub async fn stop(&mut self) -> Result<Duration> {
        let Some(running) = self.running.take() else {
            return Ok(Duration::ZERO);
        };
        let asked = Instant::now();
        let process = *running.process.borrow();
        running.stop.send_replace(true);
        if let Some(process) = process {
            // A supervisor that is a shell passes no signal on: it goes to all of them.
            let _ = match self.supervisor {
                Supervisor::Nanny(_) => kill(process, Signal::SIGTERM),
                Supervisor::Command(_) => killpg(process, Signal::SIGTERM),
            };
        }
        let mut keeper = running.keeper;
        if tokio::time::timeout(GIVE_UP, &mut keeper).await.is_err() {
            keeper.abort();
            let _ = keeper.await;
            bail!("it did not end within {GIVE_UP:?} of SIGTERM");
        }
        Ok(asked.elapsed())
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.keeper.abort();
        }
    }
}

/// systemd's part.
struct Keeper {
    supervisor: Supervisor,
    host: Arc<Host>,
    log: PathBuf,
    socket: PathBuf,
    notifications: UnixDatagram,
    stopping: watch::Receiver<bool>,
    started: watch::Sender<Option<Pid>>,
}

impl Keeper {
    async fn keep(self) {
        while !*self.stopping.borrow() {
            let status = match self.spawn() {
                Ok(child) => self.follow(child).await,
                Err(error) => {
                    self.record(&format!("the supervisor could not be started: {error:#}"));
                    None
                }
            };
            self.record(&format!("the supervisor ended: {status:?}"));
            let again = match self.supervisor {
                Supervisor::Nanny(_) => status.is_none_or(|status| !FINAL.contains(&status)),
                Supervisor::Command(_) => false,
            };
            if !again {
                return;
            }
            let mut stopping = self.stopping.clone();
            let _ = tokio::time::timeout(RESTART, stopping.wait_for(|stop| *stop)).await;
        }
    }

    fn record(&self, words: &str) {
        use std::io::Write;
        if let Ok(mut log) = OpenOptions::new().append(true).open(&self.log) {
            let _ = writeln!(log, "-- {words}");
        }
    }

    fn spawn(&self) -> Result<Child> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)?;
        let mut command = match &self.supervisor {
            Supervisor::Nanny(program) => {
                let mut command = Command::new(program);
                command.arg("run");
                command
            }
            Supervisor::Command(script) => {
                let mut command = Command::new("/bin/sh");
                // Going to a host leads to its root.
                command.args(["-c", &format!("cd \"$HERE\" || exit\n{script}")]);
                command.env("HERE", std::env::current_dir()?);
                command
            }
        };
        environment(command.as_std_mut(), &self.socket);
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        let child = self.host.inside(|| command.spawn())??;
        let pid = child.id().map(|pid| Pid::from_raw(pid.cast_signed()));
        self.started.send_replace(pid);
        Ok(child)
    }

    /// Until it has ended; its exit status, unless a signal ended it.
    async fn follow(&self, mut child: Child) -> Option<i32> {
        let mut fed = Instant::now();
        let mut buffer = [0; 16 * 1024];
        let watched = matches!(self.supervisor, Supervisor::Nanny(_));
        loop {
            let starves = (fed + WATCHDOG).into();
            tokio::select! {
                ended = child.wait() => return ended.ok().and_then(|status| status.code()),
                told = self.notifications.recv(&mut buffer) => {
                    if told.is_ok_and(|length| feeds(&buffer[..length])) {
                        fed = Instant::now();
                    }
                }
                () = tokio::time::sleep_until(starves), if watched => {
                    self.record("the watchdog starves: SIGABRT");
                    let pid = child.id().map(|pid| Pid::from_raw(pid.cast_signed()));
                    if let Some(pid) = pid {
                        // A stopped process takes no other signal.
                        let _ = kill(pid, Signal::SIGABRT).and_then(|()| kill(pid, Signal::SIGCONT));
                    }
                    fed = Instant::now();
                }
            }
        }
    }
}

/// While it stops the unit has other deadlines.
fn feeds(notification: &[u8]) -> bool {
    String::from_utf8_lossy(notification)
        .lines()
        .any(|line| line == "WATCHDOG=1" || line == "STOPPING=1")
}
