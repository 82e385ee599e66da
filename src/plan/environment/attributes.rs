//! Static facts as the container instance's attributes, for placement constraints.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Environment;
use crate::agent_config::Layer;
use crate::checks;
use crate::plan::inputs::{Inputs, said};
use crate::settings::Switch;

const ATTRIBUTES: &str = "ECS_INSTANCE_ATTRIBUTES";
/// Who is named as the origin.
const SETTING: &str = "agent.attributes";
/// The longest value that Amazon ECS takes (API reference, `Attribute`).
const LONGEST: usize = 128;

/// Adds them to the user's, which win. A value that is no JSON object is the agent's to refuse, and stays as it is.
pub(super) fn add(inputs: &Inputs<'_>, environment: &mut Environment) {
    if inputs.settings.agent.attributes == Switch::Off {
        return;
    }
    let given = match environment.value(ATTRIBUTES).trim() {
        "" => "{}",
        given => given,
    };
    let Ok(mut attributes) = serde_json::from_str::<BTreeMap<String, Value>>(given) else {
        return;
    };
    for (name, value) in facts(inputs) {
        let name = format!("ecs-nanny.{name}");
        attributes
            .entry(name)
            .or_insert_with(|| plain(&value).into());
    }
    let Ok(text) = serde_json::to_string(&attributes) else {
        return;
    };
    environment
        .variables
        .entry(ATTRIBUTES.to_owned())
        .or_insert_with(|| said("", Layer::Settings, SETTING))
        .value = text;
}

fn facts(inputs: &Inputs<'_>) -> Vec<(&'static str, String)> {
    let host = &inputs.facts.host;
    let release = host.image_release.known().and_then(|text| text.as_ref());
    let release: Option<Value> = release.and_then(|text| serde_json::from_str(text).ok());
    let of_image = |key: &str| {
        let value = release.as_ref()?.get(key)?.as_str()?;
        Some(value.to_owned())
    };
    [
        ("kernel", host.kernel_release.known().cloned()),
        (
            "platform",
            Some(checks::platform(host).platform.word().to_owned()),
        ),
        ("image-name", of_image("image_name")),
        ("image-version", of_image("image_version")),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .filter(|(_, value)| !value.is_empty())
    .collect()
}

/// What Amazon ECS takes for a value: letters, digits and `-_./@\\: `.
fn plain(value: &str) -> String {
    let taken = |c: &char| c.is_ascii_alphanumeric() || "-_./@\\: ".contains(*c);
    value.chars().filter(taken).take(LONGEST).collect()
}
