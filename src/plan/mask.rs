//! A plan that can be shown: the values of secrets replaced.

use super::{AgentPlan, Plan, PlannedFile, Preparation, daemon_json};
use crate::agent_config::{mask, mask_value};
use crate::facts::Content;

/// The plan with every secret replaced: in the environment, in the container's log options and labels, and in files.
pub fn masked(plan: &Plan) -> Plan {
    Plan {
        agent: plan.agent.as_ref().map(agent),
        preparation: Preparation {
            daemon_json: plan
                .preparation
                .daemon_json
                .as_ref()
                .map(daemon_json::masked),
            ..plan.preparation.clone()
        },
        files: plan.files.iter().map(file).collect(),
        ..plan.clone()
    }
}

fn agent(agent: &AgentPlan) -> AgentPlan {
    let mut agent = agent.clone();
    for (name, variable) in &mut agent.environment {
        variable.value = mask_value(name, &variable.value);
    }
    let request = &mut agent.create_request;
    for entry in request.env.iter_mut().flatten() {
        *entry = assignment(entry);
    }
    let log = request
        .host_config
        .as_mut()
        .and_then(|host| host.log_config.as_mut());
    let options = log.and_then(|log| log.config.as_mut());
    for (name, value) in options
        .into_iter()
        .flatten()
        .chain(request.labels.iter_mut().flatten())
    {
        *value = mask_value(name, value);
    }
    agent
}

fn file(file: &PlannedFile) -> PlannedFile {
    PlannedFile {
        content: Content::from_bytes(&mask(&file.content.bytes())),
        ..file.clone()
    }
}

/// `NAME=value` with a secret value replaced.
fn assignment(line: &str) -> String {
    match line.split_once('=') {
        Some((name, value)) => format!("{name}={}", mask_value(name, value)),
        None => line.to_owned(),
    }
}
