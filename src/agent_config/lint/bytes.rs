//! Bytes and line ends: what makes a reader drop or run together what people see as lines.

use crate::agent_config::document::Meaning;
use crate::agent_config::lines::{BYTE_ORDER_MARK, Ending, Line};
use crate::agent_config::mask_value;
use crate::agent_config::report::Complaint;
use crate::agent_config::secret::is_secret;
use crate::agent_config::systemd::Refused;
use crate::finding::{Finding, Severity};

use super::{File, name_span};

pub(super) fn check(file: &File<'_>) -> Vec<Finding> {
    let mut findings = not_utf8(file);
    findings.extend(byte_order_mark(file));
    findings.extend(line_ends(file));
    findings.extend(final_newline(file));
    findings.extend(world_readable(file));
    findings
}

fn not_utf8(file: &File<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in &file.entries {
        let Err(error) = std::str::from_utf8(entry.line.bytes) else {
            continue;
        };
        let at = error.valid_up_to();
        let (severity, observed) = match entry.meaning {
            Meaning::Comment => (
                Severity::Informational,
                "a comment with a byte that is not UTF-8",
            ),
            _ => (
                Severity::Required,
                "a byte that is not UTF-8: systemd drops the whole file, so that the switches that ecs-init reads do nothing; the agent gets U+FFFD in place of the byte; docker --env-file refuses the file",
            ),
        };
        let complaint = utf8(severity, observed);
        findings.push(file.finding(entry.line, at..at + 1, complaint));
    }
    // Noncharacters are UTF-8 to everyone but systemd.
    if let Some(Refused::NotUtf8 { at }) = file.readers.refused()
        && findings
            .iter()
            .all(|finding| finding.severity != Severity::Required)
    {
        let entry = file.entries.iter().rfind(|entry| entry.line.start <= at);
        findings.extend(entry.map(|entry| {
            let observed = "a Unicode noncharacter: systemd drops the whole file, so that the switches that ecs-init reads do nothing";
            let span = 0..entry.line.bytes.len();
            file.finding(entry.line, span, utf8(Severity::Required, observed))
        }));
    }
    findings
}

fn utf8(severity: Severity, observed: &str) -> Complaint {
    Complaint {
        rule: "agent_config.utf8",
        severity,
        observed: observed.to_owned(),
        required: "UTF-8".into(),
        remedy: "write the line anew, or convert the file: iconv -f LATIN1 -t UTF-8".into(),
    }
}

fn byte_order_mark(file: &File<'_>) -> Option<Finding> {
    let first = file.entries.first()?;
    if !file.source.bytes.starts_with(BYTE_ORDER_MARK) {
        return None;
    }
    let severity = match first.meaning {
        Meaning::Blank | Meaning::Comment => Severity::Informational,
        _ => Severity::Recommended,
    };
    let complaint = Complaint {
        rule: "agent_config.byte_order_mark",
        severity,
        observed: format!(
            "a byte order mark in front of the first line; {}",
            file.readers.at(first.line)
        ),
        required: "a file without one".into(),
        remedy: "save the file as UTF-8 without BOM, or: sed -i '1s/^\\xef\\xbb\\xbf//' FILE"
            .into(),
    };
    Some(file.finding(first.line, 0..1, complaint))
}

fn line_ends(file: &File<'_>) -> Vec<Finding> {
    let first = |ending| {
        let found = file
            .entries
            .iter()
            .find(|entry| entry.line.ending == ending);
        found.map(|entry| entry.line)
    };
    let told = |line: Line<'_>, severity, observed: &str| {
        let complaint = Complaint {
            rule: "agent_config.line_ends",
            severity,
            observed: observed.to_owned(),
            required: "lines that end with LF".into(),
            remedy: "convert the file: sed -i 's/\\r$//; s/\\r/\\n/g' FILE".into(),
        };
        file.finding(line, line.bytes.len()..line.bytes.len(), complaint)
    };
    let windows = first(Ending::CrLf).map(|line| {
        told(
            line,
            Severity::Informational,
            "lines end with CR LF, as on Windows; every reader copes",
        )
    });
    let carriage_return = first(Ending::Cr).map(|line| {
        told(
            line,
            Severity::Recommended,
            "a line ends with CR alone: for systemd the next setting begins there; ecs-init and docker --env-file take it for a part of this one",
        )
    });
    windows.into_iter().chain(carriage_return).collect()
}

fn final_newline(file: &File<'_>) -> Option<Finding> {
    let last = file.entries.last()?;
    if last.line.ending != Ending::None {
        return None;
    }
    let complaint = Complaint {
        rule: "agent_config.final_newline",
        severity: Severity::Recommended,
        observed:
            "no newline at the end: what user data appends with >> becomes a part of this line"
                .to_owned(),
        required: "a newline at the end of the file".into(),
        remedy: "end the last line: echo >> FILE".into(),
    };
    let end = last.line.bytes.len();
    Some(file.finding(last.line, end..end, complaint))
}

fn world_readable(file: &File<'_>) -> Option<Finding> {
    const OTHERS_READ: u32 = 0o004;
    let mode = file.source.mode?;
    if mode & OTHERS_READ == 0 {
        return None;
    }
    let (line, setting) = file.settings().find(|(_, setting)| {
        let shown = mask_value(&setting.name, &setting.value);
        shown != setting.value || is_secret(&setting.name) && !setting.value.is_empty()
    })?;
    let complaint = Complaint {
        rule: "agent_config.world_readable",
        severity: Severity::Recommended,
        observed: format!(
            "{} is a secret in a file that everyone on the host may read (mode {mode:04o})",
            setting.name
        ),
        required: "mode 0600".into(),
        remedy: format!("chmod 0600 {}", file.source.path).into(),
    };
    Some(file.finding(line, name_span(line, setting), complaint))
}
