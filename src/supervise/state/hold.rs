//! An operator's hold: nothing is started, restarted or ended until it is released or over.

use super::{Action, AgentState, EngineState, Goal, State, Timer};

impl State {
    pub(super) fn hold(&mut self, held: bool, actions: &mut Vec<Action>) {
        if self.goal != Goal::Run || self.held == held {
            return;
        }
        self.held = held;
        if held {
            return;
        }
        actions.push(Action::Disarm(Timer::Hold));
        // What became due meanwhile is due now.
        if self.agent.waits() {
            actions.push(Action::Disarm(Timer::Agent));
            self.agent = AgentState::Idle;
        }
        if matches!(
            self.engine,
            EngineState::Down | EngineState::StoppedByOperator
        ) {
            actions.push(Action::Disarm(Timer::Engine));
            self.engine = EngineState::Unknown;
        }
    }
}
