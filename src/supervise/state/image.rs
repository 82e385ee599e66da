//! The agent's image: changed by an update, taken back.

use super::{Action, AgentState, Need, State, Timer};

impl State {
    pub(super) fn image_changing(&mut self) {
        self.changing_image = true;
        self.image = Need::Busy;
    }

    pub(super) fn image_changed(&mut self, actions: &mut Vec<Action>) {
        self.changing_image = false;
        self.image = Need::Met;
        if matches!(
            self.agent,
            AgentState::Running { .. } | AgentState::BackingOff | AgentState::Failed
        ) {
            actions.push(Action::Disarm(Timer::Probe));
            actions.push(Action::Disarm(Timer::Agent));
            self.agent = AgentState::Idle;
        }
    }

    pub(super) fn update_refused(&mut self, actions: &mut Vec<Action>) {
        self.changing_image = false;
        self.image = Need::Met;
        if self.agent == AgentState::Idle {
            self.back_off(actions);
        }
    }
}
