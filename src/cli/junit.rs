//! What the rules say as JUnit's XML, for a build pipeline: one test case a rule, one suite an area.
//!
//! A pipeline goes red exactly where `ecs-nanny check` ends with a status other than 0: a required rule that failed on
//! certain evidence is a failure, and with `--strict` every required rule that did not pass. Others that failed pass here,
//! with what they found in `system-out`.

use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use super::page::printable;
use crate::checks::Report;
use crate::finding::{Finding, Outcome, Severity};

/// The report as XML.
///
/// # Errors
/// A text that XML can't hold; the library replaces what it can.
pub fn report(report: &Report, strict: bool) -> Result<String, quick_junit::SerializeError> {
    let mut document = Document::new(format!("ecs-nanny check: {}", report.profiles.join(", ")));
    let mut suites: Vec<TestSuite> = Vec::new();
    for finding in &report.findings {
        let area = finding.rule.split('.').next().unwrap_or_default();
        let case = case(finding, strict);
        match suites.iter_mut().find(|suite| suite.name.as_str() == area) {
            Some(suite) => {
                suite.add_test_case(case);
            }
            None => {
                let mut suite = TestSuite::new(area);
                suite.add_test_case(case);
                suites.push(suite);
            }
        }
    }
    document.add_test_suites(suites);
    document.to_string()
}

fn case(finding: &Finding, strict: bool) -> TestCase {
    let unmet = finding.outcome != Outcome::Passed && finding.severity == Severity::Required;
    let fails = finding.blocks() || (strict && unmet);
    let observed = printable(&finding.observed);
    let sentence = printable(&finding.sentence());
    let status = match finding.outcome {
        _ if fails => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(finding.severity.to_string());
            status.set_message(observed);
            status.set_description(sentence.as_str());
            status
        }
        Outcome::Skipped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(observed);
            status
        }
        Outcome::Failed | Outcome::Passed => TestCaseStatus::success(),
    };
    let mut case = TestCase::new(finding.rule.to_string(), status);
    case.set_classname(finding.title.to_string());
    if finding.outcome == Outcome::Failed && !fails {
        case.set_system_out(format!("{sentence} ({})", finding.severity));
    }
    case
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Fit;
    use crate::finding::{Confidence, Severity};

    fn finding(rule: &'static str, outcome: Outcome, severity: Severity) -> Finding {
        Finding {
            rule: rule.into(),
            title: "a <demand>".into(),
            severity,
            outcome,
            confidence: Confidence::Certain,
            observed: "what & is\u{1b}".to_owned(),
            required: "what is wanted".into(),
            remedy: "mend it".into(),
            source: "a document".into(),
            place: None,
        }
    }

    #[test]
    fn only_what_makes_a_host_unfit_is_a_failure() {
        let found = Report {
            profiles: vec!["batch".to_owned()],
            findings: vec![
                finding("a.one", Outcome::Passed, Severity::Required),
                finding("a.two", Outcome::Failed, Severity::Required),
                finding("b.three", Outcome::Failed, Severity::Recommended),
                finding("b.four", Outcome::Skipped, Severity::Required),
                finding("a.five", Outcome::Passed, Severity::Required),
            ],
            fit: Fit::No,
        };
        insta::assert_snapshot!(report(&found, false).unwrap());
        let failures = |strict| report(&found, strict).unwrap().matches("<failure ").count();
        assert_eq!((failures(false), failures(true)), (1, 2));
    }
}
