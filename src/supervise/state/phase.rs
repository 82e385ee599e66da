//! What the state means to the outside.

use super::{AgentState, BUDGET, EngineState, Fitness, Goal, Link, Need, SILENT_PROBES, State};
use crate::snapshot::{Phase, Reason};

impl State {
    /// The phase and, where it is not the whole story, the reason.
    pub fn phase(&self) -> (Phase, Option<Reason>) {
        match self.goal {
            Goal::Stop if self.agent == AgentState::Stopped => return (Phase::Stopped, None),
            Goal::Stop => return (Phase::Draining, None),
            Goal::Leave => return (Phase::Stopped, None),
            Goal::Run if self.held => return (Phase::Held, None),
            Goal::Run => {}
        }
        match self.fitness {
            Fitness::Unknown => return (Phase::Checking, None),
            Fitness::Unfit => return (Phase::Failed, Some(Reason::HostUnfit)),
            Fitness::Fit => {}
        }
        if let Some(found) = self.engine_phase() {
            return found;
        }
        match self.agent {
            AgentState::Running {
                silent, registered, ..
            } => match running(registered, silent) {
                // Neither can be said to be well, nor to be broken.
                (Phase::Healthy | Phase::Registering, _)
                    if self.engine_unasked || self.agent_unasked =>
                {
                    (Phase::Degraded, Some(Reason::NannyExhausted))
                }
                (Phase::Healthy, _) if self.link == Link::Lost => {
                    (Phase::Degraded, Some(Reason::AgentDisconnected))
                }
                (Phase::Healthy, _) if self.update_taken_back => {
                    (Phase::Degraded, Some(Reason::UpdateTakenBack))
                }
                found => found,
            },
            AgentState::Failed => (Phase::Failed, Some(Reason::AgentTerminal)),
            AgentState::Refused => (Phase::Failed, Some(Reason::AgentConflict)),
            AgentState::StoppedByOperator => (Phase::Waiting, Some(Reason::AgentStoppedByOperator)),
            // Whether it is over is not known yet.
            AgentState::Examining => (Phase::Degraded, Some(Reason::AgentExited)),
            AgentState::BackingOff => (Phase::Degraded, Some(self.loss)),
            AgentState::Idle | AgentState::Sought | AgentState::Launching => self.coming(),
            AgentState::Stopping | AgentState::Stopped => (Phase::Draining, None),
        }
    }

    fn engine_phase(&self) -> Option<(Phase, Option<Reason>)> {
        let found = match self.engine {
            EngineState::Up => return None,
            EngineState::StoppedByOperator => {
                (Phase::Waiting, Some(Reason::EngineStoppedByOperator))
            }
            EngineState::Hung => (Phase::Degraded, Some(Reason::EngineHung)),
            EngineState::Down if self.was_healthy || self.engine_failures > BUDGET => {
                (Phase::Degraded, Some(Reason::EngineLost))
            }
            EngineState::Starting if self.was_healthy => {
                (Phase::Degraded, Some(Reason::EngineLost))
            }
            EngineState::Unknown
            | EngineState::Sought
            | EngineState::Starting
            | EngineState::Down => (Phase::Waiting, Some(Reason::Engine)),
        };
        Some(found)
    }

    /// The agent is not there yet: what is missing.
    fn coming(&self) -> (Phase, Option<Reason>) {
        if self.user_data_refused && self.user_data != Need::Met {
            return (Phase::Failed, Some(Reason::UserData));
        }
        let missing = if self.user_data != Need::Met {
            Some(Reason::UserData)
        } else if !self.cluster {
            Some(Reason::Cluster)
        } else if self.identity != Need::Met {
            Some(Reason::Metadata)
        } else if self.credentials != Need::Met {
            Some(Reason::Credentials)
        } else if self.gpus == Need::Missing || self.gpus_awaited {
            Some(Reason::Gpu)
        } else if self.image == Need::Missing {
            Some(if self.image_invalid {
                Reason::ImageInvalid
            } else {
                Reason::Image
            })
        } else if self.warm {
            Some(Reason::WarmPool)
        } else {
            None
        };
        match missing {
            Some(reason) => (Phase::Waiting, Some(reason)),
            None if self.failures > 0 || self.was_healthy => (Phase::Degraded, Some(self.loss)),
            None => (Phase::Launching, None),
        }
    }
}

fn running(registered: bool, silent: u32) -> (Phase, Option<Reason>) {
    match (registered, silent >= SILENT_PROBES) {
        (true, true) => (Phase::Degraded, Some(Reason::AgentSilent)),
        (true, false) => (Phase::Healthy, None),
        (false, _) => (Phase::Registering, None),
    }
}
