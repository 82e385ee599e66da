use crate::cli::page::NARROWEST;

use super::*;

fn finding(rule: &'static str, outcome: Outcome, severity: Severity) -> Finding {
    Finding {
        rule: rule.into(),
        title: "the kernel is Linux 3.10 or newer".into(),
        severity,
        outcome,
        confidence: Confidence::Certain,
        observed: "Linux 2.6.32-754.35.1.el6.i686".to_owned(),
        required: "Linux 3.10 or newer".into(),
        remedy: "build the AMI from a newer base, for example Amazon Linux 2023".into(),
        source: "a document".into(),
        place: None,
    }
}

fn report() -> Report {
    Report {
        profiles: vec!["ecs".to_owned(), "batch".to_owned()],
        findings: vec![
            finding("a.passed", Outcome::Passed, Severity::Required),
            finding("b.recommended", Outcome::Failed, Severity::Recommended),
            finding("c.skipped", Outcome::Skipped, Severity::Required),
            Finding {
                confidence: Confidence::Low,
                ..finding("d.uncertain", Outcome::Failed, Severity::Required)
            },
            finding("e.required", Outcome::Failed, Severity::Required),
        ],
        fit: Fit::No,
    }
}

#[test]
fn failures_come_first_with_their_mend() {
    insta::assert_snapshot!(table(&report(), 80, false));
}

#[test]
fn lines_keep_to_the_width() {
    for width in [40, 60, 80, 200] {
        let text = table(&report(), width, false);
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest.is_some_and(|widest| widest <= width), "{text}");
    }
    assert_eq!(
        table(&report(), 1, false),
        table(&report(), NARROWEST, false)
    );
}

#[test]
fn colour_changes_nothing_but_colour() {
    let coloured = table(&report(), 80, true);
    assert!(coloured.contains('\u{1b}'));
    let mut plain = String::new();
    for (number, part) in coloured.split('\u{1b}').enumerate() {
        match part.split_once('m') {
            Some((_, rest)) if number > 0 => plain.push_str(rest),
            _ => plain.push_str(part),
        }
    }
    assert_eq!(plain, table(&report(), 80, false));
}

#[test]
fn files_cannot_steer_the_terminal() {
    let mut report = report();
    report.findings[0].observed = "\u{1b}[2Jgone\u{7}".to_owned();
    assert!(!table(&report, 80, false).contains(['\u{1b}', '\u{7}']));
}

#[test]
fn json_has_its_public_fields() {
    let document = json(&report());
    assert_eq!(document["schema"], 1);
    assert_eq!(document["fit"], "no");
    assert_eq!(document["profiles"], serde_json::json!(["ecs", "batch"]));
    for field in [
        "rule", "title", "severity", "outcome", "observed", "required", "remedy", "source",
    ] {
        assert!(document["findings"][1][field].is_string(), "{field}");
    }
    assert_eq!(document["findings"][1]["outcome"], "failed");
    assert_eq!(document["findings"][1]["severity"], "recommended");
}

#[test]
fn every_rule_is_listed_and_explained() {
    let list = list();
    assert_eq!(list.lines().count(), checks::rules().count());
    for rule in checks::rules() {
        assert!(list.contains(rule.id));
        let explained = explain(rule);
        for part in [rule.title, rule.required, rule.remedy, rule.source] {
            assert!(explained.contains(part), "{}", rule.id);
        }
    }
    let document = rules_json(checks::rules());
    assert_eq!(document["rules"][0]["rule"], "kernel.version");
    assert_eq!(document["rules"][0]["profiles"]["batch"], "required");
}

#[test]
fn what_one_reason_keeps_from_being_told_is_told_together() {
    let mut report = report();
    for rule in ["f.skipped", "g.skipped"] {
        report
            .findings
            .push(finding(rule, Outcome::Skipped, Severity::Required));
    }
    report.findings[5].observed = "another reason".to_owned();
    let text = table(&report, 200, false);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("skipped"))
        .collect();
    assert_eq!(
        lines,
        [
            "skipped   c.skipped, g.skipped: Linux 2.6.32-754.35.1.el6.i686",
            "skipped   f.skipped: another reason"
        ]
    );
}

#[test]
fn an_explanation_says_where_and_for_whom() {
    let rule = checks::rules().find(|rule| rule.id == "virt.hvm");
    insta::assert_snapshot!(explain(rule.unwrap()));
}
