//! The time line in characters.

use std::fmt::Write;

use crate::cli::page::{DIM, Page, YELLOW};
use crate::snapshot::{BootView, Span};

use super::{Range, end, headline, seconds, waited_for};

/// Columns before the bars: what, when it began, how long it took.
const BEFORE: usize = 30 + 10 + 10 + 1;
/// Shortest bars that still tell something.
const NARROWEST: usize = 20;

/// The time line in lines of about `width` columns.
pub fn text(boot: &BootView, width: usize, colour: bool) -> String {
    let page = Page::new(width, colour);
    let range = Range::of(boot);
    let bars = page.width.saturating_sub(BEFORE).max(NARROWEST);
    let mut text = format!("{}\n\n", headline(boot));
    let _ = writeln!(text, "{:<30}{:>10}{:>10}", "", "begins", "takes");
    for span in &boot.spans {
        let length = end(span, &range) - span.start_ms;
        let open = if span.end_ms.is_none() { " …" } else { "" };
        let style = if span.critical { YELLOW } else { DIM };
        let _ = writeln!(
            text,
            "{:<30}{:>10}{:>10} {}{open}",
            span.name.words(),
            seconds(span.start_ms),
            seconds(length),
            page.styled(style, &bar(span, &range, bars)),
        );
    }
    let waited = waited_for(boot);
    if !waited.is_empty() {
        let _ = writeln!(
            text,
            "\n█ was waited for, ░ went on beside it. Times count from exec.\nWaited for: {waited}"
        );
    }
    text
}

fn bar(span: &Span, range: &Range, columns: usize) -> String {
    let column = |moment| (range.place(moment) * columns as f64).round() as usize;
    let begin = column(span.start_ms).min(columns - 1);
    let length = column(end(span, range)).saturating_sub(begin).max(1);
    let stroke = if span.critical { "█" } else { "░" };
    format!("{}{}", " ".repeat(begin), stroke.repeat(length))
}
