//! `[engine.config]` merged into the Docker daemon's configuration file, and what would keep the daemon from starting
//! with it.

mod command;
mod options;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Change;
use super::engine::{OWN_UNIT, own_command};
use super::inputs::Inputs;
use super::storage::DataRoots;
use crate::agent_config::{mask_addresses, mask_value};
use crate::facts::{DAEMON_JSON, Fact, HostFacts};
use crate::finding::{Confidence, Finding, Outcome, Place, Severity};
use crate::settings::{DockerConfig, overlaid};
use command::Word;

/// What a change of one key takes to be in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InForceBy {
    /// A reload (SIGHUP); containers are not touched.
    Reload,
    /// A restart of the daemon.
    Restart,
}

/// A key of daemon.json that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyChange {
    /// The key.
    pub key: String,
    /// What the file says now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// What it will say.
    pub to: Value,
    /// What a running daemon needs for it.
    pub in_force_by: InForceBy,
}

/// The Docker daemon's configuration file as it will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonJson {
    /// Its path.
    pub path: String,
    /// What will happen to it.
    pub change: Change,
    /// Where the file that is there now is kept; once, so that the first one stays.
    pub kept: String,
    /// The keys that change.
    pub keys: Vec<KeyChange>,
    /// Its whole content.
    pub content: String,
    /// The daemon's program and the flags that it is started with, for `dockerd --validate`.
    pub command: Vec<String>,
    /// Keys that ecs-nanny does not know. Whether the daemon does is asked before the file is written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_keys: Vec<String>,
}

/// The file's plan, `None` where nothing is set or nothing can be merged, and what is wrong.
pub(super) fn plan(inputs: &Inputs<'_>) -> (Option<DaemonJson>, Vec<Finding>) {
    let host = &inputs.facts.host;
    let words = daemons_words(inputs);
    let path = command::value_of(&words, "config-file")
        .unwrap_or(DAEMON_JSON)
        .to_owned();
    let (for_gpus, mut findings) = super::gpu::docker_config(inputs);
    let wanted = &overlaid(for_gpus, &inputs.settings.engine.config);
    if path != DAEMON_JSON {
        findings.extend(elsewhere(&path, wanted));
        return (None, findings);
    }
    let found = match existing(host, &path) {
        Ok(found) => found,
        // The rule docker.daemon_json tells it; who sets nothing has not asked for more.
        Err(_) if wanted.is_empty() => return (None, findings),
        Err(finding) => {
            findings.push(*finding);
            return (None, findings);
        }
    };
    let mut refusals = wrong_kinds(wanted);
    let merged = overlaid(found.clone().unwrap_or_default(), wanted);
    refusals.extend(conflicts(&merged, wanted, &words, &path));
    refusals.extend(labels_twice(&merged, &path));
    if !refusals.is_empty() || wanted.is_empty() {
        findings.extend(refusals);
        return (None, findings);
    }
    let keys = changes(found.as_ref(), &merged);
    let change = match &found {
        None => Change::Create,
        Some(_) if keys.is_empty() => Change::None,
        Some(_) => Change::Update,
    };
    let unknown = |key: &&String| options::of_key(key).is_none();
    let plan = DaemonJson {
        kept: format!("{path}.before-ecs-nanny"),
        change,
        unknown_keys: wanted.keys().filter(unknown).cloned().collect(),
        content: format!("{:#}\n", Value::Object(merged)),
        keys,
        command: words.into_iter().map(|word| word.text).collect(),
        path,
    };
    (Some(plan), findings)
}

/// Where the daemon will keep its data: as a flag says, or the file as it will be, or by default.
pub(super) fn data_roots(inputs: &Inputs<'_>) -> DataRoots {
    const CONTAINERD: &str = "/var/lib/containerd";
    let words = daemons_words(inputs);
    let file = existing(&inputs.facts.host, DAEMON_JSON).unwrap_or_default();
    let merged = overlaid(file.unwrap_or_default(), &inputs.settings.engine.config);
    let of_flag = command::value_of(&words, "data-root");
    let of_file = merged.get("data-root").and_then(Value::as_str);
    let images = merged
        .get("features")
        .and_then(|it| it.get("containerd-snapshotter"));
    DataRoots {
        docker: of_flag.or(of_file).unwrap_or("/var/lib/docker").to_owned(),
        containerd: (images == Some(&Value::Bool(true))).then(|| CONTAINERD.to_owned()),
    }
}

/// The same with passwords replaced.
pub(super) fn masked(plan: &DaemonJson) -> DaemonJson {
    let content: Value = serde_json::from_str(&plan.content).unwrap_or_default();
    let keys = plan.keys.iter().map(|change| KeyChange {
        from: change
            .from
            .clone()
            .map(|value| mask_config(&change.key, value)),
        to: mask_config(&change.key, change.to.clone()),
        ..change.clone()
    });
    DaemonJson {
        content: format!("{:#}\n", mask_config("", content)),
        keys: keys.collect(),
        command: plan
            .command
            .iter()
            .map(|word| mask_addresses(word))
            .collect(),
        ..plan.clone()
    }
}

/// A value of the daemon's configuration without secrets: passwords in addresses, and what names say is secret.
pub fn mask_config(name: &str, value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(mask_addresses(&mask_value(name, &text))),
        Value::Array(items) => items
            .into_iter()
            .map(|item| mask_config(name, item))
            .collect(),
        Value::Object(items) => {
            let masked = items.into_iter().map(|(name, value)| {
                let value = mask_config(&name, value);
                (name, value)
            });
            Value::Object(masked.collect())
        }
        other => other,
    }
}

/// The command line of the daemon that will read the file.
fn daemons_words(inputs: &Inputs<'_>) -> Vec<Word> {
    let plan = super::engine::plan(inputs);
    match plan.unit.as_deref() {
        None => command::of_words(&plan.command, "the settings of ecs-nanny"),
        Some(OWN_UNIT) => command::of_words(&own_command(), OWN_UNIT),
        Some(name) => {
            let host = &inputs.facts.host;
            let unit = host.units.get(name).and_then(Fact::known);
            unit.map(|unit| command::of_unit(name, unit, host))
                .unwrap_or_default()
        }
    }
}

/// The file as it is; `None` where there is none or where it is empty, which the daemon takes as well.
fn existing(host: &HostFacts, path: &str) -> Result<Option<DockerConfig>, Box<Finding>> {
    let Some(text) = host.texts.get(path).filter(|text| !text.trim().is_empty()) else {
        return Ok(None);
    };
    serde_json::from_str(text).map(Some).map_err(|error| {
        Box::new(Finding {
            place: Some(Place::line(path, u32::try_from(error.line()).unwrap_or(1))),
            ..refused(
                format!("it is not a JSON object: {error}"),
                "one JSON object",
                "correct the file; until then [engine.config] is not merged into it",
            )
        })
    })
}

fn changes(old: Option<&DockerConfig>, new: &DockerConfig) -> Vec<KeyChange> {
    let before = |key| old.and_then(|old| old.get(key));
    let changed = new
        .iter()
        .filter(|(key, value)| before(*key) != Some(*value));
    changed
        .map(|(key, value)| KeyChange {
            key: key.clone(),
            from: before(key).cloned(),
            to: value.clone(),
            in_force_by: match options::of_key(key) {
                Some(option) if option.reloadable => InForceBy::Reload,
                _ => InForceBy::Restart,
            },
        })
        .collect()
}

/// A daemon that reads another file: that one is its owner's.
fn elsewhere(path: &str, wanted: &DockerConfig) -> Option<Finding> {
    (!wanted.is_empty()).then(|| {
        refused(
            format!("the Docker daemon is started with --config-file {path}"),
            "a daemon that reads /etc/docker/daemon.json, where [engine.config] is merged",
            "take --config-file out of the daemon's command line, or write that file yourself",
        )
    })
}

/// Settings that hold what the daemon can't read.
fn wrong_kinds(wanted: &DockerConfig) -> Vec<Finding> {
    let wrong = wanted.iter().filter_map(|(key, value)| {
        let option = options::of_key(key).filter(|option| !option.kind.holds(value))?;
        Some(refused(
            format!(
                "engine.config.{key} is {value}, and the Docker daemon takes {}",
                option.kind.words()
            ),
            "values of the kinds that the daemon takes",
            "correct the value in ecs-nanny's settings; `ecs-nanny config show` names the file",
        ))
    });
    wrong.collect()
}

/// Keys that the file has and a flag as well: with those the daemon does not start.
fn conflicts(
    merged: &DockerConfig,
    wanted: &DockerConfig,
    words: &[Word],
    path: &str,
) -> Vec<Finding> {
    // The one key that the daemon takes from both.
    const FROM_BOTH: &str = "runtimes";
    let mut findings: Vec<Finding> = Vec::new();
    for flag in command::flags(words) {
        let key = flag.option.key;
        let given = match merged.get(key) {
            // The flags of `proxies` are its entries.
            Some(Value::Object(entries)) if key == "proxies" => entries
                .keys()
                .any(|entry| flag.written.starts_with(&format!("--{entry}"))),
            Some(_) => true,
            None => false,
        };
        if key == FROM_BOTH || !given {
            continue;
        }
        let by = match wanted.contains_key(key) {
            true => format!("engine.config of ecs-nanny's settings says {key}"),
            false => format!("{path} says {key}"),
        };
        let written = mask_addresses(flag.written);
        let finding = refused(
            format!(
                "{by}, and {} passes {written}: the Docker daemon does not start with both",
                flag.origin
            ),
            "each option in one place",
            match flag.origin.strip_prefix('/') {
                Some(_) => "take the flag out of that file, or the key out of the configuration",
                None => {
                    "take the flag out of ExecStart= with a drop-in of the unit, or the key out of the configuration"
                }
            },
        );
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings
}

/// One label with two values: the daemon does not start with it.
fn labels_twice(merged: &DockerConfig, path: &str) -> Option<Finding> {
    let labels = merged.get("labels")?.as_array()?;
    let pairs: Vec<(&str, &str)> = labels
        .iter()
        .filter_map(|label| label.as_str()?.split_once('='))
        .collect();
    let (name, _) = pairs.iter().find(|(name, value)| {
        pairs
            .iter()
            .any(|(other, with)| other == name && with != value)
    })?;
    Some(refused(
        format!("labels of {path} would give {name} two values"),
        "one value for each label",
        "keep one of them",
    ))
}

fn refused(observed: String, required: &'static str, remedy: &'static str) -> Finding {
    Finding {
        rule: "docker.config".into(),
        title: "the Docker daemon can start with its configuration".into(),
        severity: Severity::Required,
        outcome: Outcome::Failed,
        confidence: Confidence::Certain,
        observed,
        required: required.into(),
        remedy: remedy.into(),
        source: "https://docs.docker.com/engine/daemon/troubleshoot/".into(),
        place: None,
    }
}
