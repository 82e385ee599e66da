//! Lines that the three readers understand in different ways.

use std::ops::Range;

use crate::agent_config::document::{Meaning, Reading, Setting};
use crate::agent_config::lines::{self, Ending, Line};
use crate::agent_config::report::{Complaint, shown};
use crate::agent_config::schema::{self, Kind};
use crate::agent_config::secret::mask_value;
use crate::agent_config::value;
use crate::finding::{Finding, Severity};

use super::{File, name_span, value_span};

pub(super) fn check(file: &File<'_>) -> Vec<Finding> {
    let mut findings = comments(file);
    for (line, setting) in file.settings() {
        let told = [
            quotes(line, setting),
            blanks_around_equals(line, setting),
            trailing_comment(line, setting),
            backslash_at_end(line, setting),
            control_characters(line, setting),
        ];
        let mut told: Vec<_> = told.into_iter().flatten().collect();
        if told.is_empty() {
            told.extend(seen_otherwise(file, line, setting));
        }
        for (span, mut complaint) in told {
            complaint.observed = format!("{}; {}", complaint.observed, file.readers.at(line));
            findings.push(file.finding(line, span, complaint));
        }
        findings.extend(blanks_at_end(file, line));
    }
    findings
}

type Told = Option<(Range<usize>, Complaint)>;

fn quotes(line: Line<'_>, setting: &Setting) -> Told {
    let written = lines::text(&line.bytes[setting.value_at..]);
    let span = value_span(line, setting);
    if setting.reading == Reading::OpenQuote {
        return Some((
            span,
            Complaint {
                rule: "agent_config.open_quote",
                severity: Severity::Required,
                observed: "a quote that is not closed before the next setting".to_owned(),
                required: "a value without quotes".into(),
                remedy: "remove the quote".into(),
            },
        ));
    }
    if written.contains(['“', '”', '„', '‘', '’']) {
        return Some((
            span,
            Complaint {
                rule: "agent_config.curly_quotes",
                severity: Severity::Required,
                observed: "typographic quotes, which no reader takes for quotes".to_owned(),
                required: "plain quotes within JSON, and none around a value".into(),
                remedy: "replace “ and ” by \"".into(),
            },
        ));
    }
    if !written.trim_start().starts_with(['"', '\'']) {
        return None;
    }
    let remedy = if setting.value.contains('\n') {
        "write the value in one line, without quotes around it".into()
    } else {
        let value = mask_value(&setting.name, &setting.value);
        format!("write {}={}", setting.name, shown(&value)).into()
    };
    Some((
        span,
        Complaint {
            rule: "agent_config.quotes",
            severity: Severity::Recommended,
            observed: "quotes around the value: ecs-nanny removes them as systemd does, the others pass them on".to_owned(),
            required: "a value without quotes around it, the only spelling that all readers take alike".into(),
            remedy,
        },
    ))
}

fn blanks_around_equals(line: Line<'_>, setting: &Setting) -> Told {
    let name = name_span(line, setting);
    let value = value_span(line, setting);
    let is_quoted = matches!(setting.reading, Reading::Unquoted | Reading::OpenQuote);
    let behind = value.start > setting.value_at && !is_quoted;
    let in_front = name.end < setting.value_at - 1;
    if !in_front && !behind {
        return None;
    }
    let span = if in_front {
        name.end..setting.value_at - 1
    } else {
        setting.value_at..value.start
    };
    Some((
        span,
        Complaint {
            rule: "agent_config.blanks",
            severity: Severity::Recommended,
            observed: "blanks around =".to_owned(),
            required: "NAME=value".into(),
            remedy: "remove the blanks".into(),
        },
    ))
}

fn trailing_comment(line: Line<'_>, setting: &Setting) -> Told {
    let written = &line.bytes[setting.value_at..];
    let known = schema::find(&setting.name);
    let is_json = known.is_some_and(|known| {
        matches!(
            known.kind,
            Kind::Object(_) | Kind::AnyObject | Kind::Strings | Kind::LogDrivers
        )
    });
    let is_taken = known.is_none_or(|known| value::check(known, &setting.value).is_ok());
    let sign = written
        .windows(2)
        .position(|pair| pair[0].is_ascii_whitespace() && pair[1] == b'#')?;
    // A # within valid JSON is a part of a string.
    if is_json && is_taken {
        return None;
    }
    let from = setting.value_at + sign + 1;
    let value = mask_value(&setting.name, lines::text(&written[..sign]).trim());
    Some((
        from..line.bytes.trim_ascii_end().len(),
        Complaint {
            rule: "agent_config.trailing_comment",
            severity: if is_taken {
                Severity::Recommended
            } else {
                Severity::Required
            },
            observed: "what follows # belongs to the value: a comment takes a line of its own"
                .to_owned(),
            required: "a value and nothing behind it".into(),
            remedy: format!(
                "move the comment to a line of its own and write {}={}",
                setting.name,
                shown(&value)
            )
            .into(),
        },
    ))
}

fn backslash_at_end(line: Line<'_>, setting: &Setting) -> Told {
    if setting.reading == Reading::Unquoted {
        return None;
    }
    let at = trailing_backslash(line)?;
    Some((
        at..at + 1,
        Complaint {
            rule: "agent_config.backslash",
            severity: Severity::Required,
            observed:
                "a backslash at the end: the next line goes on with this one for systemd only"
                    .to_owned(),
            required: "a value in one line".into(),
            remedy: "write the value in one line, without the backslash".into(),
        },
    ))
}

/// The offset of a backslash that takes the line's end for systemd. Of a CR LF it takes the CR only.
fn trailing_backslash(line: Line<'_>) -> Option<usize> {
    let count = line
        .bytes
        .iter()
        .rev()
        .take_while(|byte| **byte == b'\\')
        .count();
    let takes_the_end = count % 2 == 1 && matches!(line.ending, Ending::Lf | Ending::Cr);
    takes_the_end.then(|| line.bytes.len() - 1)
}

fn control_characters(line: Line<'_>, setting: &Setting) -> Told {
    let written = lines::text(&line.bytes[setting.value_at..]);
    let found = written
        .trim()
        .chars()
        .find(|character| character.is_control() && *character != '\t')?;
    Some((
        value_span(line, setting),
        Complaint {
            rule: "agent_config.control",
            severity: Severity::Recommended,
            observed: format!(
                "a control character ({}) in the value",
                found.escape_unicode()
            ),
            required: "text".into(),
            remedy: "write the value anew".into(),
        },
    ))
}

/// A switch of ecs-init that systemd reads with another value than the agent gets.
fn seen_otherwise(file: &File<'_>, line: Line<'_>, setting: &Setting) -> Told {
    let is_switch = schema::find(&setting.name).is_some_and(schema::Known::is_read_by_init);
    if !is_switch || file.readers.refused().is_some() {
        return None;
    }
    let seen = file.readers.systemd_at(line).filter(|assignment| {
        file.readers.begins_in(assignment.start, line)
            && assignment.name == setting.name.as_bytes()
            && assignment.value.bytes == setting.value.as_bytes()
    });
    if seen.is_some() {
        return None;
    }
    Some((
        name_span(line, setting),
        Complaint {
            rule: "agent_config.readers_differ",
            severity: Severity::Required,
            observed: format!(
                "{} is a switch that ecs-init takes from systemd, which does not read this line as it stands",
                setting.name
            ),
            required: "a line that every reader understands alike".into(),
            remedy: "write NAME=value without quotes and backslashes; end the quote or the comment above it".into(),
        },
    ))
}

/// `docker --env-file` keeps blanks at the end; everyone else drops them.
fn blanks_at_end(file: &File<'_>, line: Line<'_>) -> Option<Finding> {
    let end = line.bytes.trim_ascii_end().len();
    if end == line.bytes.len() {
        return None;
    }
    let complaint = Complaint {
        rule: "agent_config.trailing_blanks",
        severity: Severity::Informational,
        observed:
            "blanks at the end of the line, which docker --env-file takes for a part of the value"
                .to_owned(),
        required: "a line that ends with its value".into(),
        remedy: "remove the blanks".into(),
    };
    Some(file.finding(line, end..line.bytes.len(), complaint))
}

fn comments(file: &File<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut passed = false;
    for (index, entry) in file.entries.iter().enumerate() {
        if entry.meaning != Meaning::Comment {
            continue;
        }
        if !passed && entry.line.bytes.contains(&b'=') {
            passed = true;
            findings.push(passed_comment(file, entry.line));
        }
        let hidden = file.entries.get(index + 1).map(|next| &next.meaning);
        if let (Some(at), Some(Meaning::Setting(hidden))) = (trailing_backslash(entry.line), hidden)
        {
            let complaint = hides(hidden);
            findings.push(file.finding(entry.line, at..at + 1, complaint));
        }
    }
    findings
}

fn passed_comment(file: &File<'_>, line: Line<'_>) -> Finding {
    let complaint = Complaint {
        rule: "agent_config.comment",
        severity: Severity::Informational,
        observed: "comments with = reach the agent under ecs-init as variables whose names begin with the comment's sign; ecs-nanny leaves them out".to_owned(),
        required: String::new().into(),
        remedy: String::new().into(),
    };
    let from = line.bytes.len() - line.bytes.trim_ascii_start().len();
    file.finding(line, from..line.bytes.trim_ascii_end().len(), complaint)
}

fn hides(hidden: &Setting) -> Complaint {
    Complaint {
        rule: "agent_config.comment_continues",
        severity: Severity::Recommended,
        observed: format!(
            "a comment that ends with a backslash hides the next line, {}, from systemd before 254",
            shown(&hidden.name)
        ),
        required: "a comment without a backslash at its end".into(),
        remedy: "remove the backslash".into(),
    }
}
