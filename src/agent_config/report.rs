//! Findings about lines of a file, with secret values replaced.

use std::borrow::Cow;
use std::ops::Range;

use super::lines::{self, Line};
use super::{Source, secret};
use crate::finding::{Confidence, Finding, Outcome, Place, Severity};

/// What is wrong, before it is said where.
#[derive(Debug, Clone)]
pub(super) struct Complaint {
    pub(super) rule: &'static str,
    pub(super) severity: Severity,
    pub(super) observed: String,
    pub(super) required: &'static str,
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
            required: self.required.into(),
            remedy: self.remedy,
            source: "systemd.exec(5), EnvironmentFile=; ecs-init, getEnvVars; Amazon ECS container agent configuration"
                .into(),
            place: place.into(),
        }
    }
}

/// Text from a file as a message may quote it: of one line, without control characters, not too long.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 100;
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST {
            shown.push('…');
            break;
        }
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
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

    /// A span of bytes of a line as a place.
    pub(super) fn place(&self, line: Line<'_>, span: Range<usize>) -> Place {
        let characters =
            |bytes: Option<&[u8]>| bytes.map_or(0, |bytes| lines::text(bytes).chars().count());
        let index = usize::try_from(line.number).unwrap_or(usize::MAX) - 1;
        let shown = self.lines.get(index).map_or(&b""[..], Vec::as_slice);
        let text = lines::text(shown);
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
