//! The end: agent, network, engine, in this order.

use super::{Action, AgentState, Goal, State};

impl State {
    pub(super) fn stop(&mut self, actions: &mut Vec<Action>) {
        match self.goal {
            Goal::Run => {
                self.goal = Goal::Stop;
                actions.push(Action::DisarmAll);
                self.agent = AgentState::Stopping;
                actions.push(Action::StopAgent { hurry: false });
            }
            // The second request hurries.
            Goal::Stop => {
                if self.agent == AgentState::Stopping {
                    actions.push(Action::StopAgent { hurry: true });
                }
            }
            Goal::Leave => {}
        }
    }

    pub(super) fn leave(&mut self, actions: &mut Vec<Action>) {
        if self.goal == Goal::Run {
            self.goal = Goal::Leave;
            actions.push(Action::DisarmAll);
            actions.push(Action::Exit);
        }
    }

    pub(super) fn agent_stopped(&mut self, actions: &mut Vec<Action>) {
        if self.goal == Goal::Stop && self.agent == AgentState::Stopping {
            self.agent = AgentState::Stopped;
            actions.push(Action::UndoPlan);
        }
    }

    pub(super) fn undone(&mut self, actions: &mut Vec<Action>) {
        if self.goal != Goal::Stop {
            return;
        }
        if self.policy.owns_engine {
            actions.push(Action::StopEngine);
        } else {
            actions.push(Action::Exit);
        }
    }
}
