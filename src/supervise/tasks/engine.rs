//! The engine: started, awaited, followed, pinged, stopped.

use std::time::Duration;

use tokio::time::Instant;

use crate::facts;
use crate::host::docker::{Docker, DockerError};
use crate::host::process;
use crate::settings::OnHung;
use crate::supervise::engine::NotUp;
use crate::supervise::news::News;
use crate::supervise::state::Event;

use crate::telemetry::message;

use super::agent_end::HUNG_AT_STOP;
use super::{Crew, Kind};

/// How long a child engine has to stop its containers and itself.
const STOP_GRACE: Duration = Duration::from_secs(15);
/// One that hangs has what is left of the agent's grace and this, so that all of it takes at most 2 s longer,
const HUNG_LONGER: Duration = Duration::from_secs(1);
/// and a little in any case.
const HUNG_AT_LEAST: Duration = Duration::from_millis(500);

impl Crew {
    pub(super) fn start_engine(&mut self) {
        let backend = self.backend.clone();
        let endpoint = self.endpoint();
        let was_up = self.engine_was_up;
        self.spawn(Kind::Engine, async move {
            let found = backend.lock().await.bring_up(&endpoint, was_up).await;
            described(found).await
        });
    }

    pub(super) fn seek_engine(&mut self) {
        let backend = self.backend.clone();
        let endpoint = self.endpoint();
        self.spawn(Kind::Engine, async move {
            let Some(docker) = backend.lock().await.running(&endpoint).await else {
                return News::NoEngineRuns;
            };
            match described(Ok(docker)).await {
                News::EngineNotUp(_) => News::NoEngineRuns,
                up => up,
            }
        });
    }

    pub(super) fn await_engine(&mut self) {
        let backend = self.backend.clone();
        let endpoint = self.endpoint();
        self.spawn(Kind::Engine, async move {
            let found = backend.lock().await.await_start(&endpoint).await;
            described(found).await
        });
    }

    pub(super) fn follow_engine(&mut self) {
        let Some(docker) = self.docker.clone() else {
            return;
        };
        self.spawn(Kind::FollowEngine, async move {
            docker.gone().await;
            News::Plain(Event::EngineLost)
        });
    }

    pub(super) fn ping_engine(&mut self) {
        let Some(docker) = self.docker.clone() else {
            return;
        };
        // Not while one is being started: that holds up what is asked about it.
        let running = self.agent_process.as_ref();
        let agent = running.map(|process| process.container.clone());
        self.spawn(Kind::Ping, async move {
            // What the engine says of the agent shows that it answers, and that it is not stuck with the container.
            let answer = match &agent {
                Some(id) => docker.answers_about(id).await,
                None => docker.ping().await,
            };
            match answer {
                // Who is gone does not answer late; the follower may not have been told.
                Err(DockerError::Unreachable(_)) => News::Plain(Event::EngineLost),
                Err(error @ DockerError::Exhausted(_)) => News::EngineUnasked(error.to_string()),
                other => News::EnginePinged(other.map_err(|error| error.to_string())),
            }
        });
    }

    /// Ends an engine that hangs, where that costs no task or the settings say so.
    pub(super) fn end_engine(&mut self) {
        let backend = self.backend.clone();
        let policy = self.settings.engine.on_hung;
        let live_restore = self.live_restore;
        let agent = usize::from(
            self.agent_process
                .as_ref()
                .is_some_and(|agent| agent.runs()),
        );
        self.spawn_silent(Kind::EndEngine, async move {
            let others = process::containers().map(|all| all.saturating_sub(agent));
            let spare = policy == OnHung::Report
                || (policy == OnHung::Auto && !live_restore && others != Some(0));
            if spare {
                let others = others.map_or("who knows how many".to_owned(), |others| others.to_string());
                tracing::warn!(
                    "the Docker daemon hangs and is left alone: a restart would end {others} containers; to restart it: set engine.on_hung = \"restart\""
                );
                return;
            }
            tracing::warn!(MESSAGE_ID = message::ENGINE_KILLED, "the Docker daemon hangs; it is killed and started again");
            if let Err(why) = backend.lock().await.kill().await {
                tracing::warn!("the Docker daemon could not be killed: {why}");
            }
        });
    }

    pub(super) fn stop_engine(&mut self) {
        self.cancel(Kind::FollowEngine);
        self.cancel(Kind::Ping);
        let backend = self.backend.clone();
        let docker = self.docker.clone();
        let began = self.stop_began.unwrap_or_else(Instant::now);
        let by = began + self.settings.agent.stop_grace + HUNG_LONGER;
        let silent = self.silent_at_stop;
        self.spawn(Kind::Engine, async move {
            let hangs = match docker {
                _ if silent => true,
                Some(docker) => docker.ping_within(HUNG_AT_STOP).await.is_err(),
                None => false,
            };
            let grace = match hangs {
                true => by.duration_since(Instant::now()).max(HUNG_AT_LEAST),
                false => STOP_GRACE,
            };
            backend.lock().await.stop(grace).await;
            News::EngineStopped
        });
    }
}

async fn described(found: Result<Docker, NotUp>) -> News {
    let docker = match found {
        Ok(docker) => docker,
        Err(not_up) => return News::EngineNotUp(not_up),
    };
    match facts::engine(&docker).await {
        Ok(facts) => News::EngineUp {
            docker,
            facts: Box::new(facts),
        },
        Err(error) => News::EngineNotUp(NotUp::Failed(error.to_string())),
    }
}
