//! What is wrong or doubtful in the files, each with its line and its mend.

mod bytes;
mod layers;
mod names;
mod readers;
mod syntax;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::document::{self, Entry, Meaning, Setting};
use super::lines::Line;
use super::report::{self, Complaint, MaskedLines};
use super::{Source, read};
use crate::finding::{Finding, Place, Severity};
use readers::Readers;

/// The largest file that is looked into, in bytes.
const LARGEST: usize = 64 * 1024;

/// Holds the files against the schema and against the three grammars that read them.
///
/// A failed finding of severity required is an error: a setting is lost, or the agent cannot start or register.
/// Findings stand in the order of the layers and their lines. The lines that [`read`](super::read()) leaves out are
/// among them. Of a file with very many only the worst are told.
pub fn lint(sources: &[Source<'_>]) -> Vec<Finding> {
    let mut sources: Vec<_> = sources.iter().collect();
    sources.sort_by_key(|source| source.layer);
    let (files, large): (Vec<_>, Vec<_>) = sources
        .into_iter()
        .partition(|source| source.bytes.len() <= LARGEST);
    let files: Vec<_> = files.into_iter().map(File::of).collect();
    let mut findings: Vec<_> = large.into_iter().map(too_large).collect();
    for file in &files {
        findings.extend(report::at_most(check(file, &files), file.source));
    }
    findings
}

fn too_large(source: &Source<'_>) -> Finding {
    let complaint = Complaint {
        rule: "agent_config.size",
        severity: Severity::Required,
        observed: format!(
            "{} bytes are not what people or tools write into this file; it is not looked into",
            source.bytes.len()
        ),
        required: format!("at most {LARGEST} bytes").into(),
        remedy: "write the file anew".into(),
    };
    complaint.at(Place::file(source.path))
}

/// Every finding of one file, by line and column.
fn check(file: &File<'_>, files: &[File<'_>]) -> Vec<Finding> {
    let mut findings = unusable(file);
    findings.extend(bytes::check(file));
    let torn = syntax::check(file);
    let torn_lines: BTreeSet<_> = torn
        .iter()
        .filter(|finding| finding.severity == Severity::Required)
        .map(line_of)
        .collect();
    // A value that is torn out of shape needs no second finding for what it then is.
    findings.extend(
        values::check(file)
            .into_iter()
            .filter(|finding| !torn_lines.contains(&line_of(finding))),
    );
    findings.extend(torn);
    findings.extend(names::check(file));
    findings.extend(layers::check(file, files));
    findings.sort_by_key(|finding| {
        let place = finding.place.as_ref();
        place.map(|place| (place.line, place.column))
    });
    findings
}

fn line_of(finding: &Finding) -> Option<u32> {
    finding.place.as_ref().and_then(|place| place.line)
}

/// The lines that [`read`](super::read()) leaves out, with what each reader makes of them.
fn unusable(file: &File<'_>) -> Vec<Finding> {
    let mut findings = read::unusable(file.source, &file.entries);
    for finding in &mut findings {
        let entry = line_of(finding).and_then(|number| file.entry(number));
        if let Some(entry) = entry
            && finding.rule == "agent_config.name"
            && !file.masked.is_masked(entry.line)
        {
            let readers = file.readers.at(entry.line);
            finding.observed = format!("{}; {readers}", finding.observed);
        }
    }
    findings
}

/// A file with everything that a rule needs of it.
struct File<'a> {
    source: &'a Source<'a>,
    entries: Vec<Entry<'a>>,
    /// For each variable the line that holds, from 1.
    in_force: BTreeMap<String, u32>,
    readers: Readers<'a>,
    masked: MaskedLines<'a>,
}

impl<'a> File<'a> {
    fn of(source: &'a Source<'a>) -> Self {
        let entries = document::parse(source.bytes);
        let in_force = document::in_force(&entries)
            .into_iter()
            .map(|(name, (line, _))| (name.to_owned(), line))
            .collect();
        File {
            source,
            entries,
            in_force,
            readers: Readers::of(source.bytes),
            masked: MaskedLines::of(source),
        }
    }

    /// Every setting with its line, in order; but for lines that are a part of a secret value, which nothing may quote.
    fn settings(&self) -> impl Iterator<Item = (Line<'a>, &Setting)> {
        self.entries
            .iter()
            .filter_map(|entry| match &entry.meaning {
                Meaning::Setting(setting) if !self.masked.is_hidden(entry.line) => {
                    Some((entry.line, setting))
                }
                _ => None,
            })
    }

    /// What a line means, by its number.
    fn entry(&self, number: u32) -> Option<&Entry<'a>> {
        self.entries
            .get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// The setting of a variable that holds in this file, with its line.
    fn holding(&self, name: &str) -> Option<(Line<'a>, &Setting)> {
        let entry = self.entry(*self.in_force.get(name)?)?;
        match &entry.meaning {
            Meaning::Setting(setting) => Some((entry.line, setting)),
            _ => None,
        }
    }

    fn finding(&self, line: Line<'_>, span: Range<usize>, complaint: Complaint) -> Finding {
        complaint.at(self.masked.place(line, span))
    }
}

/// The bytes of a line that hold the name of its setting.
fn name_span(line: Line<'_>, setting: &Setting) -> Range<usize> {
    let written = &line.bytes[..setting.value_at - 1];
    let from = written.len() - written.trim_ascii_start().len();
    from..written.trim_ascii_end().len().max(from)
}

/// The bytes of a line that hold the value of its setting.
fn value_span(line: Line<'_>, setting: &Setting) -> Range<usize> {
    let written = &line.bytes[setting.value_at..];
    let from = setting.value_at + written.len() - written.trim_ascii_start().len();
    let to = line.bytes.trim_ascii_end().len();
    if from < to {
        from..to
    } else {
        name_span(line, setting)
    }
}

#[cfg(test)]
mod tests;
