//! What is tried again, when and why: one entry for each thing that failed, until it is there.

use std::time::Duration;

use crate::snapshot::{Reason, RetryView, Timestamp};
use crate::supervise::state::{BUDGET, EngineState, Fitness, Need, State, Timer};

use super::Board;

impl Board {
    /// Notes that something is tried again after a wait; false for a timer of which nothing is told.
    pub fn tried_again(&mut self, timer: Timer, wait: Duration, state: &State) -> bool {
        let Some(what) = what(timer) else {
            return false;
        };
        let before = self.retries.get(&timer).map_or(0, |retry| retry.attempts);
        let (attempts, budget) = match timer {
            Timer::Agent => (state.failures, Some(BUDGET)),
            Timer::Engine => (state.engine_failures, Some(BUDGET)),
            _ => (before.saturating_add(1), None),
        };
        let why = match timer {
            Timer::Agent => self.why.agent.clone(),
            Timer::Engine => self.why.engine.clone(),
            Timer::Identity => self.why.metadata.clone(),
            Timer::Credentials => self.why.credentials.clone(),
            Timer::UserData => self.why.user_data.clone(),
            Timer::Image => self.why.image.clone(),
            _ => self.unfit_because(),
        };
        let retry = RetryView {
            what: what.to_owned(),
            attempts,
            budget,
            next_try_at: Timestamp::now().after(wait),
            why,
        };
        self.retries.insert(timer, retry);
        true
    }

    /// Forgets what is there by now.
    pub(super) fn forget_retries(&mut self, state: &State) {
        self.retries.retain(|timer, _| match timer {
            Timer::Agent => state.agent.waits(),
            Timer::Engine => matches!(state.engine, EngineState::Down | EngineState::Starting),
            Timer::Identity => state.identity != Need::Met,
            Timer::Credentials => state.credentials != Need::Met,
            Timer::UserData => state.user_data != Need::Met,
            Timer::Image => state.image != Need::Met,
            _ => state.fitness == Fitness::Unfit,
        });
    }

    /// What is tried again for the reason of the phase.
    pub(super) fn retry(&self) -> Option<&RetryView> {
        let timer = match self.phase.1? {
            Reason::Engine
            | Reason::EngineLost
            | Reason::EngineHung
            | Reason::EngineStoppedByOperator => Timer::Engine,
            Reason::Metadata => Timer::Identity,
            Reason::Credentials => Timer::Credentials,
            Reason::UserData => Timer::UserData,
            Reason::Image | Reason::ImageInvalid => Timer::Image,
            Reason::HostUnfit => Timer::Check,
            _ => Timer::Agent,
        };
        self.retries.get(&timer)
    }
}

fn what(timer: Timer) -> Option<&'static str> {
    match timer {
        Timer::Agent => Some("agent"),
        Timer::Engine => Some("engine"),
        Timer::Identity => Some("metadata"),
        Timer::Credentials => Some("credentials"),
        Timer::UserData => Some("user_data"),
        Timer::Image => Some("image"),
        Timer::Check => Some("checks"),
        _ => None,
    }
}
