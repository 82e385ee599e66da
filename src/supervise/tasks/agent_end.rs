//! The agent is ended: stopped with its grace, killed because it hangs, or by signals where the engine can't be asked.

use std::time::Duration;

use tokio::time::Instant;

use crate::host::docker::DockerError;
use crate::host::process::ContainerProcess;
use crate::supervise::news::News;
use crate::telemetry::message;

use super::{Crew, Kind, amazon_unit};

/// How long the engine has to answer when the agent is to be stopped, part of the agent's grace.
pub(super) const HUNG_AT_STOP: Duration = Duration::from_secs(1);

impl Crew {
    /// Ends an agent that hangs: it would not hear SIGTERM.
    pub(super) fn end_agent(&mut self) {
        let Some(docker) = self.docker.clone() else {
            return;
        };
        let name = self.container_name();
        tracing::warn!(
            MESSAGE_ID = message::AGENT_KILLED,
            "the agent does not answer; it is killed and started again"
        );
        self.spawn_silent(Kind::EndAgent, async move {
            if let Err(error) = docker.kill(&name).await {
                tracing::warn!("the agent could not be killed: {error}");
            }
        });
    }

    /// Through the engine; where that can't be asked, by signals to the agent's process.
    pub(super) fn stop_agent(&mut self, hurry: bool) {
        // A start under way would bring it back.
        self.cancel(Kind::Agent);
        self.cancel(Kind::Probe);
        let grace = if hurry {
            Duration::ZERO
        } else {
            self.settings.agent.stop_grace
        };
        self.stop_began.get_or_insert_with(Instant::now);
        let docker = self.docker.clone();
        let process = self.agent_process.clone();
        let name = self.container_name();
        let left_to_amazon = self.left_to_amazon();
        self.spawn(Kind::FollowAgent, async move {
            if left_to_amazon {
                return News::AgentStopped {
                    stopped: amazon_unit::stop(process, grace).await,
                    engine_silent: false,
                };
            }
            let began = Instant::now();
            // A call that stops a container is answered at its end alone, so that a hang would show after the grace.
            let answering = match docker {
                Some(docker) => {
                    let answer = docker.ping_within(HUNG_AT_STOP).await;
                    answer.map(|()| docker).map_err(|error| error.to_string())
                }
                None => Err("the Docker daemon is not up".to_owned()),
            };
            let mut left = grace.saturating_sub(began.elapsed());
            if process.is_none() {
                // Its start was cut off, which may hang in the engine: time is left to end that one as well.
                left = left.saturating_sub(HUNG_AT_STOP);
            }
            let (stopped, engine_silent) = match answering {
                Ok(docker) => match docker.stop(&name, left).await {
                    Ok(()) => (Ok(()), false),
                    // Its grace is over.
                    Err(error) => (
                        end_process(process, Duration::ZERO, &error.to_string()).await,
                        matches!(error, DockerError::Deadline { .. }),
                    ),
                },
                Err(why) => (end_process(process, left, &why).await, true),
            };
            News::AgentStopped {
                stopped,
                engine_silent,
            }
        });
    }

    /// Stops an agent that gets no tasks: it saves its state, and its end is one like any other.
    pub(super) fn renew_agent(&mut self) {
        let Some(docker) = self.docker.clone() else {
            return;
        };
        let (name, grace) = (self.container_name(), self.settings.agent.stop_grace);
        tracing::warn!("the agent has no connection to ECS; it is stopped and started again");
        self.spawn_silent(Kind::EndAgent, async move {
            if let Err(error) = docker.stop(&name, grace).await {
                tracing::warn!("the agent could not be stopped: {error}");
            }
        });
    }

    fn container_name(&self) -> String {
        let planned = self.plan.as_ref().and_then(|plan| plan.agent.as_ref());
        planned.map_or_else(
            || crate::plan::CONTAINER_NAME.to_owned(),
            |agent| agent.name.clone(),
        )
    }
}

pub(super) async fn end_process(
    process: Option<ContainerProcess>,
    grace: Duration,
    why: &str,
) -> Result<(), String> {
    let Some(process) = process.filter(ContainerProcess::runs) else {
        return Err(format!("{why}, and no process of the agent is known"));
    };
    tracing::warn!("{why}; signalling the agent's process {}", process.pid);
    if process.end(grace).await {
        Ok(())
    } else {
        Err(format!("process {} of the agent does not end", process.pid))
    }
}
