//! The engine's backends behind one interface: a systemd unit, or a child process.

use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use tokio::time::Instant;

use crate::host::docker::Docker;
use crate::host::dockerd::{Daemon, Running};
use crate::host::journal;
use crate::host::systemd::{Systemd, Unit};

/// How long a unit that is going down may take until it is judged.
const SETTLE: Duration = Duration::from_secs(120);
/// Last lines of the daemon that are shown.
const LAST_LINES: usize = 5;

/// Why the engine is not up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotUp {
    /// Somebody stopped its unit cleanly.
    StoppedByOperator,
    /// It did not come up, in words.
    Failed(String),
}

/// How the engine is run.
#[derive(Debug)]
pub enum Backend {
    /// A systemd unit.
    Unit {
        /// Its name.
        name: String,
    },
    /// A child process of ours.
    Child {
        /// How it is started.
        daemon: Daemon,
        /// The process, once started or found.
        running: Option<Running>,
    },
}

/// Where the Engine API is, and how long it may take to come up.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The socket's absolute path.
    pub socket: String,
    /// How long the daemon has to answer.
    pub start_timeout: Duration,
}

impl Backend {
    /// A unit.
    pub fn unit(name: &str) -> Self {
        Backend::Unit {
            name: name.to_owned(),
        }
    }

    /// A child process.
    pub fn child(command: Vec<String>, pid_file: PathBuf, log: PathBuf) -> Self {
        Backend::Child {
            daemon: Daemon {
                command,
                pid_file,
                log,
            },
            running: None,
        }
    }

    /// Starts the engine if it does not run, and waits until it answers. After it `was_up`, a unit that was stopped
    /// cleanly stays down.
    ///
    /// # Errors
    /// [`NotUp`], with the daemon's own last lines.
    pub async fn bring_up(&mut self, endpoint: &Endpoint, was_up: bool) -> Result<Docker, NotUp> {
        match self {
            Backend::Unit { name } => start_unit(name, was_up).await?,
            Backend::Child { daemon, running } => start_child(daemon, running).await?,
        }
        self.answering(endpoint).await
    }

    /// The engine if it runs already. Nothing is started by this, nor woken by its socket.
    pub async fn running(&mut self, endpoint: &Endpoint) -> Option<Docker> {
        match self {
            Backend::Unit { name } => {
                let unit = Systemd::connect().await.ok()?.unit(name).await.ok()?;
                if unit.active_state != "active" {
                    return None;
                }
            }
            Backend::Child { daemon, running } => {
                if running.is_none() {
                    *running = daemon.find();
                }
                running.as_ref()?;
            }
        }
        Docker::connect(&endpoint.socket).await.ok()
    }

    /// Waits, however long that takes, until somebody starts the unit; then until it answers.
    ///
    /// # Errors
    /// [`NotUp`].
    pub async fn await_start(&mut self, endpoint: &Endpoint) -> Result<Docker, NotUp> {
        if let Backend::Unit { name } = self {
            let systemd = connect().await?;
            systemd
                .unit_becomes(name, Unit::up_or_coming)
                .await
                .map_err(failed)?;
        }
        self.answering(endpoint).await
    }

    /// Waits until the engine answers, at most its start timeout; less when it ends meanwhile.
    async fn answering(&mut self, endpoint: &Endpoint) -> Result<Docker, NotUp> {
        const FIRST_LOOK: Duration = Duration::from_millis(20);
        const LAST_LOOK: Duration = Duration::from_millis(500);
        let deadline = Instant::now() + endpoint.start_timeout;
        let mut look = FIRST_LOOK;
        loop {
            let why = match Docker::connect(&endpoint.socket).await {
                Ok(docker) => return Ok(docker),
                Err(error) => error,
            };
            self.still_coming().await?;
            if Instant::now() > deadline {
                let waited = humantime::format_duration(endpoint.start_timeout);
                return Err(NotUp::Failed(
                    self.with_last_lines(format!("{why} (waited {waited})"))
                        .await,
                ));
            }
            tokio::time::sleep(look).await;
            look = (look * 2).min(LAST_LOOK);
        }
    }

    /// Tells when the daemon has ended while it is awaited.
    async fn still_coming(&mut self) -> Result<(), NotUp> {
        match self {
            Backend::Unit { name } => {
                // systemd's own restarts are its business, a failed unit is ours.
                let unit = connect().await?.unit(name).await.map_err(failed)?;
                let words = match unit.active_state.as_str() {
                    "failed" => format!("{name} failed ({})", unit.result),
                    // What it depends on failed, and so its start was given up.
                    "inactive" if !unit.job_pending => format!("{name} was not started"),
                    _ => return Ok(()),
                };
                Err(NotUp::Failed(self.with_last_lines(words).await))
            }
            Backend::Child { running, .. } => {
                let ended = match running {
                    Some(Running::Child(child)) => match child.try_wait() {
                        Ok(Some(status)) => Some(status.to_string()),
                        Ok(None) => None,
                        Err(error) => Some(error.to_string()),
                    },
                    _ => None,
                };
                let Some(status) = ended else { return Ok(()) };
                *running = None;
                let words = format!("dockerd ended ({status})");
                Err(NotUp::Failed(self.with_last_lines(words).await))
            }
        }
    }

    async fn with_last_lines(&self, words: String) -> String {
        let lines = match self {
            Backend::Unit { name } => journal::last_lines(name, LAST_LINES).await,
            Backend::Child { daemon, .. } => daemon.last_lines(LAST_LINES),
        };
        if lines.is_empty() {
            return words;
        }
        format!("{words}; its last lines: {}", lines.join(" | "))
    }

    /// Kills the daemon, which does not answer.
    ///
    /// # Errors
    /// Why not.
    pub async fn kill(&mut self) -> Result<(), String> {
        match self {
            Backend::Unit { name } => {
                let systemd = Systemd::connect()
                    .await
                    .map_err(|error| error.to_string())?;
                systemd.kill(name).await.map_err(|error| error.to_string())
            }
            Backend::Child { running, .. } => {
                let pid = running.as_ref().and_then(Running::pid);
                let pid = pid.ok_or_else(|| "its process is not known".to_owned())?;
                kill(pid, Signal::SIGKILL).map_err(|error| error.to_string())
            }
        }
    }

    /// Stops a child engine in order, and kills it after the grace. A unit is left alone: it is systemd's.
    pub async fn stop(&mut self, grace: Duration) {
        if let Backend::Child { daemon, running } = self {
            let found = running.take().or_else(|| daemon.find());
            if let Some(mut found) = found {
                found.stop(grace).await;
            }
        }
    }

    /// `unit` or `child`.
    pub fn word(&self) -> &'static str {
        match self {
            Backend::Unit { .. } => "unit",
            Backend::Child { .. } => "child",
        }
    }
}

async fn start_child(daemon: &Daemon, running: &mut Option<Running>) -> Result<(), NotUp> {
    if let Some(Running::Child(child)) = running
        && let Ok(Some(status)) = child.try_wait()
    {
        tracing::info!("dockerd ended ({status})");
        *running = None;
    }
    if let Some(Running::Adopted(_)) = running {
        *running = daemon.find();
    }
    if running.is_none() {
        *running = daemon.find();
        if let Some(found) = running {
            let pid = found.pid().map(|pid| pid.as_raw());
            tracing::info!("taking over the Docker daemon that runs as process {pid:?}");
        }
    }
    if running.is_none() {
        tracing::info!("starting {}", daemon.command.join(" "));
        *running = Some(daemon.start().map_err(failed)?);
    }
    Ok(())
}

async fn start_unit(name: &str, was_up: bool) -> Result<(), NotUp> {
    let systemd = connect().await?;
    let mut unit = systemd.unit(name).await.map_err(failed)?;
    if unit.active_state == "deactivating" {
        let settled = systemd.unit_becomes(name, |unit| unit.active_state != "deactivating");
        unit = tokio::time::timeout(SETTLE, settled)
            .await
            .map_err(|_| {
                NotUp::Failed(format!(
                    "{name} is still going down after {}",
                    humantime::format_duration(SETTLE)
                ))
            })?
            .map_err(failed)?;
    }
    if !unit.installed() {
        return Err(NotUp::Failed(format!(
            "{name} is {}; install Docker, or name its unit in engine.unit",
            unit.load_state
        )));
    }
    if unit.active_state == "active" {
        return Ok(());
    }
    if was_up && unit.stopped_cleanly() {
        return Err(NotUp::StoppedByOperator);
    }
    if unit.active_state == "failed" {
        systemd.reset_failed(name).await.map_err(failed)?;
    }
    // A service that fails a few times takes its socket with it (service-start-limit-hit), and then never starts.
    let socket = name.replace(".service", ".socket");
    let state = systemd.unit(&socket).await.map_err(failed)?.active_state;
    if state == "failed" {
        systemd.reset_failed(&socket).await.map_err(failed)?;
    }
    tracing::info!("starting {name}");
    systemd.start(name).await.map_err(failed)
}

async fn connect() -> Result<Systemd, NotUp> {
    Systemd::connect().await.map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> NotUp {
    NotUp::Failed(error.to_string())
}
