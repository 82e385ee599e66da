//! The engine: comes up, goes away, hangs.

use super::{
    Action, AgentState, EngineState, Fitness, Goal, Need, PROBE_AGAIN, PROBE_EVERY, SILENT_PROBES,
    State, Timer, wait_after,
};
use crate::snapshot::Reason;

impl State {
    pub(super) fn engine_up(&mut self, actions: &mut Vec<Action>) {
        if self.goal != Goal::Run {
            return;
        }
        self.engine = EngineState::Up;
        self.engine_failures = 0;
        self.engine_silent = 0;
        self.charged = 0;
        self.looked_for_agent = false;
        actions.push(Action::Disarm(Timer::Engine));
        actions.push(Action::FollowEngine);
        actions.push(Action::arm(Timer::Ping, PROBE_EVERY));
        // The engine may have lost the image, and its start rewrites the packet filter.
        if !self.changing_image {
            self.image = Need::Open;
        }
        if self.network == Need::Met {
            self.network = Need::Open;
        }
        match self.agent {
            // A unit that was stopped together with the engine is to run again with it.
            AgentState::Running { .. } | AgentState::BackingOff | AgentState::StoppedByOperator => {
                actions.push(Action::Disarm(Timer::Agent));
                self.agent = AgentState::Idle;
            }
            _ => {}
        }
    }

    pub(super) fn engine_lost(&mut self, actions: &mut Vec<Action>) {
        if !matches!(self.engine, EngineState::Up | EngineState::Hung) {
            return;
        }
        self.engine_gone();
        actions.push(Action::Disarm(Timer::Ping));
        actions.push(Action::Disarm(Timer::Hung));
        if self.fitness == Fitness::Unfit {
            self.engine = EngineState::Unknown;
            self.nothing_runs(actions);
        } else if self.held {
            self.engine = EngineState::Unknown;
        } else if self.goal == Goal::Run {
            self.engine = EngineState::Starting;
            actions.push(Action::StartEngine);
        } else {
            self.engine = EngineState::Down;
        }
    }

    /// Forgets what only a living engine can know.
    pub(super) fn engine_gone(&mut self) {
        self.engine_silent = 0;
        self.engine_unasked = false;
        self.loss = Reason::EngineLost;
        if matches!(self.agent, AgentState::Running { .. }) {
            self.agent = AgentState::Idle;
        }
        // An agent that ended just before its engine went away ended because of it.
        if self.charged > 0 {
            self.failures = self.failures.saturating_sub(self.charged);
            self.charged = 0;
            if self.agent == AgentState::BackingOff {
                self.agent = AgentState::Idle;
            }
        }
    }

    pub(super) fn engine_stopped(&mut self, actions: &mut Vec<Action>) {
        self.engine_gone();
        self.engine = EngineState::StoppedByOperator;
        if self.goal == Goal::Run {
            actions.push(Action::Disarm(Timer::Engine));
            actions.push(Action::AwaitEngine);
        }
    }

    pub(super) fn engine_down(&mut self, actions: &mut Vec<Action>) {
        if self.engine != EngineState::Starting {
            return;
        }
        self.engine = EngineState::Down;
        self.engine_failures = self.engine_failures.saturating_add(1);
        if self.goal == Goal::Run {
            actions.push(Action::arm(
                Timer::Engine,
                wait_after(self.engine_failures, self.policy.slow_retry),
            ));
        }
    }

    pub(super) fn engine_answers(&mut self, actions: &mut Vec<Action>) {
        if !matches!(self.engine, EngineState::Up | EngineState::Hung) {
            return;
        }
        self.engine_silent = 0;
        self.engine_unasked = false;
        self.engine = EngineState::Up;
        actions.push(Action::Disarm(Timer::Hung));
        actions.push(Action::arm(Timer::Ping, PROBE_EVERY));
    }

    pub(super) fn engine_is_silent(&mut self, actions: &mut Vec<Action>) {
        if !matches!(self.engine, EngineState::Up | EngineState::Hung) {
            return;
        }
        self.engine_unasked = false;
        self.engine_silent = self.engine_silent.saturating_add(1);
        if self.engine_silent >= SILENT_PROBES {
            self.engine = EngineState::Hung;
        }
        if let (SILENT_PROBES, Some(after)) = (self.engine_silent, self.policy.restart_hung_engine)
        {
            actions.push(Action::arm(Timer::Hung, after));
        }
        actions.push(Action::arm(Timer::Ping, PROBE_AGAIN));
    }

    /// That says nothing of the engine: it is neither well nor hung for it.
    pub(super) fn engine_unasked(&mut self, actions: &mut Vec<Action>) {
        if matches!(self.engine, EngineState::Up | EngineState::Hung) {
            self.engine_unasked = true;
            actions.push(Action::arm(Timer::Ping, PROBE_AGAIN));
        }
    }

    /// A hang that lasts: the shell looks whether the engine may be ended, and asks again later if not.
    pub(super) fn end_hung_engine(&mut self, actions: &mut Vec<Action>) {
        if self.engine != EngineState::Hung {
            return;
        }
        if let Some(after) = self.policy.restart_hung_engine {
            actions.push(Action::arm(Timer::Hung, after));
        }
        if !self.held {
            actions.push(Action::EndEngine);
        }
    }
}
