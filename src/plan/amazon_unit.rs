//! What can't be put right where Amazon's unit makes the agent's container.

use super::environment::LOGGING_DRIVERS;
use super::inputs::{Inputs, raw_value};
use super::notice::{notice, place};
use crate::agent_config::{Layer, with_awslogs};
use crate::finding::{Finding, Severity};

/// Findings that only the user can mend, since Amazon's unit reads the user's layer over everything.
pub(super) fn findings(inputs: &Inputs<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = log_drivers(inputs).into_iter().collect();
    if !inputs.settings.agent.extra_env.is_empty() {
        findings.push(notice(
            "agent.extra_env",
            "agent.extra_env reaches the agent",
            "agent.extra_env is set, and Amazon's ecs.service makes the agent's container",
            "an agent that ecs-nanny starts",
            "put the variables into /etc/ecs/ecs.config, or set agent.backend = \"container\"",
        ));
    }
    findings
}

/// A user's list without awslogs, or one that the agent can't read with its quotes. The vendor layer is ours to mend.
fn log_drivers(inputs: &Inputs<'_>) -> Option<Finding> {
    let variable = inputs.config.agent.get(LOGGING_DRIVERS)?;
    if variable.layer != Layer::User {
        return None;
    }
    let value = raw_value(inputs.facts, variable)?;
    let finding = with_awslogs(Some(&value)).finding(place(variable))?;
    Some(Finding {
        severity: Severity::Required,
        observed: format!("Amazon's unit passes on {LOGGING_DRIVERS}={value} as it stands"),
        ..finding
    })
}
