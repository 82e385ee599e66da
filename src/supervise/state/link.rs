//! The agent's connections: an agent that holds none gets no tasks, though it is registered and answers.

use super::{Action, AgentState, EngineState, Link, RECONNECT_AGAIN, State, Timer};

impl State {
    pub(super) fn linked(&mut self, connected: bool, actions: &mut Vec<Action>) {
        let registered = matches!(
            self.agent,
            AgentState::Running {
                registered: true,
                ..
            }
        );
        if connected || !registered {
            self.forget_link(actions);
        } else if self.link == Link::Held {
            self.link = Link::Cut;
            actions.push(Action::arm(
                Timer::Disconnected,
                self.policy.disconnected_after,
            ));
        }
    }

    /// What was seen was of an agent that does not run any more, or it is over.
    pub(super) fn forget_link(&mut self, actions: &mut Vec<Action>) {
        if self.link != Link::Held {
            self.link = Link::Held;
            actions.push(Action::Disarm(Timer::Disconnected));
            actions.push(Action::Disarm(Timer::Reconnect));
        }
    }

    pub(super) fn link_lost(&mut self, actions: &mut Vec<Action>) {
        if self.link != Link::Cut {
            return;
        }
        self.link = Link::Lost;
        if let Some(after) = self.policy.restart_disconnected {
            actions.push(Action::arm(Timer::Reconnect, after));
        }
    }

    /// At most once an hour, and not while somebody's hands are on it.
    pub(super) fn renew_agent(&mut self, actions: &mut Vec<Action>) {
        let (Link::Lost, Some(after)) = (self.link, self.policy.restart_disconnected) else {
            return;
        };
        actions.push(Action::arm(Timer::Reconnect, after));
        let runs = matches!(self.agent, AgentState::Running { .. });
        if runs && !self.renewed && !self.held && self.engine == EngineState::Up {
            self.renewed = true;
            actions.push(Action::arm(Timer::ReconnectAgain, RECONNECT_AGAIN));
            actions.push(Action::RenewAgent);
        }
    }
}
