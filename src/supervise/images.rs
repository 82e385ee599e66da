//! The agent's image under supervision: the pure machine of probation, with its record.

use std::time::Instant;

use crate::agent_image::{Action, Event, Record, Rules};
use crate::finding::{Confidence, Finding, Outcome, Severity};
use crate::host::files::Root;

/// The machine and what it said.
#[derive(Debug)]
pub struct Images {
    record: Record,
    rules: Rules,
    began: Instant,
    /// What was refused, taken back or could not be done.
    pub findings: Vec<Finding>,
}

/// What came of an event.
#[derive(Debug, Default)]
pub struct Told {
    /// What is to be done.
    pub actions: Vec<Action>,
    /// The record as it is to be written before.
    pub record: Option<Vec<u8>>,
    /// An image was rejected by this event.
    pub rejected: bool,
}

impl Images {
    /// Reads the record; an unusable one is a finding.
    pub fn open(root: &Root, reference: &str) -> Self {
        let (record, findings) = match Record::read(root) {
            Ok(record) => (record, Vec::new()),
            Err(error) => (Record::default(), vec![unusable(&error.to_string())]),
        };
        Images {
            record,
            rules: Rules::new(reference),
            began: Instant::now(),
            findings,
        }
    }

    /// The record in force.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Tells the machine of an event.
    pub fn tell(&mut self, event: Event) -> Told {
        let before = self.record.clone();
        let now = self.began.elapsed();
        let (record, actions) =
            crate::agent_image::step(self.record.clone(), event, now, &self.rules);
        let rejected = record.rejected.len() > before.rejected.len();
        self.record = record;
        // Not all of it is written.
        let written = (self.record != before)
            .then(|| self.record.bytes())
            .filter(|bytes| *bytes != before.bytes());
        Told {
            actions,
            record: written,
            rejected,
        }
    }
}

fn unusable(error: &str) -> Finding {
    Finding {
        rule: "agent.image_record".into(),
        title: "the record of the agent's images can be read".into(),
        severity: Severity::Recommended,
        outcome: Outcome::Failed,
        confidence: Confidence::Certain,
        observed: error.to_owned(),
        required: "the record that ecs-nanny wrote".into(),
        remedy: "none: it is written anew".into(),
        source: "ecs-nanny(8), FILES".into(),
        place: None,
    }
}
