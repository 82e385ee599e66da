//! The agent under Amazon's unit: started without waiting inside systemd, followed over D-Bus and by its container, and
//! judged by what the agent serves like our own.

use std::time::Duration;

use tokio::time::Instant;

use crate::host::docker::{Container, Docker, DockerError};
use crate::host::files::Root;
use crate::host::journal;
use crate::host::process::ContainerProcess;
use crate::host::systemd::{self, Systemd, SystemdError, Unit};
use crate::plan::{AMAZON_UNIT, CONTAINER_NAME, PLAN_HASH_LABEL};
use crate::supervise::news::{AgentRun, News};
use crate::supervise::state::Event;

use super::agent::{run, taken_over};
use super::agent_end::end_process;
use super::{Crew, Kind};

/// How long the unit has until its container runs: it may wait for GPUs and load or fetch the image.
const STARTED_WITHIN: Duration = Duration::from_secs(300);
/// How often it is looked meanwhile.
const LOOK: Duration = Duration::from_millis(250);
/// How many of the unit's last lines are told.
const LAST_LINES: usize = 5;

/// Why the unit's agent was not started.
pub(super) enum NotStarted {
    /// An agent of ours runs.
    Refused(String),
    /// It did not come up.
    Failed(String),
}

impl<E: Failure> From<E> for NotStarted {
    fn from(error: E) -> Self {
        NotStarted::Failed(error.to_string())
    }
}

/// What makes a start fail.
trait Failure: std::fmt::Display {}
impl Failure for DockerError {}
impl Failure for SystemdError {}

impl Crew {
    /// Whether Amazon's unit runs the agent, by the plan in force.
    pub fn left_to_amazon(&self) -> bool {
        let plan = self.plan.as_ref();
        plan.is_some_and(|plan| plan.agent_unit.is_some())
    }

    /// Waits, however long that takes, until somebody starts the unit.
    pub(super) fn await_agent_unit(&mut self) {
        const ASK_AGAIN: Duration = Duration::from_secs(5);
        self.spawn(Kind::Agent, async {
            let started = async || {
                let systemd = Systemd::connect().await?;
                systemd.unit_becomes(AMAZON_UNIT, Unit::up_or_coming).await
            };
            while let Err(error) = started().await {
                tracing::warn!("{AMAZON_UNIT} can't be awaited: {error}");
                tokio::time::sleep(ASK_AGAIN).await;
            }
            News::Plain(Event::AgentUnitStarted)
        });
    }
}

/// Takes the unit's agent over if it runs.
pub(super) async fn adopt(docker: &Docker) -> News {
    match running(docker).await {
        Ok(Some(found)) => News::AgentRunning(taken_over(found, false)),
        Ok(None) => News::NothingToAdopt,
        Err(NotStarted::Refused(why) | NotStarted::Failed(why)) => {
            tracing::debug!("looking for an agent that runs: {why}");
            News::NothingToAdopt
        }
    }
}

async fn running(docker: &Docker) -> Result<Option<Container>, NotStarted> {
    let unit = Systemd::connect().await?.unit(AMAZON_UNIT).await?;
    let found = docker.container(CONTAINER_NAME).await?;
    Ok(found.filter(|found| found.runs() && unit.up_or_coming() && !is_ours(found)))
}

/// Starts the unit, or restarts it where it shall run anew, and waits outside of it until its container runs.
pub(super) async fn launch(docker: &Docker, anew: bool) -> News {
    match start(docker, anew).await {
        Ok(run) => News::AgentRunning(run),
        Err(NotStarted::Refused(why)) => News::AgentRefused(why),
        Err(NotStarted::Failed(why)) => News::LaunchFailed(why),
    }
}

async fn start(docker: &Docker, anew: bool) -> Result<AgentRun, NotStarted> {
    let old = running(docker).await?;
    if let Some(found) = old.clone().filter(|_| !anew) {
        return Ok(taken_over(found, false));
    }
    let ours = docker.container(CONTAINER_NAME).await?;
    if ours.is_some_and(|found| found.runs() && is_ours(&found)) {
        return Err(NotStarted::Refused(format!(
            "a container {CONTAINER_NAME} runs that ecs-nanny made, and agent.backend leaves the agent to {AMAZON_UNIT}: \
             docker rm --force {CONTAINER_NAME}, or set agent.backend = \"container\""
        )));
    }
    let systemd = Systemd::connect().await?;
    let unit = systemd.unit(AMAZON_UNIT).await?;
    if !unit.installed() {
        return Err(NotStarted::Failed(format!(
            "{AMAZON_UNIT} is {}: install Amazon's package ecs-init, or set agent.backend = \"container\"",
            unit.load_state
        )));
    }
    if unit.active_state == "failed" {
        systemd.reset_failed(AMAZON_UNIT).await?;
    }
    if old.is_some() {
        systemd.restart(AMAZON_UNIT).await?;
    } else if !unit.up_or_coming() {
        tracing::info!("starting {AMAZON_UNIT}");
        systemd.start(AMAZON_UNIT).await?;
    }
    let started_before = old.and_then(|old| old.started_at);
    let deadline = Instant::now() + STARTED_WITHIN;
    loop {
        if let Some(found) = running(docker).await?
            && (started_before.is_none() || found.started_at != started_before)
        {
            return Ok(run(found));
        }
        let unit = systemd.unit(AMAZON_UNIT).await?;
        let ended = match unit.active_state.as_str() {
            "failed" => Some(format!("{AMAZON_UNIT} failed ({})", unit.result)),
            "inactive" if !unit.job_pending => Some(format!("{AMAZON_UNIT} ended")),
            _ if Instant::now() > deadline => Some(format!(
                "{AMAZON_UNIT} has not started the container {CONTAINER_NAME} within {}",
                humantime::format_duration(STARTED_WITHIN)
            )),
            _ => None,
        };
        if let Some(words) = ended {
            let lines = journal::last_lines(AMAZON_UNIT, LAST_LINES).await;
            return Err(NotStarted::Failed(match lines.is_empty() {
                true => words,
                false => format!("{words}; its last lines: {}", lines.join(" | ")),
            }));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn is_ours(container: &Container) -> bool {
    container.labels.contains_key(PLAN_HASH_LABEL)
}

/// Tells of the end of the unit's agent: that of its container, or that of the unit which should bring it back.
pub(super) async fn follow(container_ended: impl Future<Output = News>) -> News {
    let news = tokio::select! {
        news = container_ended => news,
        news = unit_ended() => return news,
    };
    // The unit stops its container and then has to clean up, so it is still stopping when the container has ended.
    let stopped = matches!(news, News::AgentEnded { .. })
        && unit().await.is_ok_and(|unit| stopped_by_somebody(&unit));
    if stopped {
        News::Plain(Event::AgentUnitStopped)
    } else {
        news
    }
}

async fn unit() -> Result<Unit, SystemdError> {
    Systemd::connect().await?.unit(AMAZON_UNIT).await
}

/// A job stops it; a service that ends by itself has none.
fn stopped_by_somebody(unit: &Unit) -> bool {
    unit.active_state == "deactivating" && unit.job_pending
}

/// Waits until the unit is down or stopped by somebody; for ever where systemd can't be asked.
async fn unit_ended() -> News {
    let down = |unit: &Unit| {
        stopped_by_somebody(unit) || matches!(unit.active_state.as_str(), "inactive" | "failed")
    };
    let ended = async {
        let systemd = Systemd::connect().await?;
        systemd.unit_becomes(AMAZON_UNIT, down).await
    };
    match ended.await {
        Ok(unit) if stopped_by_somebody(&unit) => News::Plain(Event::AgentUnitStopped),
        Ok(unit) => News::AgentEnded {
            code: unit.main_status.into(),
        },
        Err(error) => {
            tracing::warn!("{AMAZON_UNIT} is followed by its container alone: {error}");
            std::future::pending().await
        }
    }
}

/// Stops the unit, and after the grace its agent's process.
pub(super) async fn stop(process: Option<ContainerProcess>, grace: Duration) -> Result<(), String> {
    /// The unit's own call to Docker takes the whole grace where the agent does.
    const LONGER: Duration = Duration::from_secs(1);
    let stopping = async {
        let systemd = Systemd::connect().await?;
        systemd.stop(AMAZON_UNIT).await?;
        let down = |unit: &Unit| matches!(unit.active_state.as_str(), "inactive" | "failed");
        systemd.unit_becomes(AMAZON_UNIT, down).await
    };
    let why = match tokio::time::timeout(grace + LONGER, stopping).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("{AMAZON_UNIT} has not stopped within the agent's grace"),
    };
    end_process(process, Duration::ZERO, &why).await
}

/// Why our container is not started: Amazon's unit runs the agent, or is about to.
pub(super) async fn runs_beside(root: &Root) -> Option<String> {
    if !systemd::is_here(root) {
        return None;
    }
    let unit = unit().await.ok()?;
    (unit.up_or_coming() || unit.job_pending).then(|| {
        format!(
            "{AMAZON_UNIT} runs the agent, and agent.backend gives it to ecs-nanny: systemctl disable --now {AMAZON_UNIT}, \
             or set agent.backend = \"ecs.service\""
        )
    })
}
