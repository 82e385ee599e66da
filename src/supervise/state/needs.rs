//! What the agent needs besides the engine: the rules' word, user data, identity, plan.

use super::{
    Action, AgentState, BUDGET, EngineState, Fitness, Goal, LONGEST_WAIT, Need, REASSERT_EVERY,
    State, Timer,
};

impl State {
    pub(super) fn checked(&mut self, unfit: bool, cluster: bool, actions: &mut Vec<Action>) {
        self.cluster = cluster;
        if !unfit {
            self.fitness = Fitness::Fit;
            if self.network == Need::Met {
                self.network = Need::Open;
            }
            return;
        }
        // A host that turns unfit while its agent runs is reported, not stopped: its tasks would suffer.
        if self.launched {
            return;
        }
        self.fitness = Fitness::Unfit;
        actions.push(Action::arm(Timer::Check, self.policy.slow_retry));
        let looking = !self.looked_for_agent || self.agent == AgentState::Sought;
        match self.engine {
            EngineState::Unknown => {
                self.engine = EngineState::Sought;
                actions.push(Action::SeekEngine);
            }
            EngineState::Sought => {}
            EngineState::Up if looking => {}
            _ => self.nothing_runs(actions),
        }
    }

    /// The host is not fit, and no agent runs on it that could be taken over.
    pub(super) fn nothing_runs(&mut self, actions: &mut Vec<Action>) {
        let unfit = self.goal == Goal::Run && self.fitness == Fitness::Unfit;
        if unfit && self.policy.exit_on_failed {
            actions.push(Action::Exit);
        }
    }

    /// What the user data wrote is read before the agent is started with it.
    pub(super) fn user_data_ended(&mut self, actions: &mut Vec<Action>) {
        self.user_data_refused = false;
        if self.user_data == Need::Busy && !self.user_data_ended {
            self.user_data_ended = true;
            actions.push(Action::Check);
        }
    }

    pub(super) fn reread(&mut self, actions: &mut Vec<Action>) {
        if self.goal != Goal::Run {
            return;
        }
        actions.push(Action::Check);
    }

    /// What was changed may be what was missing, or what made the agent end.
    pub(super) fn configuration_read(&mut self, actions: &mut Vec<Action>) {
        if self.goal != Goal::Run {
            return;
        }
        if self.user_data_ended {
            self.user_data = Need::Met;
        }
        retry(&mut self.user_data);
        retry(&mut self.identity);
        retry(&mut self.gpus);
        retry(&mut self.image);
        let in_slow_lane = self.agent == AgentState::BackingOff && self.failures > BUDGET;
        if in_slow_lane || matches!(self.agent, AgentState::Failed | AgentState::Refused) {
            actions.push(Action::Disarm(Timer::Agent));
            self.agent = AgentState::Idle;
        }
    }

    /// An agent that runs already is left as it is.
    pub(super) fn gpus_wanted(&mut self) {
        if self.gpus == Need::Met && !self.launched {
            self.gpus = Need::Open;
        }
    }

    pub(super) fn gpus_ready(&mut self) {
        self.gpus_awaited = false;
        self.gpus = Need::Met;
    }

    pub(super) fn plan_applied(&mut self, actions: &mut Vec<Action>) {
        if self.goal != Goal::Run {
            return;
        }
        self.network = Need::Met;
        actions.push(Action::arm(Timer::Reassert, REASSERT_EVERY));
    }
}

/// Tries again what was missing.
pub(super) fn retry(need: &mut Need) {
    if *need == Need::Missing {
        *need = Need::Open;
    }
}

/// Notes that something is missing, to be tried again.
pub(super) fn missing(need: &mut Need, timer: Timer, actions: &mut Vec<Action>) {
    if *need == Need::Busy {
        *need = Need::Missing;
        actions.push(Action::arm(timer, LONGEST_WAIT));
    }
}
