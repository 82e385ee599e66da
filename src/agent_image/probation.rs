//! Self-update on probation: a candidate that stays healthy replaces the current image, any other one is taken back
//! and never tried again. A pure machine on the record: write the record whenever it changed, then act.

mod machine;

use std::time::Duration;

use super::AgentVersion;
use super::record::{KnownImage, Record};
use crate::finding::Finding;
use machine::Machine;

/// The reference that keeps the image to go back to while another one has the agent's. A tag protects it from
/// `docker image prune`.
pub const PREVIOUS_REFERENCE: &str = "amazon/amazon-ecs-agent:ecs-nanny-previous";

/// The numbers of a probation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The agent's reference.
    pub reference: String,
    /// How long a candidate has to be healthy, without a break, to be kept.
    pub healthy_for: Duration,
    /// How long it has to become healthy.
    pub patience: Duration,
    /// How often it is started.
    pub starts: u32,
    /// How long no other update is tried after one was given up.
    pub pause: Duration,
}

impl Rules {
    /// Ten healthy minutes, fifteen minutes' patience, three starts, an hour's pause.
    pub fn new(reference: &str) -> Self {
        const MINUTE: u64 = 60;
        Rules {
            reference: reference.to_owned(),
            healthy_for: Duration::from_secs(10 * MINUTE),
            patience: Duration::from_secs(15 * MINUTE),
            starts: 3,
            pause: Duration::from_secs(60 * MINUTE),
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// This process began; the record was read.
    Resumed,
    /// [`super::decide`] settled on an image, which is in Docker under the agent's reference.
    Using(KnownImage),
    /// The agent was started, or Docker was asked to.
    Started,
    /// The agent is healthy, and which version it says it is.
    Healthy(Option<AgentVersion>),
    /// The agent is not healthy.
    Unhealthy,
    /// The agent ended by itself, with this exit status; a start that Docker refused is one with status 127. Ends that
    /// were asked for, and those that the engine's restart brought, are no events.
    Exited(i64),
    /// The image that the agent wants to run was read ([`super::candidate`]).
    UpdateWanted(KnownImage),
    /// The steps of [`Action::Change`] are done; the agent's reference now names this image.
    Changed(KnownImage),
    /// A step failed, and why.
    ChangeFailed(String),
    /// Time went by.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Read [`super::candidate`]; answer with [`Event::UpdateWanted`]. Where there is none, show why and start the agent
    /// again as after any failure.
    ReadDesiredImage,
    /// Do these steps in order, and answer with [`Event::Changed`] or [`Event::ChangeFailed`]. The agent is not to be
    /// started meanwhile.
    Change(Vec<Step>),
    /// Start the agent in a new container at once, ending the one that runs.
    StartAnew,
    /// The update is refused: start the agent again as after any failure.
    StartAgain,
    /// There is nothing to go back to: ask [`super::decide`] what to run.
    DecideAnew,
    /// The candidate is the current image now; look for tarballs to remove ([`super::prunable`]).
    Confirmed,
    /// Remove an image that nothing needs; failing is no harm.
    Remove(String),
    /// Show this.
    Report(Finding),
}

/// A step at the Engine API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Give an image another reference (`POST /images/ID/tag`).
    Tag {
        /// Its id.
        image: String,
        /// The reference.
        reference: String,
    },
    /// Take a reference away (`DELETE /images/REFERENCE`); an image without any other is removed. That there is no such
    /// reference is no failure.
    Untag {
        /// The reference.
        reference: String,
    },
    /// Load a tarball (`POST /images/load`).
    Load {
        /// Its path.
        tarball: String,
    },
}

/// The record after an event, and what is to be done. `now` counts from any fixed moment of this process and never goes
/// back.
pub fn step(record: Record, event: Event, now: Duration, rules: &Rules) -> (Record, Vec<Action>) {
    Machine::new(record, now, rules).take(event)
}

#[cfg(test)]
mod tests;
