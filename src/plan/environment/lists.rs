//! Variables that hold JSON lists, to which something is added.

use super::{DEFAULTS, Environment};
use crate::agent_config::{Layer, with_awslogs};
use crate::plan::inputs::{Inputs, said};
use crate::plan::notice::place;

pub(in crate::plan) const LOGGING_DRIVERS: &str = "ECS_AVAILABLE_LOGGING_DRIVERS";
pub(in crate::plan) const RESERVED_PORTS: &str = "ECS_RESERVED_PORTS";

/// The ports that the agent reserves when it is told none (agent/config of agent 1.105.1).
const DEFAULT_PORTS: [u16; 5] = [22, 2375, 2376, 51678, 51679];

/// `awslogs` is always among the log drivers; what had to be done for it is told.
pub(super) fn add_awslogs(environment: &mut Environment) {
    let variable = environment
        .variables
        .entry(LOGGING_DRIVERS.to_owned())
        .or_insert_with(|| said(with_awslogs(None).value, Layer::Default, DEFAULTS));
    let drivers = with_awslogs(Some(&variable.value));
    let finding = drivers.finding(place(variable));
    variable.value = drivers.value;
    environment.findings.extend(finding);
}

/// The health endpoint's port is kept from tasks, beside the user's list or the agent's default, which a list replaces.
pub(super) fn reserve_ports(inputs: &Inputs<'_>, environment: &mut Environment) {
    let given = environment.variables.get(RESERVED_PORTS);
    let Some(ports) = with_own_port(inputs, given.map(|it| it.value.as_str())) else {
        return;
    };
    environment
        .variables
        .entry(RESERVED_PORTS.to_owned())
        .or_insert_with(|| said("", Layer::Default, DEFAULTS))
        .value = ports;
}

/// A list of reserved ports with the health endpoint's; `None` where there is nothing to add. What the agent can't read
/// counts as its default, as it does for the agent.
pub(in crate::plan) fn with_own_port(inputs: &Inputs<'_>, given: Option<&str>) -> Option<String> {
    let own = inputs.settings.health.tcp?.port();
    let mut ports = given.and_then(ports).unwrap_or(DEFAULT_PORTS.to_vec());
    if ports.contains(&own) {
        return None;
    }
    ports.push(own);
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    Some(format!("[{}]", ports.join(",")))
}

/// The first JSON value of the text, as the agent's decoder reads it.
fn ports(text: &str) -> Option<Vec<u16>> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Vec<u16>>();
    values.next()?.ok()
}
