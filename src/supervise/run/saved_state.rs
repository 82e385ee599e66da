//! Whose state the agent finds: that of this instance, or what another one left in the image.

use crate::checks;
use crate::facts::KNOWN_INSTANCE;
use crate::host::files;
use crate::settings::BakedState;
use crate::supervise::tasks::Aside;

use super::Supervisor;

impl Supervisor {
    /// Notes the instance once its state is known to be its own. State of another instance is left to the rule, or where
    /// the settings say so moved out of the agent's way before its next start.
    pub(super) fn judge_saved_state(&mut self) {
        let facts = &self.board.facts;
        let host_is_read = facts.schema > 0;
        let Some(instance) = facts.instance.known().filter(|_| host_is_read) else {
            return;
        };
        let id = instance.instance_id.clone();
        if self.noted_instance.as_ref() == Some(&id) {
            return;
        }
        let foreign = checks::has_foreign_state(facts);
        match self.board.loaded.settings.agent.baked_state {
            BakedState::Aside if foreign => {
                self.crew.move_state_aside = Some(Aside::OfAnotherInstance);
            }
            BakedState::Report if foreign => {}
            _ => self.note_instance(id),
        }
    }

    /// A new agent has begun: what it finds was judged before.
    pub(super) fn saved_state_is_own(&mut self) {
        let instance = self.board.facts.instance.known();
        let moved = self.board.loaded.settings.agent.baked_state == BakedState::Aside;
        let Some(id) = instance.map(|it| it.instance_id.clone()).filter(|_| moved) else {
            return;
        };
        if self.noted_instance.as_ref() != Some(&id) {
            self.note_instance(id);
            self.recomputed();
        }
    }

    /// What was noted holds for facts that were read before the file was written.
    pub(super) fn remember_instance(&mut self) {
        if let Some(id) = &self.noted_instance {
            self.board.facts.host.agent_state.known_instance = Some(id.clone());
        }
    }

    fn note_instance(&mut self, id: String) {
        let known = self.board.facts.host.agent_state.known_instance.as_ref();
        if known != Some(&id) {
            let path = self.crew.root.path(KNOWN_INSTANCE);
            let line = format!("{id}\n");
            tokio::task::spawn_blocking(move || {
                if let Err(error) = files::replace(&path, 0o644, line.as_bytes()) {
                    tracing::warn!("{}: {error}", path.display());
                }
            });
        }
        self.noted_instance = Some(id);
        self.remember_instance();
    }
}
