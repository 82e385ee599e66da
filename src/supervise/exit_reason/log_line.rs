//! One line of the agent's log: logfmt (`level=critical time=… msg="…" error="…"`), JSON (`ECS_LOG_OUTPUT_FORMAT=json`),
//! the older `2019-04-11T01:14:00Z [CRITICAL] …`, or anything else (a panic).

use serde_json::Value;

/// The levels that tell of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// Something failed for good.
    Critical,
    /// Something failed.
    Error,
    /// Everything else.
    Other,
}

impl Level {
    fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "critical" | "crit" => Level::Critical,
            "error" => Level::Error,
            _ => Level::Other,
        }
    }
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogLine {
    /// `None` where the line has none.
    pub(super) level: Option<Level>,
    /// The message, and after a colon the error where that is a field of its own.
    pub(super) message: String,
}

impl LogLine {
    /// Reads a line of any form; nothing is lost of one that has none.
    pub(super) fn parse(line: &str) -> Self {
        let line = line.trim();
        json(line)
            .or_else(|| logfmt(line))
            .or_else(|| bracketed(line))
            .unwrap_or_else(|| LogLine {
                level: None,
                message: line.to_owned(),
            })
    }

    fn of(level: &str, message: String, error: Option<String>) -> Self {
        LogLine {
            level: Some(Level::named(level)),
            message: match error.filter(|error| !error.is_empty()) {
                Some(error) => format!("{message}: {error}"),
                None => message,
            },
        }
    }
}

fn json(line: &str) -> Option<LogLine> {
    let object: serde_json::Map<String, Value> = serde_json::from_str(line).ok()?;
    let text = |key: &str| object.get(key)?.as_str().map(str::to_owned);
    Some(LogLine::of(&text("level")?, text("msg")?, text("error")))
}

fn logfmt(line: &str) -> Option<LogLine> {
    // Docker may write its own time before it.
    let mut rest = &line[line.find("level=")?..];
    let (mut level, mut message, mut error) = (None, None, None);
    while let Some((key, value)) = rest.split_once('=') {
        let (value, after) = field_value(value);
        match key.trim() {
            "level" => level = Some(value),
            "msg" => message = Some(value),
            "error" => error = Some(value),
            _ => {}
        }
        rest = after;
    }
    Some(LogLine::of(&level?, message?, error))
}

/// A value and what follows it. Quoted values are Go's (`%q`).
fn field_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(' ').unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(letters.next().map(|(_, escaped)| match escaped {
                'n' | 't' | 'r' => ' ',
                other => other,
            })),
            other => value.push(other),
        }
    }
    (value, "")
}

fn bracketed(line: &str) -> Option<LogLine> {
    let (_, rest) = line.split_once(" [")?;
    let (level, message) = rest.split_once("] ")?;
    let known = ["DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"].contains(&level);
    known.then(|| LogLine::of(level, message.to_owned(), None))
}
