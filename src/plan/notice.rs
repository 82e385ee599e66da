//! Findings of the planning.

use std::borrow::Cow;

use crate::agent_config::Variable;
use crate::finding::{Confidence, Finding, Outcome, Place, Severity};

/// Something that is not as it should be, and does not keep the agent from starting.
pub(super) fn notice(
    rule: &'static str,
    title: &'static str,
    observed: impl Into<String>,
    required: &'static str,
    remedy: impl Into<Cow<'static, str>>,
) -> Finding {
    Finding {
        rule: rule.into(),
        title: title.into(),
        severity: Severity::Recommended,
        outcome: Outcome::Failed,
        confidence: Confidence::Certain,
        observed: observed.into(),
        required: required.into(),
        remedy: remedy.into(),
        source: "docs/migrate.md".into(),
        place: None,
    }
}

/// The line of a file that said a variable; `None` where no file did.
pub(super) fn place(variable: &Variable) -> Option<Place> {
    Some(Place::line(&variable.path, variable.line?))
}
