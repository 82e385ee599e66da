//! The agent's container: taken over, started again or made anew; followed, probed, examined.

use std::time::{Duration, SystemTime};

use crate::agent_config;
use crate::host::docker::{Container, Docker, DockerError};
use crate::host::introspection;
use crate::host::process::ContainerProcess;
use crate::plan::{AgentPlan, PLAN_HASH_LABEL};
use crate::supervise::exit_reason::exit_reason;
use crate::supervise::news::{AgentRun, News};

use crate::telemetry::message;

use super::units::with_loaded_profile;
use super::{Crew, Kind, amazon_unit};

/// How far back before its end an agent's last lines are read, at the most.
const LOOK_BACK: Duration = Duration::from_secs(600);
/// How much of them.
const LAST_BYTES: usize = 64 * 1024;
/// How many lines of them are shown.
const LAST_LINES: usize = 20;

impl Crew {
    pub(super) fn adopt_agent(&mut self) {
        let (Some(docker), Some(plan)) = (self.docker.clone(), self.plan.clone()) else {
            return;
        };
        let root = self.root.clone();
        self.spawn(Kind::Agent, async move {
            let Some(agent) = &plan.agent else {
                return amazon_unit::adopt(&docker).await;
            };
            // Which of the two made the container is seen when ours is to be started.
            if amazon_unit::runs_beside(&root).await.is_some() {
                return News::NothingToAdopt;
            }
            match look(&docker, agent).await {
                Ok((Some(found), other_image)) if found.runs() => {
                    News::AgentRunning(taken_over(found, other_image))
                }
                Ok(_) => News::NothingToAdopt,
                Err(error) => {
                    tracing::debug!("looking for an agent that runs: {error}");
                    News::NothingToAdopt
                }
            }
        });
    }

    pub(super) fn launch_agent(&mut self) {
        let (Some(docker), Some(plan)) = (self.docker.clone(), self.plan.clone()) else {
            return;
        };
        let way = Way {
            anew: std::mem::take(&mut self.launch_anew),
            aside: std::mem::take(&mut self.move_state_aside),
            grace: self.settings.agent.stop_grace,
        };
        let root = self.root.clone();
        self.cancel(Kind::FollowAgent);
        self.spawn(Kind::Agent, async move {
            let Some(agent) = &plan.agent else {
                return amazon_unit::launch(&docker, way.anew).await;
            };
            if let Some(why) = amazon_unit::runs_beside(&root).await {
                return News::AgentRefused(why);
            }
            let mut agent = agent.clone();
            agent.create_request = with_loaded_profile(&root, agent.create_request);
            match launch(&docker, &agent, &way).await {
                Ok(run) => News::AgentRunning(run),
                Err(error) => News::LaunchFailed(error.to_string()),
            }
        });
    }

    pub(super) fn follow_agent(&mut self) {
        let (Some(docker), Some((id, _))) = (self.docker.clone(), self.agent.clone()) else {
            return;
        };
        let process = self.agent_process.clone();
        let left_to_amazon = self.left_to_amazon();
        self.spawn(Kind::FollowAgent, async move {
            let ended = async {
                tokio::select! {
                    news = told_by_engine(&docker, &id) => news,
                    () = unreported_end(process) => News::AgentEnded {
                        code: told_or_killed(&docker, &id).await,
                    },
                }
            };
            if left_to_amazon {
                amazon_unit::follow(ended).await
            } else {
                ended.await
            }
        });
    }

    pub(super) fn probe_agent(&mut self) {
        self.spawn(Kind::Probe, async {
            let answer = introspection::metadata(introspection::PORT).await;
            News::AgentProbed(answer)
        });
    }

    pub(super) fn examine_exit(&mut self) {
        let (Some(docker), Some((id, since))) = (self.docker.clone(), self.agent.clone()) else {
            return;
        };
        let code = self.last_exit;
        let until = SystemTime::now();
        self.spawn(Kind::Examine, async move {
            let since = since.max(until - LOOK_BACK);
            let lines = match docker.lines(&id, since, until, LAST_BYTES).await {
                Ok(lines) => lines,
                Err(error) => {
                    tracing::debug!("the agent's last lines: {error}");
                    Vec::new()
                }
            };
            let shown = lines.len().saturating_sub(LAST_LINES);
            News::ExitExamined {
                reason: exit_reason(code, &lines),
                last_lines: lines[shown..].iter().map(|line| masked(line)).collect(),
            }
        });
    }
}

/// What a container ends with that is killed, or removed by hand; taken for one of which nothing else is known.
const KILLED: i64 = 137;

async fn told_by_engine(docker: &Docker, id: &str) -> News {
    /// Until an engine is asked again that could not be asked, or refused to say.
    const AGAIN: Duration = Duration::from_secs(1);
    loop {
        match docker.ended(id).await {
            Ok(ended) => return News::AgentEnded { code: ended.code },
            Err(DockerError::NotFound(_)) => return News::AgentEnded { code: KILLED },
            Err(error @ DockerError::Unreachable(_)) => {
                return News::EnginePinged(Err(error.to_string()));
            }
            Err(error) => tracing::debug!("the agent's end is awaited again: {error}"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// The end of the agent's process where the engine has not told of it: dockerd 20.10 does not after its containerd was
/// killed, and a daemon that hangs never does.
async fn unreported_end(process: Option<ContainerProcess>) {
    /// How long the engine has to tell, with the exit status that it alone knows.
    const TOLD_WITHIN: Duration = Duration::from_secs(2);
    /// How often the process is looked at where the kernel does not tell: with the above and [`ASKED_WITHIN`], its death
    /// shows within 5 s.
    const LOOK_EVERY: Duration = Duration::from_millis(1500);
    match process {
        Some(process) => process.ended(LOOK_EVERY).await,
        None => std::future::pending().await,
    }
    tokio::time::sleep(TOLD_WITHIN).await;
}

/// How long the engine has to answer what the agent ended with, when it has not told by itself.
const ASKED_WITHIN: Duration = Duration::from_secs(1);

async fn told_or_killed(docker: &Docker, id: &str) -> i64 {
    let found = docker.container_within(id, ASKED_WITHIN).await;
    let ended = found.ok().flatten().filter(|found| !found.running);
    ended.map_or(KILLED, |found| found.exit_code)
}

/// What is special about a start.
struct Way {
    /// Take nothing over: end what runs and make a new container.
    anew: bool,
    /// Move the agent's saved state aside first.
    aside: Option<Aside>,
    /// How long a running container has to stop.
    grace: Duration,
}

/// Sees to it that the container runs, by the shortest way.
async fn launch(docker: &Docker, agent: &AgentPlan, way: &Way) -> Result<AgentRun, DockerError> {
    if way.anew {
        docker.stop(&agent.name, way.grace).await?;
        docker.remove(&agent.name).await?;
    }
    if let Some(why) = way.aside {
        move_state_aside(why).await?;
    }
    let (found, other_image) = look(docker, agent).await?;
    let Some(found) = found else {
        return make(docker, agent).await;
    };
    if found.runs() {
        return Ok(taken_over(found, other_image));
    }
    let plan_hash = found.labels.get(PLAN_HASH_LABEL).map(String::as_str);
    let startable = !found.running && !other_image;
    if startable && plan_hash.is_some() && plan_hash == agent.hash() {
        match docker.start(&found.id).await {
            Ok(()) => return started(docker, &found.id).await,
            // A start that was cut off leaves a task that keeps its container down for good; a new one owes it nothing.
            Err(error @ DockerError::Refused { .. }) => {
                tracing::warn!("a new container is made, for the old one does not start: {error}");
            }
            Err(error) => return Err(error),
        }
    }
    docker.remove(&agent.name).await?;
    make(docker, agent).await
}

/// The container, and whether the image that is loaded now is another one than its own.
async fn look(
    docker: &Docker,
    agent: &AgentPlan,
) -> Result<(Option<Container>, bool), DockerError> {
    let (found, image) =
        tokio::try_join!(docker.container(&agent.name), docker.image(&agent.image))?;
    let loaded = image.and_then(|image| image.id);
    let other_image = found
        .as_ref()
        .zip(loaded)
        .is_some_and(|(found, loaded)| found.image_id != loaded);
    Ok((found, other_image))
}

pub(super) fn taken_over(found: Container, other_image: bool) -> AgentRun {
    AgentRun {
        other_image,
        adopted: true,
        ..run(found)
    }
}

async fn make(docker: &Docker, agent: &AgentPlan) -> Result<AgentRun, DockerError> {
    let id = docker
        .create(&agent.name, agent.create_request.clone())
        .await?;
    docker.start(&id).await?;
    started(docker, &id).await
}

async fn started(docker: &Docker, id: &str) -> Result<AgentRun, DockerError> {
    let found = docker.container(id).await?;
    found
        .map(run)
        .ok_or_else(|| DockerError::NotFound(format!("container {id} is gone after its start")))
}

pub(super) fn run(found: Container) -> AgentRun {
    let process = found.process();
    AgentRun {
        plan_hash: found.labels.get(PLAN_HASH_LABEL).cloned(),
        other_image: false,
        container_id: found.id,
        image_id: found.image_id,
        process,
        started_at: found.started_at,
        adopted: false,
    }
}

/// Why the agent's saved state goes out of its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aside {
    /// The agent can't read it.
    Unreadable,
    /// Another instance left it in the image.
    OfAnotherInstance,
}

/// Moves what the agent saved out of its way, and keeps it.
async fn move_state_aside(why: Aside) -> Result<(), DockerError> {
    const STATE: &str = "/var/lib/ecs/data";
    let now = humantime::format_rfc3339_seconds(SystemTime::now());
    let (suffix, words) = match why {
        Aside::Unreadable => ("unreadable", "the agent can't read its saved state"),
        Aside::OfAnotherInstance => (
            "of-another-instance",
            "the agent's saved state is that of another instance",
        ),
    };
    let aside = format!("{STATE}.{suffix}-{now}");
    tracing::warn!(
        MESSAGE_ID = message::AGENT_STATE_ASIDE,
        "{words}; it is kept in {aside}"
    );
    match tokio::fs::rename(STATE, &aside).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(DockerError::File {
            path: STATE.to_owned(),
            error,
        }),
        _ => Ok(()),
    }
}

/// The agent's words may quote its environment.
fn masked(line: &str) -> String {
    String::from_utf8_lossy(&agent_config::mask(line.as_bytes())).into_owned()
}
