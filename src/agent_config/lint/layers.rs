//! What only shows when lines and files are held against each other.

use std::net::IpAddr;

use crate::agent_config::document::Setting;
use crate::agent_config::lines::Line;
use crate::agent_config::report::Complaint;
use crate::agent_config::{Layer, schema, value};
use crate::finding::{Finding, Severity};

use super::{File, name_span, value_span};

pub(super) fn check(file: &File<'_>, files: &[File<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, setting) in file.settings() {
        let span = name_span(line, setting);
        let tell = |complaint| file.finding(line, span.clone(), complaint);
        match file.holding(&setting.name) {
            Some((winner, winning)) if winner.number != line.number => {
                findings.push(tell(duplicate(setting, winning, winner.number)));
            }
            _ => {
                findings.extend(overridden(file, setting, files).map(tell));
                findings.extend(half_applied(file, setting, files).map(tell));
            }
        }
    }
    findings.extend(proxy(file, files));
    findings.extend(log_options(file, files));
    findings
}

fn duplicate(setting: &Setting, winning: &Setting, winner: u32) -> Complaint {
    let same = setting.value == winning.value;
    Complaint {
        rule: "agent_config.duplicate",
        severity: if same {
            Severity::Informational
        } else {
            Severity::Recommended
        },
        observed: format!(
            "{} is set again in line {winner}, which holds",
            setting.name
        ),
        required: "one line for a variable".into(),
        remedy: "remove one of the lines".into(),
    }
}

fn overridden(file: &File<'_>, setting: &Setting, files: &[File<'_>]) -> Option<Complaint> {
    let (by, line) = later_layer(file, setting, files)?;
    Some(Complaint {
        rule: "agent_config.overridden",
        severity: Severity::Informational,
        observed: format!(
            "{} is set again in {}:{}, which holds",
            setting.name, by.source.path, line.number
        ),
        required: String::new().into(),
        remedy: String::new().into(),
    })
}

fn later_layer<'f, 'a>(
    file: &File<'_>,
    setting: &Setting,
    files: &'f [File<'a>],
) -> Option<(&'f File<'a>, Line<'a>)> {
    files
        .iter()
        .filter(|other| other.source.layer > file.source.layer)
        .find_map(|other| Some((other, other.holding(&setting.name)?.0)))
}

/// Amazon Linux gives ecs-init the user's layer only.
fn half_applied(file: &File<'_>, setting: &Setting, files: &[File<'_>]) -> Option<Complaint> {
    let is_switch = schema::find(&setting.name).is_some_and(schema::Known::is_read_by_init);
    if file.source.layer != Layer::Vendor
        || !is_switch
        || later_layer(file, setting, files).is_some()
    {
        return None;
    }
    Some(Complaint {
        rule: "agent_config.vendor_switch",
        severity: Severity::Informational,
        observed: format!(
            "{} is a switch of ecs-init, which on Amazon Linux does not see this file; ecs-nanny reads it here, too",
            setting.name
        ),
        required: String::new().into(),
        remedy: "for ecs-init on Amazon Linux, set it in /etc/ecs/ecs.config".into(),
    })
}

/// What must be reached without a proxy: instance metadata, task credentials, Docker.
const DIRECT: &[&str] = &["169.254.169.254", "169.254.170.2", "/var/run/docker.sock"];

/// The proxy that holds, with its line, if it is set in this file.
fn proxy(file: &File<'_>, files: &[File<'_>]) -> Option<Finding> {
    const PROXIES: &[&str] = &["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"];
    let (line, setting) = file.settings().find(|(_, setting)| {
        PROXIES.contains(&setting.name.as_str())
            && !setting.value.trim().is_empty()
            && later_layer(file, setting, files).is_none()
    })?;
    let exceptions: Vec<_> = ["NO_PROXY", "no_proxy"]
        .into_iter()
        .filter_map(|name| effective(name, files))
        .flat_map(|list| {
            list.split(',')
                .map(|word| word.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    let missing: Vec<_> = DIRECT
        .iter()
        .copied()
        .filter(|host| !exceptions.iter().any(|word| excepts(word, host)))
        .collect();
    if missing.is_empty() {
        return None;
    }
    let complaint = Complaint {
        rule: "agent_config.no_proxy",
        severity: if missing.contains(&DIRECT[0]) {
            Severity::Required
        } else {
            Severity::Recommended
        },
        observed: format!(
            "with {} the agent asks the proxy for {}, too",
            setting.name,
            missing.join(", ")
        ),
        required: format!("NO_PROXY={}", DIRECT.join(",")).into(),
        remedy: format!("add {} to NO_PROXY", missing.join(",")).into(),
    };
    Some(file.finding(line, name_span(line, setting), complaint))
}

/// The value that holds of all files.
fn effective(name: &str, files: &[File<'_>]) -> Option<String> {
    let holding = files.iter().rev().find_map(|file| file.holding(name));
    holding.map(|(_, setting)| setting.value.clone())
}

/// As Go's `httpproxy` reads an exception: everything, the host itself, or a network that holds it.
fn excepts(word: &str, host: &str) -> bool {
    if word == "*" || word == host {
        return true;
    }
    match (value::network(word), host.parse()) {
        (Some((IpAddr::V4(network), length)), Ok(IpAddr::V4(host))) => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            network.to_bits() & mask == host.to_bits() & mask
        }
        _ => false,
    }
}

/// Options for json-file replace the limits of its size.
fn log_options(file: &File<'_>, files: &[File<'_>]) -> Option<Finding> {
    let (line, setting) = file.settings().find(|(_, setting)| {
        setting.name == "ECS_LOG_OPTS" && later_layer(file, setting, files).is_none()
    })?;
    let driver = effective("ECS_LOG_DRIVER", files).unwrap_or_default();
    let is_json_file = driver.is_empty() || driver == "json-file";
    if !is_json_file || setting.value.is_empty() || setting.value.contains("\"max-size\"") {
        return None;
    }
    let complaint = Complaint {
        rule: "agent_config.log_opts",
        severity: Severity::Recommended,
        observed: "options of one's own take away the limits of the agent's log (4 files of 16 MB): it grows until the disk is full".to_owned(),
        required: "max-size among the options of json-file".into(),
        remedy: "add \"max-size\":\"16m\",\"max-file\":\"4\", or remove the line".into(),
    };
    Some(file.finding(line, value_span(line, setting), complaint))
}
