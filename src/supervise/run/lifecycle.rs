//! What EC2 and Auto Scaling announce: recorded, shown, and what it means for the agent's start.

use crate::facts::{Fact, is_warm};
use crate::snapshot::{ActionView, LifecycleView};
use crate::supervise::state::Event;
use crate::telemetry::message;

use super::Supervisor;

impl Supervisor {
    /// Takes the view as it is now.
    pub(super) fn announced(&mut self, mut view: LifecycleView) {
        for action in &view.actions {
            if !self.board.lifecycle.actions.contains(action) {
                record(action);
            }
        }
        let wanted = view.target_state.take();
        view.target_state = self.board.lifecycle.target_state.take();
        let before = std::mem::replace(&mut self.board.lifecycle, view);
        let now = &self.board.lifecycle;
        for notice in &now.notices {
            if !before.notices.iter().any(|known| known.same(notice)) {
                tracing::warn!(
                    MESSAGE_ID = message::ANNOUNCED,
                    NANNY_NOTICE = notice.name.word(),
                    "announced: {}",
                    notice.line()
                );
            }
        }
        for notice in &before.notices {
            if !now.notices.iter().any(|known| known.same(notice)) {
                tracing::info!(
                    MESSAGE_ID = message::CALLED_OFF,
                    NANNY_NOTICE = notice.name.word(),
                    "no longer announced: {}",
                    notice.line()
                );
            }
        }
        // An agent that is started from now on has what is derived of it.
        if let Fact::Known(instance) = &mut self.board.facts.instance
            && instance.target_lifecycle_state != wanted
        {
            instance.target_lifecycle_state.clone_from(&wanted);
            self.recomputed();
        }
        self.group_wants(wanted);
        self.record_findings();
    }

    /// Takes the state that the Auto Scaling group wants; `None` where no group is known.
    pub(super) fn group_wants(&mut self, state: Option<String>) {
        let warm = state.as_deref().is_some_and(is_warm);
        let before = std::mem::replace(&mut self.board.lifecycle.target_state, state);
        let now = &self.board.lifecycle.target_state;
        if let Some(state) = now.as_ref().filter(|_| before != *now) {
            tracing::info!(
                MESSAGE_ID = message::TARGET_STATE,
                "the Auto Scaling group wants {state}"
            );
        }
        if warm != self.state.warm {
            self.step(Event::Warm(warm));
        }
    }
}

/// A failure is recorded as a finding.
fn record(action: &ActionView) {
    if action.state == "done" {
        tracing::info!(
            MESSAGE_ID = message::ACTED,
            NANNY_ACTION = action.name.as_str(),
            "{}: {}",
            action.name,
            action.detail
        );
    }
}
