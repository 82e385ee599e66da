//! The container's labels: the user's, and ours, by which a later nanny knows what it adopts.

use std::collections::BTreeMap;

use bollard_stubs::models::ContainerCreateBody;
use sha2::{Digest, Sha256};

use super::environment::Environment;
use super::notice::{notice, place};
use crate::finding::Finding;

/// Holds [`hash`] of the request that the container was made with.
pub const PLAN_HASH_LABEL: &str = "ecs-nanny.plan-hash";

/// Holds the version of the ecs-nanny that made the container.
pub const VERSION_LABEL: &str = "ecs-nanny.version";

const AGENT_LABELS: &str = "ECS_AGENT_LABELS";

/// The user's labels: one JSON object whose values are strings, and nothing beside it; anything else drops them all.
pub(super) fn user_labels(
    environment: &Environment,
    findings: &mut Vec<Finding>,
) -> BTreeMap<String, String> {
    let Some(given) = environment.variables.get(AGENT_LABELS) else {
        return BTreeMap::new();
    };
    if given.value.trim().is_empty() {
        return BTreeMap::new();
    }
    // Go's decoder takes null for a string without a value, and for an empty object.
    match serde_json::from_str::<Option<BTreeMap<String, Option<String>>>>(&given.value) {
        Ok(labels) => labels
            .unwrap_or_default()
            .into_iter()
            .map(|(name, value)| (name, value.unwrap_or_default()))
            .collect(),
        Err(error) => {
            findings.push(Finding {
                place: place(given),
                ..notice(
                    "agent.labels",
                    "the container's labels can be read",
                    format!("ECS_AGENT_LABELS is not a JSON object of strings, no label is set (column {})", error.column()),
                    "a JSON object whose values are strings",
                    r#"for example ECS_AGENT_LABELS={"team":"storage"}"#,
                )
            });
            BTreeMap::new()
        }
    }
}

/// Adds our labels to a finished request.
pub(super) fn sign(request: &mut ContainerCreateBody) {
    let hash = hash(request);
    let labels = request.labels.get_or_insert_default();
    labels.insert(PLAN_HASH_LABEL.to_owned(), hash);
    labels.insert(
        VERSION_LABEL.to_owned(),
        env!("CARGO_PKG_VERSION").to_owned(),
    );
}

/// SHA-256 in hexadecimal of the request as JSON with sorted keys. Our own labels do not count, so that a newer
/// ecs-nanny with the same plan adopts the container.
pub fn hash(request: &ContainerCreateBody) -> String {
    let mut request = request.clone();
    if let Some(labels) = &mut request.labels {
        labels.remove(PLAN_HASH_LABEL);
        labels.remove(VERSION_LABEL);
        if labels.is_empty() {
            request.labels = None;
        }
    }
    // A `Value` keeps its keys sorted; a request is made of strings, numbers and lists, which JSON always holds.
    let canonical = serde_json::to_value(&request)
        .unwrap_or_default()
        .to_string();
    Sha256::digest(canonical)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(labels: &[(&str, &str)]) -> ContainerCreateBody {
        ContainerCreateBody {
            labels: Some(
                labels
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
            ),
            ..Default::default()
        }
    }

    #[test]
    fn the_hash_is_of_sorted_json() {
        // printf '%s' '{"Labels":{"a":"1","b":"2","c":"3"}}' | sha256sum
        assert_eq!(
            hash(&labelled(&[("c", "3"), ("a", "1"), ("b", "2")])),
            "2a17cf1002dd59fcd7d2e99d1f24d41e81d6dbe9a249075484a931c705304e06"
        );
    }

    #[test]
    fn our_labels_do_not_change_the_hash() {
        let mut signed = ContainerCreateBody {
            image: Some("agent".to_owned()),
            ..Default::default()
        };
        let before = hash(&signed);
        sign(&mut signed);
        assert_eq!(hash(&signed), before);
        let labels = signed.labels.clone().unwrap();
        assert_eq!(labels[PLAN_HASH_LABEL], before);
        signed.image = Some("other".to_owned());
        assert_ne!(hash(&signed), before);
    }
}
