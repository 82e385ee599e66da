//! What each line of a file means for the agent's container: ecs-init's reading, one line at a time, with these
//! differences. Comment lines are no variables; quotes that systemd removes are removed; blanks around `=` are removed,
//! as systemd does; a byte order mark is skipped; a lone `\r` ends a line. No line changes what another one says, but
//! for a quoted value that is closed on a later line.

use std::collections::BTreeMap;

use super::lines::{self, Line};
use super::systemd;

/// One line with its meaning.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    /// The line.
    pub(super) line: Line<'a>,
    /// What it means.
    pub(super) meaning: Meaning,
}

/// What a line means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing but blanks.
    Blank,
    /// Begins with `#` or `;`.
    Comment,
    /// Sets a variable.
    Setting(Setting),
    /// Goes on with the quoted value of an earlier line.
    Continuation,
    /// Nobody can use it.
    Unusable(Unusable),
}

/// A variable and the value that the agent gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// Name of the variable.
    pub(super) name: String,
    /// Its value.
    pub(super) value: String,
    /// Which reading gave it.
    pub(super) reading: Reading,
    /// Offset in the line of the first byte behind `=`.
    pub(super) value_at: usize,
}

/// Which reading gave a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As it stands: all readers but for escapes agree.
    Plain,
    /// Without its quotes, as systemd reads it.
    Unquoted,
    /// Without the blanks around `=`, as systemd reads it.
    Trimmed,
    /// As it stands, with a quote that is never closed.
    OpenQuote,
    /// With U+FFFD for bytes that are not UTF-8.
    Replaced,
}

impl Reading {
    /// True when the line says what it says beyond doubt. One that does not never hides one that does.
    fn is_certain(self) -> bool {
        matches!(self, Reading::Plain | Reading::Unquoted)
    }
}

/// Why nobody can use a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It holds a NUL byte.
    Nul,
    /// It has no `=`.
    NoAssignment,
    /// Nothing stands in front of `=`.
    NoName,
    /// What stands in front of `=` is no name.
    BadName,
}

/// Every line of a file.
pub(super) fn parse(file: &[u8]) -> Vec<Entry<'_>> {
    let lines = lines::split(file);
    let mut entries: Vec<Entry<'_>> = Vec::with_capacity(lines.len());
    let mut value_end = 0;
    for (index, line) in lines.iter().enumerate() {
        let meaning = if line.start < value_end {
            Meaning::Continuation
        } else {
            let (meaning, end) = meaning(file, *line, &lines[index + 1..]);
            value_end = end;
            meaning
        };
        entries.push(Entry {
            line: *line,
            meaning,
        });
    }
    entries
}

/// The settings in force in one file, by name: the last line that is certain, or else the last.
pub(super) fn in_force<'e>(entries: &'e [Entry<'_>]) -> BTreeMap<&'e str, (u32, &'e Setting)> {
    let mut winners: BTreeMap<&str, (u32, &Setting)> = BTreeMap::new();
    for entry in entries {
        let Meaning::Setting(setting) = &entry.meaning else {
            continue;
        };
        let hides_nothing_better = winners
            .get(setting.name.as_str())
            .is_none_or(|(_, winner)| setting.reading.is_certain() || !winner.reading.is_certain());
        if hides_nothing_better {
            winners.insert(&setting.name, (entry.line.number, setting));
        }
    }
    winners
}

/// The meaning of a line, and the offset behind its value where that ends on a later line.
fn meaning(file: &[u8], line: Line<'_>, later: &[Line<'_>]) -> (Meaning, usize) {
    let equals = match shape(line.bytes) {
        Shape::Blank => return (Meaning::Blank, 0),
        Shape::Comment => return (Meaning::Comment, 0),
        Shape::Unusable(why) => return (Meaning::Unusable(why), 0),
        Shape::Assignment { equals } => equals,
    };
    let written = lines::text(&line.bytes[..equals]);
    let name = written.trim().to_owned();
    let value_at = equals + 1;
    let (value, mut reading, end) = value(file, line, value_at, later);
    if written.trim_start() != name {
        if reading == Reading::Plain {
            reading = Reading::Trimmed;
        }
        let setting = Setting {
            name,
            value: value.trim_start().to_owned(),
            reading,
            value_at,
        };
        return (Meaning::Setting(setting), end);
    }
    if reading.is_certain() && std::str::from_utf8(line.bytes).is_err() {
        reading = Reading::Replaced;
    }
    (
        Meaning::Setting(Setting {
            name,
            value,
            reading,
            value_at,
        }),
        end,
    )
}

fn value(
    file: &[u8],
    line: Line<'_>,
    value_at: usize,
    later: &[Line<'_>],
) -> (String, Reading, usize) {
    let rest = &line.bytes[value_at..];
    let as_it_stands = || lines::text(rest).trim_end().to_owned();
    if !rest.trim_ascii_start().starts_with(b"'") && !rest.trim_ascii_start().starts_with(b"\"") {
        return (as_it_stands(), Reading::Plain, 0);
    }
    let alone = systemd::value(line.bytes, value_at);
    if !alone.open {
        return (lines::text(&alone.bytes), Reading::Unquoted, 0);
    }
    // The lines up to the next one that means something by itself.
    let limit = later
        .iter()
        .find(|line| matches!(shape(line.bytes), Shape::Comment | Shape::Assignment { .. }))
        .map_or(file.len(), |line| line.start);
    let spanning = systemd::value(&file[..limit], line.start + value_at);
    if spanning.open || spanning.bytes.contains(&0) {
        return (as_it_stands(), Reading::OpenQuote, 0);
    }
    (
        lines::text(&spanning.bytes),
        Reading::Unquoted,
        spanning.end,
    )
}

enum Shape {
    Blank,
    Comment,
    /// Offset of the `=`.
    Assignment {
        equals: usize,
    },
    Unusable(Unusable),
}

/// What a line is by itself.
fn shape(bytes: &[u8]) -> Shape {
    let text = lines::text(bytes);
    let text = text.trim();
    if text.is_empty() {
        return Shape::Blank;
    }
    if text.starts_with(['#', ';']) {
        return Shape::Comment;
    }
    if bytes.contains(&0) {
        return Shape::Unusable(Unusable::Nul);
    }
    let Some(equals) = bytes.iter().position(|byte| *byte == b'=') else {
        return Shape::Unusable(Unusable::NoAssignment);
    };
    let name = lines::text(&bytes[..equals]);
    let name = name.trim();
    if name.is_empty() {
        return Shape::Unusable(Unusable::NoName);
    }
    if !name.chars().all(is_in_name) {
        return Shape::Unusable(Unusable::BadName);
    }
    Shape::Assignment { equals }
}

/// Docker passes any name; these characters leave out what only broken lines have in front of `=`: blanks, control
/// characters, quotes, brackets.
fn is_in_name(character: char) -> bool {
    character.is_alphanumeric()
        || matches!(
            character,
            '_' | '-' | '.' | '/' | ':' | '@' | '+' | char::REPLACEMENT_CHARACTER
        )
}

#[cfg(test)]
mod tests;
