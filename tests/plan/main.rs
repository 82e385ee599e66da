//! The plan for many kinds of hosts: a snapshot of each, and what each row of ecs-init's tables asks for.

#![allow(clippy::unwrap_used)]

mod any_bytes;
mod binds;
mod environment;
mod fixture;
mod host_config;
mod network;
mod parts;
mod snapshots;

use bollard_stubs::models::{ContainerCreateBody, HostConfig};
use ecs_nanny::plan::Plan;

fn request(plan: &Plan) -> &ContainerCreateBody {
    &plan.agent.as_ref().unwrap().create_request
}

fn host_config(plan: &Plan) -> &HostConfig {
    request(plan).host_config.as_ref().unwrap()
}

/// The value of a variable in the container's environment.
fn variable<'a>(plan: &'a Plan, name: &str) -> Option<&'a str> {
    let entries = request(plan).env.iter().flatten();
    let mut values = entries.filter_map(|entry| entry.strip_prefix(name)?.strip_prefix('='));
    let value = values.next();
    assert_eq!(values.next(), None, "{name} is given twice");
    value
}

/// The ids of the plan's findings.
fn rules(plan: &Plan) -> Vec<&str> {
    plan.findings.iter().map(|finding| &*finding.rule).collect()
}
