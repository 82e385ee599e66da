//! The layers together: what the agent's container gets, and what a process under systemd would see.

use std::collections::BTreeMap;

use super::document::{self, Meaning, Unusable};
use super::lines;
use super::report::{self, Complaint};
use super::{AgentConfig, Source, Variable, systemd};
use crate::finding::{Finding, Severity};

/// Reads the files. The later layer wins, in whatever order they are given; within a file the last line of a variable
/// wins, but one that is damaged never hides one that is not.
pub fn read(sources: &[Source<'_>]) -> AgentConfig {
    let mut config = AgentConfig::default();
    let mut sources: Vec<_> = sources.iter().collect();
    sources.sort_by_key(|source| source.layer);
    for source in sources {
        let entries = document::parse(source.bytes);
        for (name, (line, setting)) in document::in_force(&entries) {
            let variable = variable(source, &setting.value, Some(line));
            config.agent.insert(name.to_owned(), variable);
        }
        config.process.extend(process(source));
        config.findings.extend(unusable(source, &entries));
    }
    config
}

fn variable(source: &Source<'_>, value: &str, line: Option<u32>) -> Variable {
    Variable {
        value: value.to_owned(),
        layer: source.layer,
        path: source.path.to_owned(),
        line,
    }
}

/// What systemd takes of one file: nothing, where one byte makes it drop the file.
fn process(source: &Source<'_>) -> BTreeMap<String, Variable> {
    let lines = lines::split(source.bytes);
    let line_at = |offset: usize| {
        let index = lines.partition_point(|line| line.start <= offset);
        // An offset in front of the first line is that of the byte order mark.
        lines.get(index.saturating_sub(1)).map(|line| line.number)
    };
    systemd::environment(source.bytes)
        .unwrap_or_default()
        .into_iter()
        .map(|(name, (value, at))| (name, variable(source, &value, line_at(at))))
        .collect()
}

/// The lines of a file that nobody can use.
pub(super) fn unusable(source: &Source<'_>, entries: &[document::Entry<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut masked = None;
    for entry in entries {
        let Meaning::Unusable(why) = entry.meaning else {
            continue;
        };
        let masked = masked.get_or_insert_with(|| report::MaskedLines::of(source));
        let (span, complaint) = complaint(why, entry.line.bytes);
        findings.push(complaint.at(masked.place(entry.line, span)));
    }
    findings
}

fn complaint(why: Unusable, bytes: &[u8]) -> (std::ops::Range<usize>, Complaint) {
    let from = bytes.len() - bytes.trim_ascii_start().len();
    let to = bytes.trim_ascii_end().len().max(from);
    let equals = bytes.iter().position(|byte| *byte == b'=').unwrap_or(to);
    let (span, rule, severity, observed, required, remedy) = match why {
        Unusable::Nul => {
            let at = bytes.iter().position(|byte| *byte == 0).unwrap_or(from);
            (
                at..at + 1,
                "agent_config.nul",
                Severity::Required,
                "a NUL byte: the line is left out; systemd drops the whole file, and ecs-init cannot start the agent",
                "text",
                "remove the byte, or write the line anew (a file saved as UTF-16 has one in every character: save it as UTF-8)",
            )
        }
        Unusable::NoAssignment => (
            from..to,
            "agent_config.no_assignment",
            Severity::Recommended,
            "a line without =: systemd and ecs-init pass over it, docker --env-file takes the variable from its own environment",
            "NAME=value, or a comment",
            "write NAME=value, or put # in front",
        ),
        Unusable::NoName => (
            equals..equals + 1,
            "agent_config.no_name",
            Severity::Required,
            "no name in front of =: the line is left out; Docker refuses such a variable, so that ecs-init cannot start the agent",
            "NAME=value",
            "write the name, or put # in front",
        ),
        Unusable::BadName => (
            from..equals.max(from + 1),
            "agent_config.name",
            Severity::Required,
            "what stands in front of = is not the name of a variable: the setting is lost for every reader",
            "a name of letters, digits and _, directly followed by =",
            "write NAME=value, without export, blanks or quotes in front of =",
        ),
    };
    (
        span,
        Complaint {
            rule,
            severity,
            observed: observed.to_owned(),
            required,
            remedy: remedy.into(),
        },
    )
}

#[cfg(test)]
mod tests;
