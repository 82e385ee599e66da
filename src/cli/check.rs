//! `ecs-nanny check`: a report for people and for programs, and the rules themselves.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::checks::{self, Fit, Report, Rule};
use crate::finding::{Confidence, Finding, Outcome, Severity};
use crate::settings::PROFILES;

use super::page::{GREEN, INDENT, Page, RED, YELLOW, style};

#[cfg(test)]
mod tests;

/// The report as the JSON of `ecs-nanny check --format json`, a public interface.
pub fn json(report: &Report) -> serde_json::Value {
    serde_json::json!({
        "schema": checks::SCHEMA,
        "profiles": report.profiles,
        "fit": report.fit,
        "findings": report.findings,
    })
}

/// The report for people, in lines of at most `width` columns: failures first, the heaviest first among them, then what
/// could not be told, then what passed, then the verdict.
pub fn table(report: &Report, width: usize, colour: bool) -> String {
    let page = Page::new(width, colour);
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    // Stable: findings of one kind keep the order of the table.
    findings.sort_by_key(|finding| (finding.outcome, weight_of_failure(finding)));
    let mut text = String::new();
    let mut told: Vec<(&str, Confidence)> = Vec::new();
    for finding in &findings {
        match finding.outcome {
            Outcome::Failed => page.failure(&mut text, finding),
            Outcome::Passed => page.told(&mut text, "passed", &finding.rule, finding),
            Outcome::Skipped => {
                // What one reason keeps from being told is told together.
                let reason = (&*finding.observed, finding.confidence);
                if told.contains(&reason) {
                    continue;
                }
                told.push(reason);
                let alike = findings.iter().filter(|other| {
                    other.outcome == Outcome::Skipped
                        && (&*other.observed, other.confidence) == reason
                });
                let rules: Vec<&str> = alike.map(|other| &*other.rule).collect();
                page.told(&mut text, "skipped", &rules.join(", "), finding);
            }
        }
    }
    page.verdict(&mut text, report);
    text
}

/// Only failures are sorted by weight.
fn weight_of_failure(finding: &Finding) -> Option<Severity> {
    (finding.outcome == Outcome::Failed).then_some(finding.severity)
}

impl Page {
    fn told(&self, text: &mut String, label: &str, rules: &str, finding: &Finding) {
        let uncertain = match finding.confidence {
            Confidence::Certain => "",
            Confidence::Low => " (not certain)",
        };
        let line = format!("{rules}: {}{uncertain}", finding.observed);
        self.paragraph(text, label, style(finding), &line);
    }

    fn verdict(&self, text: &mut String, report: &Report) {
        let count = |outcome| {
            let found = report.findings.iter().filter(|it| it.outcome == outcome);
            found.count()
        };
        let (word, style) = match report.fit {
            Fit::Yes => ("fit", GREEN),
            Fit::No => ("not fit", RED),
            Fit::Unknown => ("not known to be fit", YELLOW),
        };
        let line = format!(
            "{word} for {}: {} failed, {} skipped, {} passed",
            report.profiles.join(", "),
            count(Outcome::Failed),
            count(Outcome::Skipped),
            count(Outcome::Passed),
        );
        text.push('\n');
        for line in textwrap::wrap(&line, self.width) {
            let _ = writeln!(text, "{}", self.styled(style, &line));
        }
    }
}

/// Every rule in one line, for `check --list`.
pub fn list() -> String {
    let longest = checks::rules().map(|rule| rule.id.len()).max();
    let width = longest.unwrap_or_default();
    let mut text = String::new();
    for rule in checks::rules() {
        let _ = writeln!(
            text,
            "{:<width$}  {} [{}]",
            rule.id,
            rule.title,
            weights(rule)
        );
    }
    text
}

/// All that is known of one rule, for `check --explain RULE`.
pub fn explain(rule: &Rule) -> String {
    let mut text = format!("{}: {}\n\n", rule.id, rule.title);
    for (label, value) in [
        ("wanted", rule.required),
        ("mend", rule.remedy),
        ("profiles", &weights(rule)),
        ("told", rule.told.words()),
        ("needs", rule.layer().words()),
        ("source", rule.source),
    ] {
        let _ = writeln!(text, "{label:<INDENT$}{value}");
    }
    text
}

/// Rules as JSON, for `check --list` and `check --explain RULE`.
pub fn rules_json<'a>(rules: impl Iterator<Item = &'a Rule>) -> serde_json::Value {
    let rules: Vec<_> = rules
        .map(|rule| {
            let profiles: BTreeMap<_, _> = rule.weights.iter().copied().collect();
            serde_json::json!({
                "rule": rule.id,
                "title": rule.title,
                "profiles": profiles,
                "told": rule.told,
                "layer": rule.layer(),
                "required": rule.required,
                "remedy": rule.remedy,
                "source": rule.source,
            })
        })
        .collect();
    serde_json::json!({ "schema": checks::SCHEMA, "rules": rules })
}

/// `required: batch, emr; recommended: ecs, generic`.
fn weights(rule: &Rule) -> String {
    let mut groups: BTreeMap<Severity, Vec<&str>> = BTreeMap::new();
    for (profile, severity) in rule.weights {
        groups.entry(*severity).or_default().push(profile);
    }
    let groups = groups.into_iter().map(|(severity, profiles)| {
        if profiles.len() == PROFILES.len() {
            return format!("{severity} in every profile");
        }
        format!("{severity}: {}", profiles.join(", "))
    });
    groups.collect::<Vec<_>>().join("; ")
}
