//! Findings about files, as compilers print theirs.

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use crate::finding::{Finding, Outcome, Place, Severity};

/// The number that grows when the JSON of `ecs-nanny config lint` changes incompatibly.
pub const SCHEMA: u32 = 1;

/// The failed findings with their lines, a caret under what is meant, and the mend; then a line that counts them.
/// The clauses of what was observed, divided by `; `, stand below each other.
pub fn text(findings: &[Finding], colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut text = String::new();
    for finding in failed(findings) {
        text.push_str(&renderer.render(&[group(finding)]));
        text.push_str("\n\n");
    }
    text.push_str(&count(findings));
    text.push('\n');
    text
}

/// The findings as a JSON document: `schema`, `errors` and `warnings` (how many), `findings`.
pub fn json(findings: &[Finding]) -> serde_json::Value {
    let count = |severity| of(findings, severity).count();
    serde_json::json!({
        "schema": SCHEMA,
        "errors": count(Severity::Required),
        "warnings": count(Severity::Recommended),
        "findings": findings,
    })
}

/// True when a failed finding of severity required is among them: `config lint` then exits with 1.
pub fn has_errors(findings: &[Finding]) -> bool {
    of(findings, Severity::Required).next().is_some()
}

fn failed(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings
        .iter()
        .filter(|finding| finding.outcome == Outcome::Failed)
}

fn of(findings: &[Finding], severity: Severity) -> impl Iterator<Item = &Finding> {
    failed(findings).filter(move |finding| finding.severity == severity)
}

fn count(findings: &[Finding]) -> String {
    let count = |severity, one: &str| match of(findings, severity).count() {
        1 => format!("1 {one}"),
        count => format!("{count} {one}s"),
    };
    format!(
        "{}, {}, {}",
        count(Severity::Required, "error"),
        count(Severity::Recommended, "warning"),
        count(Severity::Informational, "note"),
    )
}

fn group(finding: &Finding) -> Group<'_> {
    let level = match finding.severity {
        Severity::Required => Level::ERROR,
        Severity::Recommended => Level::WARNING,
        Severity::Informational => Level::NOTE,
    };
    let mut clauses = finding.observed.split("; ");
    let title = clauses.next().unwrap_or_default();
    let mut group = level
        .primary_title(title)
        .id(finding.rule.as_ref())
        .elements(finding.place.as_ref().map(element));
    group = group.elements(clauses.map(|clause| Level::NOTE.message(clause)));
    for (name, said) in [("wanted", &finding.required), ("help", &finding.remedy)] {
        if !said.is_empty() {
            group = group.element(Level::HELP.with_name(name).message(said.as_ref()));
        }
    }
    group
}

/// The line with its caret, or the file alone.
fn element(place: &Place) -> Element<'_> {
    let (Some(line), Some(text)) = (place.line, &place.text) else {
        return Origin::path(place.file.as_str()).into();
    };
    let line = usize::try_from(line).unwrap_or(usize::MAX);
    let column = place.column.map_or(0, |column| column.saturating_sub(1));
    let start = byte_of(text, column);
    let end = byte_of(text, column.saturating_add(place.length.unwrap_or(1)));
    Snippet::source(text.as_str())
        .line_start(line)
        .path(place.file.as_str())
        .annotation(AnnotationKind::Primary.span(start..end.max(start)))
        .into()
}

/// Offset in bytes of a character.
fn byte_of(text: &str, character: u32) -> usize {
    let character = usize::try_from(character).unwrap_or(usize::MAX);
    text.char_indices()
        .nth(character)
        .map_or(text.len(), |(offset, _)| offset)
}

#[cfg(test)]
mod tests;
