//! Which cluster the agent will join.

use super::environment::Environment;
use super::inputs::config_file;
use super::notice::notice;
use crate::facts::Facts;
use crate::finding::{Finding, Place};

/// The cluster that a layer names: `ECS_CLUSTER` of the environment, then `Cluster` of `/etc/ecs/ecs.config.json`. `None`
/// means that the agent would join the cluster `default` without anyone having said so.
pub(super) fn cluster(
    environment: &Environment,
    facts: &Facts,
    findings: &mut Vec<Finding>,
) -> Option<String> {
    let named = environment.value("ECS_CLUSTER").trim();
    if !named.is_empty() {
        return Some(named.to_owned());
    }
    let path = environment.value("ECS_AGENT_CONFIG_FILE_PATH");
    let bytes = config_file(facts, path)?.content.bytes();
    if bytes.trim_ascii().is_empty() {
        return None;
    }
    match serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&bytes) {
        Ok(object) => object
            .iter()
            // Go matches the names of fields without regard to case.
            .find(|(name, _)| name.eq_ignore_ascii_case("Cluster"))
            .and_then(|(_, value)| value.as_str())
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(str::to_owned),
        Err(error) => {
            findings.push(Finding {
                place: Some(Place::line(path, error.line() as u32)),
                ..notice(
                    "agent_config.json",
                    "the agent can read its JSON configuration",
                    "not a JSON object; the agent ends with status 1 because of it",
                    "a JSON object, or no file",
                    "correct or remove the file",
                )
            });
            None
        }
    }
}
