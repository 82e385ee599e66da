//! What a rule's function says.

use crate::facts::Fact;
use crate::finding::{Confidence, Outcome, Severity};

/// Outcome, evidence and weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    pub outcome: Outcome,
    pub confidence: Confidence,
    pub observed: String,
    pub at_most: Option<Severity>,
}

impl Judgement {
    /// How sure the evidence is.
    pub fn confidence(self, confidence: Confidence) -> Self {
        Judgement { confidence, ..self }
    }

    /// Weighs this finding no more than `severity`, whatever the profile says.
    pub fn at_most(self, severity: Severity) -> Self {
        Judgement {
            at_most: Some(severity),
            ..self
        }
    }
}

fn judgement(outcome: Outcome, observed: impl Into<String>) -> Judgement {
    Judgement {
        outcome,
        confidence: Confidence::Certain,
        observed: observed.into(),
        at_most: None,
    }
}

/// The demand is met.
pub fn passed(observed: impl Into<String>) -> Judgement {
    judgement(Outcome::Passed, observed)
}

/// The demand is not met.
pub fn failed(observed: impl Into<String>) -> Judgement {
    judgement(Outcome::Failed, observed)
}

/// It could not be told, and why.
pub fn skipped(why: impl Into<String>) -> Judgement {
    judgement(Outcome::Skipped, why)
}

/// Passed or failed by a condition.
pub fn met(condition: bool, observed: impl Into<String>) -> Judgement {
    if condition {
        passed(observed)
    } else {
        failed(observed)
    }
}

/// Judges a fact where it is known; skipped with its reason where it is not.
pub fn known<T>(fact: &Fact<T>, judge: impl FnOnce(&T) -> Judgement) -> Judgement {
    match fact {
        Fact::Known(value) => judge(value),
        unknown => skipped(unknown.why_unknown()),
    }
}
