//! The vendor layer, rendered: our variables put into whatever stands there.

use super::document::{self, Meaning, Reading};

/// The vendor layer with `wanted` in it. Every other line stays as it is, in its place. A variable that is there gets
/// its value where the line in force stands, and other lines of it go; a new one is added at the end. Our lines are
/// canonical: UTF-8, `NAME=value` without quotes, `\n` at the end. A byte order mark, which costs systemd the first
/// variable, goes.
///
/// Wanted values are such as need no quotes: they begin with no quote and have no blank at either end. A line end or a
/// NUL cannot be written and becomes a blank.
pub fn render_vendor(existing: Option<&[u8]>, wanted: &[(&str, &str)]) -> Vec<u8> {
    let existing = existing.unwrap_or_default();
    let entries = document::parse(existing);
    let in_force = document::in_force(&entries);
    let wanted_value = |name: &str| wanted.iter().rfind(|(wanted, _)| *wanted == name);
    // A line that goes would let a quote that is open above it run on.
    let keeps_every_line = entries.iter().any(|entry| {
        matches!(&entry.meaning, Meaning::Setting(setting)
            if setting.reading == Reading::OpenQuote && wanted_value(&setting.name).is_none())
    });
    let mut rendered = Vec::with_capacity(existing.len());
    let mut replacing = false;
    for entry in &entries {
        let line = entry.line;
        if entry.meaning == Meaning::Continuation && replacing {
            continue;
        }
        replacing = false;
        if let Meaning::Setting(setting) = &entry.meaning
            && let Some((name, value)) = wanted_value(&setting.name)
        {
            replacing = true;
            let wins = in_force
                .get(name)
                .is_some_and(|(winner, _)| *winner == line.number);
            if wins || keeps_every_line {
                push_ours(&mut rendered, name, value);
            }
            continue;
        }
        rendered.extend_from_slice(line.bytes);
        rendered.extend_from_slice(line.ending.bytes());
    }
    for (index, (name, value)) in wanted.iter().enumerate() {
        let said_again = wanted[index + 1..].iter().any(|(later, _)| later == name);
        if !in_force.contains_key(name) && !said_again {
            push_ours(&mut rendered, name, value);
        }
    }
    if !rendered.is_empty() && !rendered.ends_with(b"\n") {
        rendered.push(b'\n');
    }
    rendered
}

fn push_ours(rendered: &mut Vec<u8>, name: &str, value: &str) {
    // To ecs-init a lone \r is a part of the value.
    if !rendered.is_empty() && !rendered.ends_with(b"\n") {
        rendered.push(b'\n');
    }
    // To systemd a backslash at the end of a line takes the next one in.
    if rendered.ends_with(b"\\\n") {
        rendered.push(b'\n');
    }
    let value = value.replace(['\n', '\r', '\0'], " ");
    rendered.extend_from_slice(format!("{name}={value}\n").as_bytes());
}

#[cfg(test)]
mod tests;
