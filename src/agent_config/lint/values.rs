//! Values against the schema.

use crate::agent_config::document::Setting;
use crate::agent_config::lines::Line;
use crate::agent_config::report::{Complaint, shown};
use crate::agent_config::schema::{self, Kind, Known, Misread, Standing};
use crate::agent_config::secret::{MASK, mask_value};
use crate::agent_config::value::{self, Fault, Weight};
use crate::agent_config::with_awslogs;
use crate::finding::{Finding, Severity};

use super::{File, value_span};

/// Ports that the agent keeps from tasks by default; a list of one's own replaces them.
const DEFAULT_RESERVED_PORTS: &[u16] = &[22, 2375, 2376, 51678, 51679];

pub(super) fn check(file: &File<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, setting) in file.settings() {
        let Some(known) = schema::find(&setting.name) else {
            continue;
        };
        // Recorded facts hold masks in place of secrets.
        if known.standing == Standing::WindowsOnly || setting.value == MASK {
            continue;
        }
        if known.kind == Kind::LogDrivers {
            let drivers = with_awslogs(Some(&setting.value));
            findings.extend(drivers.finding(Some(place(file, line, setting))));
            continue;
        }
        let complaint = match value::check(known, &setting.value) {
            Err(fault) => Some(faulty(known, setting, fault)),
            Ok(()) => sound_but(known, setting),
        };
        findings.extend(complaint.map(|complaint| complaint.at(place(file, line, setting))));
    }
    findings
}

fn place(file: &File<'_>, line: Line<'_>, setting: &Setting) -> crate::finding::Place {
    file.masked.place(line, value_span(line, setting))
}

fn faulty(known: &Known, setting: &Setting, fault: Fault) -> Complaint {
    let value = shown(&mask_value(known.name, &setting.value));
    let (severity, does) = match (fault.weight, known.misread) {
        (Weight::Bent, _) => (
            Severity::Recommended,
            "does not count as it stands".to_owned(),
        ),
        (_, Misread::Exit) => (
            Severity::Required,
            "cannot be read: the agent exits with 1 at each start".to_owned(),
        ),
        (_, Misread::Refused) => (
            Severity::Required,
            "is refused by ECS: the agent ends with exit status 5, for good".to_owned(),
        ),
        (_, Misread::Default) => (
            Severity::Required,
            match known.default {
                "" => "cannot be read: it counts as not set".to_owned(),
                default => format!("cannot be read: {default} holds in its place"),
            },
        ),
    };
    let note = match known.note {
        "" => String::new(),
        note => format!("; {note}"),
    };
    Complaint {
        rule: "agent_config.value",
        severity,
        observed: format!("{} `{value}` {does}{note}", known.name),
        required: fault.wanted,
        remedy: fault.mend,
    }
}

/// What is doubtful about a value that is taken.
fn sound_but(known: &Known, setting: &Setting) -> Option<Complaint> {
    match known.name {
        "ECS_CLUSTER" if setting.value.trim().is_empty() => Some(Complaint {
            rule: "agent_config.cluster",
            severity: Severity::Recommended,
            observed: "ECS_CLUSTER is empty: the agent would join the cluster named default"
                .to_owned(),
            required: "the name of a cluster".into(),
            remedy: "write the name behind =, or remove the line".into(),
        }),
        "ECS_RESERVED_PORTS" if !setting.value.is_empty() => {
            let ports: Vec<u16> = serde_json::from_str(&setting.value).ok()?;
            let missing: Vec<_> = DEFAULT_RESERVED_PORTS
                .iter()
                .filter(|port| !ports.contains(port))
                .map(u16::to_string)
                .collect();
            (!missing.is_empty()).then(|| Complaint {
                rule: "agent_config.reserved_ports",
                severity: Severity::Recommended,
                observed: format!(
                    "the list replaces the default and lacks {}",
                    missing.join(", ")
                ),
                required: "a list that holds ssh's, Docker's and the agent's own ports, too".into(),
                remedy: format!("add {}", missing.join(",")).into(),
            })
        }
        _ => None,
    }
}
