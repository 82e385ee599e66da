//! Findings about lines of a file, with secret values replaced.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use super::Source;
use super::lines::{self, Line};
use super::secret::{self, MASK};
use crate::finding::{Confidence, Finding, Outcome, Place, Severity};

/// What is wrong, before it is said where.
#[derive(Debug, Clone)]
pub(super) struct Complaint {
    pub(super) rule: &'static str,
    pub(super) severity: Severity,
    pub(super) observed: String,
    pub(super) required: Cow<'static, str>,
    pub(super) remedy: Cow<'static, str>,
}

impl Complaint {
    /// The complaint as a finding.
    pub(super) fn at(self, place: impl Into<Option<Place>>) -> Finding {
        Finding {
            rule: self.rule.into(),
            title: "the agent's configuration means what it says".into(),
            severity: self.severity,
            outcome: Outcome::Failed,
            confidence: Confidence::Certain,
            observed: self.observed,
            required: self.required,
            remedy: self.remedy,
            source: "systemd.exec(5), EnvironmentFile=; ecs-init, getEnvVars; Amazon ECS container agent configuration"
                .into(),
            place: place.into(),
        }
    }
}

/// The most findings that one file gives: a file of random bytes has as many as lines.
pub(super) const MOST_FINDINGS: usize = 100;

/// The findings of a file, or, of very many, the worst with a note of how many more there are; their order stays.
pub(super) fn at_most(mut findings: Vec<Finding>, source: &Source<'_>) -> Vec<Finding> {
    let left_out = findings.len().saturating_sub(MOST_FINDINGS);
    let mut by_weight: Vec<_> = (0..findings.len()).collect();
    by_weight.sort_by_key(|index| findings[*index].severity);
    let told: BTreeSet<_> = by_weight.into_iter().take(MOST_FINDINGS).collect();
    let mut index = 0..;
    findings.retain(|_| index.next().is_some_and(|index| told.contains(&index)));
    findings.extend(more(left_out, source));
    findings
}

/// That findings were left out.
pub(super) fn more(left_out: usize, source: &Source<'_>) -> Option<Finding> {
    let complaint = Complaint {
        rule: "agent_config.more",
        severity: Severity::Informational,
        observed: format!("{left_out} more findings are left out"),
        required: "".into(),
        remedy: "mend these first".into(),
    };
    (left_out > 0).then(|| complaint.at(Place::file(source.path)))
}

/// Text from a file as a message may quote it: of one line, not too long, with nothing in it that a reader can't see.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 100;
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST {
            shown.push('…');
            break;
        }
        if is_visible(character) {
            shown.push(character);
        } else {
            shown.extend(character.escape_default());
        }
    }
    shown
}

/// False for control characters, blanks other than the space, and marks without width or that turn the direction.
fn is_visible(character: char) -> bool {
    character == ' '
        || !(character.is_control()
            || character.is_whitespace()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'))
}

/// The lines of a file as they may be shown.
pub(super) struct MaskedLines<'a> {
    path: &'a str,
    lines: Vec<Vec<u8>>,
}

impl<'a> MaskedLines<'a> {
    pub(super) fn of(source: &Source<'a>) -> Self {
        MaskedLines {
            path: source.path,
            lines: secret::masked_lines(&lines::split(source.bytes)),
        }
    }

    /// True when the whole line is a part of a secret value.
    pub(super) fn is_hidden(&self, line: Line<'_>) -> bool {
        self.shown(line) == MASK.as_bytes()
    }

    /// True when a part of the line is secret.
    pub(super) fn is_masked(&self, line: Line<'_>) -> bool {
        self.shown(line) != line.bytes
    }

    fn shown(&self, line: Line<'_>) -> &[u8] {
        let index = usize::try_from(line.number).unwrap_or(usize::MAX) - 1;
        self.lines.get(index).map_or(&b""[..], Vec::as_slice)
    }

    /// A span of bytes of a line as a place.
    pub(super) fn place(&self, line: Line<'_>, span: Range<usize>) -> Place {
        let characters =
            |bytes: Option<&[u8]>| bytes.map_or(0, |bytes| lines::text(bytes).chars().count());
        let text = lines::text(self.shown(line));
        let before = characters(line.bytes.get(..span.start));
        let wanted = characters(line.bytes.get(span)).max(1);
        // A masked value may be shorter than what it stands for.
        let length = wanted
            .min(text.chars().count().saturating_sub(before))
            .max(1);
        Place {
            column: u32::try_from(before + 1).ok(),
            length: u32::try_from(length).ok(),
            text: Some(text),
            ..Place::line(self.path, line.number)
        }
    }
}
