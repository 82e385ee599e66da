//! What is recorded: the phase when it changes, what is awaited while it lasts, each finding once.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::facts::InstanceFacts;
use crate::finding::{Finding, Outcome, Severity};
use crate::snapshot::Phase;
use crate::supervise::state::LONGEST_WAIT;
use crate::telemetry::message;

use super::Supervisor;

/// How long a wait lasts until it is spoken of.
const FIRST_WORD: Duration = Duration::from_secs(5);
/// How often it is spoken of in its first minute.
const EARLY_WORD: Duration = Duration::from_secs(10);
/// How often afterwards.
const LATE_WORD: Duration = Duration::from_secs(60);

impl Supervisor {
    /// The fields that every record carries.
    pub(super) fn span(&mut self) -> tracing::Span {
        let (phase, _) = self.state.phase();
        let instance = self.board.facts.instance.known();
        if let Some(current) = &self.span
            && current.phase == phase
            && current.instance.as_deref() == instance.map(|known| known.instance_id.as_str())
        {
            return current.span.clone();
        }
        let span = span(phase, instance);
        self.span = Some(CurrentSpan {
            phase,
            instance: instance.map(|known| known.instance_id.clone()),
            span: span.clone(),
        });
        span
    }

    /// Records the phase; a wait is spoken of again after a while.
    pub(super) fn record_phase(&mut self) {
        let snapshot = self.board.snapshot();
        let line = snapshot.line();
        let id = message::of_phase(snapshot.phase.word());
        // The span that is entered has the phase before. Not as `parent:`, which the journal's layer does not look at.
        self.span().in_scope(|| match snapshot.phase {
            Phase::Failed => tracing::error!(MESSAGE_ID = id, "{line}"),
            Phase::Degraded => tracing::warn!(MESSAGE_ID = id, "{line}"),
            _ => tracing::info!(MESSAGE_ID = id, "{line}"),
        });
        let waits = matches!(
            snapshot.phase,
            Phase::Waiting | Phase::Launching | Phase::Registering | Phase::Degraded
        );
        self.next_word = waits.then(|| Instant::now() + FIRST_WORD);
    }

    pub(super) fn say_what_is_awaited(&mut self) {
        let age = self.board.age();
        let snapshot = self.board.snapshot();
        let waited = humantime::format_duration(Duration::from_secs(age.as_secs()));
        tracing::info!(
            MESSAGE_ID = message::AWAITED,
            "still {} after {waited}",
            snapshot.line()
        );
        self.publish();
        let next = if age < LONGEST_WAIT {
            EARLY_WORD
        } else {
            LATE_WORD
        };
        self.next_word = Some(Instant::now() + next);
    }

    /// Records each failed finding once, and once more when it is mended.
    pub(super) fn record_findings(&mut self) {
        let failed: BTreeMap<String, Finding> = self
            .board
            .findings()
            .into_iter()
            .filter(|finding| finding.outcome == Outcome::Failed)
            .map(|finding| (finding.sentence(), finding))
            .collect();
        for (sentence, finding) in &failed {
            if self.told.contains_key(sentence) {
                continue;
            }
            let rule = finding.rule.as_ref();
            match finding.severity {
                Severity::Required => tracing::error!(
                    MESSAGE_ID = message::FINDING,
                    NANNY_RULE = rule,
                    "{sentence}"
                ),
                Severity::Recommended => tracing::warn!(
                    MESSAGE_ID = message::FINDING,
                    NANNY_RULE = rule,
                    "{sentence}"
                ),
                Severity::Informational => tracing::debug!(
                    MESSAGE_ID = message::FINDING,
                    NANNY_RULE = rule,
                    "{sentence}"
                ),
            }
        }
        for (sentence, finding) in &self.told {
            if !failed.contains_key(sentence) {
                tracing::info!(
                    MESSAGE_ID = message::MENDED,
                    NANNY_RULE = finding.rule.as_ref(),
                    "mended: {sentence}"
                );
            }
        }
        self.told = failed;
    }
}

/// The span of a phase, kept while it lasts.
pub(super) struct CurrentSpan {
    phase: Phase,
    instance: Option<String>,
    span: tracing::Span,
}

fn span(phase: Phase, instance: Option<&InstanceFacts>) -> tracing::Span {
    let span = tracing::info_span!(
        parent: None,
        "host",
        NANNY_PHASE = phase.word(),
        EC2_INSTANCE_ID = tracing::field::Empty,
        EC2_INSTANCE_TYPE = tracing::field::Empty,
        EC2_AZ = tracing::field::Empty,
        EC2_AMI_ID = tracing::field::Empty,
    );
    if let Some(instance) = instance {
        span.record("EC2_INSTANCE_ID", instance.instance_id.as_str());
        span.record("EC2_INSTANCE_TYPE", instance.instance_type.as_str());
        if let Some(zone) = &instance.availability_zone {
            span.record("EC2_AZ", zone.as_str());
        }
        if let Some(ami) = &instance.ami_id {
            span.record("EC2_AMI_ID", ami.as_str());
        }
    }
    span
}
