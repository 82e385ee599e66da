//! What came of putting the plan on the host.

use crate::finding::{Confidence, Finding, Outcome, Severity};

/// What came of it. Nothing here aborts: what failed is a finding and is tried again at the next call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApplyReport {
    /// What could not be done, and why.
    pub findings: Vec<Finding>,
    /// Rules, kernel parameters and routes that were put or removed because the plan says so.
    pub changed: usize,
    /// Those that were put back, because someone had removed or changed them.
    pub repaired: usize,
}

impl ApplyReport {
    /// Takes in what another part of the work came to.
    pub(super) fn add(&mut self, other: ApplyReport) {
        self.findings.extend(other.findings);
        self.changed += other.changed;
        self.repaired += other.repaired;
    }
}

/// A finding that something is not as planned.
pub(super) fn problem(
    rule: &'static str,
    title: &'static str,
    severity: Severity,
    observed: String,
    required: &'static str,
    remedy: &'static str,
) -> Finding {
    Finding {
        rule: rule.into(),
        title: title.into(),
        severity,
        outcome: Outcome::Failed,
        confidence: Confidence::Certain,
        observed,
        required: required.into(),
        remedy: remedy.into(),
        source: "ecs-nanny(8), NETWORK".into(),
        place: None,
    }
}
