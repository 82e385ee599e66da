//! The layers together: what the agent's container gets, and what a process under systemd would see.

use std::collections::BTreeMap;
use std::ops::Range;

use super::document::{self, Meaning, Unusable};
use super::lines;
use super::report::{self, Complaint};
use super::{AgentConfig, Source, Variable, schema, systemd};
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

/// The lines of a file that nobody can use; of very many the first.
pub(super) fn unusable(source: &Source<'_>, entries: &[document::Entry<'_>]) -> Vec<Finding> {
    let unusable: Vec<_> = entries
        .iter()
        .filter_map(|entry| match entry.meaning {
            Meaning::Unusable(why) => Some((entry.line, why)),
            _ => None,
        })
        .collect();
    if unusable.is_empty() {
        return Vec::new();
    }
    let masked = report::MaskedLines::of(source);
    let told = unusable.iter().take(report::MOST_FINDINGS);
    let findings = told.map(|(line, why)| {
        let (span, complaint) = complaint(*why, line.bytes);
        complaint.at(masked.place(*line, span))
    });
    let left_out = unusable.len().saturating_sub(report::MOST_FINDINGS);
    findings.chain(report::more(left_out, source)).collect()
}

/// What is wrong with a line, and with which of its bytes.
fn complaint(why: Unusable, bytes: &[u8]) -> (Range<usize>, Complaint) {
    let from = bytes.len() - bytes.trim_ascii_start().len();
    let to = bytes.trim_ascii_end().len().max(from);
    let first = |wanted: u8| bytes.iter().position(|byte| *byte == wanted);
    match why {
        Unusable::Nul => {
            let at = first(0).unwrap_or(from);
            (
                at..at + 1,
                Complaint {
                    rule: "agent_config.nul",
                    severity: Severity::Required,
                    observed: "a NUL byte: the line is left out; systemd drops the whole file; ecs-init cannot start the agent".to_owned(),
                    required: "text".into(),
                    remedy: "write the line anew; where every other byte is NUL, save the file as UTF-8 in place of UTF-16".into(),
                },
            )
        }
        Unusable::NoAssignment => (from..to, no_assignment(&bytes[from..to])),
        Unusable::NoName => {
            let equals = first(b'=').unwrap_or(from);
            (
                equals..equals + 1,
                Complaint {
                    rule: "agent_config.no_name",
                    severity: Severity::Required,
                    observed: "no name in front of =: the line is left out; Docker refuses such a variable, so that ecs-init cannot start the agent".to_owned(),
                    required: "NAME=value".into(),
                    remedy: "write the name, or put # in front".into(),
                },
            )
        }
        Unusable::BadName => {
            let equals = first(b'=').unwrap_or(to);
            let exported = bytes[from..].starts_with(b"export ");
            (
                from..equals,
                Complaint {
                    rule: "agent_config.name",
                    severity: Severity::Required,
                    observed: "what stands in front of = is not the name of a variable: the setting is lost for every reader".to_owned(),
                    required: "a name of letters, digits and _, directly followed by =".into(),
                    remedy: if exported {
                        "remove export: the file is no shell script".into()
                    } else {
                        "write NAME=value, without blanks, quotes or brackets in front of =".into()
                    },
                },
            )
        }
    }
}

/// A line without `=`: an accident, or a setting written in another way.
fn no_assignment(line: &[u8]) -> Complaint {
    let word = line
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
        .count();
    let name = schema::find(&lines::text(&line[..word]));
    Complaint {
        rule: "agent_config.no_assignment",
        severity: match name {
            Some(_) => Severity::Required,
            None => Severity::Recommended,
        },
        observed: "a line without =: systemd and ecs-init pass over it; docker --env-file takes it for the name of a variable of its caller".to_owned(),
        required: "NAME=value, or a comment".into(),
        remedy: match name {
            Some(known) => format!("write {}=value", known.name).into(),
            None => "write NAME=value, or put # in front".into(),
        },
    }
}

#[cfg(test)]
mod tests;
