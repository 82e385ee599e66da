//! Names of variables: misspelt, not for Linux, not for people, not for this file.

use crate::agent_config::document::Setting;
use crate::agent_config::report::{Complaint, shown};
use crate::agent_config::schema::{self, Standing};
use crate::finding::{Finding, Severity};

use super::{File, name_span};

pub(super) fn check(file: &File<'_>) -> Vec<Finding> {
    file.settings()
        .filter_map(|(line, setting)| {
            let complaint = complaint(setting)?;
            Some(file.finding(line, name_span(line, setting), complaint))
        })
        .collect()
}

fn complaint(setting: &Setting) -> Option<Complaint> {
    let name = setting.name.as_str();
    if name == "PATH" {
        return Some(Complaint {
            rule: "agent_config.path",
            severity: Severity::Required,
            observed: "PATH here holds for ecs-init and the agent themselves: ecs-init no longer finds sysctl and cannot start or clean up".to_owned(),
            required: "a file without it".into(),
            remedy: "remove the line".into(),
        });
    }
    let Some(known) = schema::find(name) else {
        return unknown(name);
    };
    let (rule, observed, remedy) = match known.standing {
        Standing::Settable => return None,
        Standing::Managed => (
            "agent_config.managed",
            format!(
                "{name} says what the host is like; what starts the agent finds that out and sets it"
            ),
            "remove the line",
        ),
        Standing::WindowsOnly => (
            "agent_config.windows_only",
            format!("{name} means nothing on Linux"),
            "remove the line",
        ),
        Standing::Unread => (
            "agent_config.unread",
            format!("nothing reads {name} any more"),
            "remove the line",
        ),
    };
    Some(Complaint {
        rule,
        severity: Severity::Recommended,
        observed,
        required: "variables that are for people to set".into(),
        remedy: remedy.into(),
    })
}

fn unknown(name: &str) -> Option<Complaint> {
    let shown = shown(name);
    if let Some(meant) = schema::meant_by(name) {
        return Some(Complaint {
            rule: "agent_config.spelling",
            severity: Severity::Required,
            observed: format!("{shown} is not a variable of the agent: nothing reads it"),
            required: "a variable of the agent".into(),
            remedy: format!("did you mean {}?", meant.name).into(),
        });
    }
    // Every AWS SDK reads AWS_ variables of its own; others may be for a plugin.
    let is_ours = name.to_ascii_uppercase().starts_with("ECS_");
    let is_theirs = name.starts_with("AWS_");
    (!is_theirs).then(|| Complaint {
        rule: "agent_config.unknown",
        severity: if is_ours {
            Severity::Recommended
        } else {
            Severity::Informational
        },
        observed: format!("{shown} is not a variable of the agent (1.105.1)"),
        required: "a variable of the agent".into(),
        remedy: "look its name up, or remove the line".into(),
    })
}
