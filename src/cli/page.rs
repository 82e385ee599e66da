//! Pages for people: labels in a column, texts wrapped beside them, colours where there is a terminal.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::finding::{Confidence, Finding, Outcome};

/// Narrower terminals get lines of this many columns all the same.
pub(super) const NARROWEST: usize = 40;
/// The column that texts begin in.
pub(super) const INDENT: usize = 10;

pub(super) const RED: Style = AnsiColor::Red.on_default().bold();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(super) const GREEN: Style = AnsiColor::Green.on_default();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const BOLD: Style = Style::new().bold();

/// How a page is set.
pub(super) struct Page {
    /// Columns.
    pub width: usize,
    colour: bool,
}

impl Page {
    pub(super) fn new(width: usize, colour: bool) -> Self {
        Page {
            width: width.max(NARROWEST),
            colour,
        }
    }

    /// A failed finding: what is, what is wanted, the mend.
    pub(super) fn failure(&self, text: &mut String, finding: &Finding) {
        let title = format!("{}: {} ({})", finding.rule, finding.title, finding.severity);
        self.paragraph(text, "failed", style(finding), &title);
        let mut observed = match &finding.place {
            Some(place) => format!("{place}: {}", finding.observed),
            None => finding.observed.clone(),
        };
        if finding.confidence == Confidence::Low {
            observed.push_str(" (not certain: does not block)");
        }
        for (label, line) in [
            ("  is", observed.as_str()),
            ("  wanted", &finding.required),
            ("  mend", &finding.remedy),
        ] {
            self.paragraph(text, label, Style::new(), line);
        }
    }

    /// A label, and beside it a text that is wrapped in its own column.
    pub(super) fn paragraph(&self, text: &mut String, label: &str, style: Style, line: &str) {
        let label = format!("{label:<INDENT$}");
        let mut beside = self.styled(style, &label);
        for line in textwrap::wrap(&printable(line), self.width - INDENT) {
            let _ = writeln!(text, "{beside}{line}");
            beside = " ".repeat(INDENT);
        }
    }

    pub(super) fn styled(&self, style: Style, text: &str) -> String {
        if self.colour {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

pub(super) fn style(finding: &Finding) -> Style {
    match finding.outcome {
        Outcome::Failed if finding.blocks() => RED,
        Outcome::Failed => YELLOW,
        Outcome::Skipped => DIM,
        Outcome::Passed => GREEN,
    }
}

/// Facts come from files that anyone may have written; what would steer a terminal is replaced.
pub(super) fn printable(line: &str) -> String {
    line.chars()
        .map(|character| match character.is_control() {
            true => char::REPLACEMENT_CHARACTER,
            false => character,
        })
        .collect()
}
