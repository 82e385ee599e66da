//! The agent's image: what the machine of images hears, and what it asks for.

use crate::agent_image::{self as image, AgentVersion};
use crate::supervise::images::Told;
use crate::supervise::state::{AgentState, Event, SILENT_PROBES, Timer};
use crate::telemetry::message;

use super::Supervisor;

impl Supervisor {
    pub(super) fn tell_images(&mut self, event: image::Event) {
        // Its unit changes the images.
        if self.crew.left_to_amazon() {
            return;
        }
        let told = self.images.tell(event);
        self.follow_images(told);
    }

    pub(super) fn follow_images(&mut self, told: Told) {
        self.crew.image_record = self.images.record().clone();
        if let Some(bytes) = told.record {
            self.crew.write_image_record(bytes);
        }
        if told.rejected {
            self.step(Event::UpdateTakenBack(true));
        }
        for action in told.actions {
            match action {
                image::Action::ReadDesiredImage => self.crew.read_desired_image(),
                image::Action::Change(steps) => {
                    self.step(Event::ImageChanging);
                    self.crew.change_image(steps);
                }
                image::Action::StartAnew => {
                    self.crew.launch_anew = true;
                    self.step(Event::ImageChanged);
                }
                image::Action::StartAgain => self.step(Event::UpdateRefused),
                image::Action::DecideAnew => self.step(Event::ImageGone),
                image::Action::Confirmed => {
                    tracing::info!(
                        MESSAGE_ID = message::UPDATE_KEPT,
                        "the agent's update has proved itself and is kept"
                    );
                    self.crew.prune_updates();
                    self.step(Event::UpdateTakenBack(false));
                }
                image::Action::Remove(id) => self.crew.remove_image(id),
                image::Action::Report(finding) => {
                    self.images.findings.push(finding);
                    self.show_image_findings();
                }
            }
        }
    }

    /// What was fetched is looked at; what was not is looked for again.
    pub(super) fn image_fetched(&mut self, result: Result<(), String>) {
        match &result {
            Ok(()) if self.crew.settings.agent.digest.is_none() => tracing::warn!(
                "the agent's image is fetched; nothing vouched for it: agent.digest would"
            ),
            Ok(()) => tracing::info!("the agent's image is fetched"),
            Err(why) => tracing::warn!("the agent's image could not be fetched: {why}"),
        }
        self.crew.fetched(result);
        self.step(Event::Fired(Timer::Image));
    }

    pub(super) fn show_image_findings(&mut self) {
        // The newest say it all; a host that updates for years must not grow.
        const KEPT: usize = 8;
        let surplus = self.images.findings.len().saturating_sub(KEPT);
        self.images.findings.drain(..surplus);
        self.board.image_findings.clone_from(&self.images.findings);
        self.record_findings();
    }

    /// Tells the machine of images how the agent is.
    pub(super) fn judge_health(&mut self) {
        let event = match self.state.agent {
            AgentState::Running { silent, .. } if silent >= SILENT_PROBES => {
                image::Event::Unhealthy
            }
            AgentState::Running {
                registered: true, ..
            } => {
                let version = self.board.agent.version.as_deref();
                image::Event::Healthy(version.and_then(AgentVersion::find))
            }
            _ => image::Event::Tick,
        };
        self.tell_images(event);
    }
}
