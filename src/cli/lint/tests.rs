use super::*;
use crate::agent_config::{Layer, Source, USER_PATH, lint};
use crate::finding::Confidence;

fn findings(file: &[u8]) -> Vec<Finding> {
    lint(&[Source {
        layer: Layer::User,
        path: USER_PATH,
        bytes: file,
        mode: Some(0o644),
    }])
}

#[test]
fn findings_look_like_those_of_a_compiler() {
    let file = "# the cluster\n\
        ECS_CLUTER=prod\n\
        export ECS_DATADIR=/data\n\
        ECS_AVAILABLE_LOGGING_DRIVERS='[\"json-file\",\"awslogs\"]'\n\
        ECS_LOGLEVEL = info\n\
        ECS_POLL_METRICS=yes\n\
        ECS_BACKEND_HOST=größer\tals\u{1b}[31m # note\n\
        ECS_ENGINE_AUTH_DATA={\"r\":{\"auth\":\"c2VjcmV0\"}}\n\
        =foo";
    let findings = findings(file.as_bytes());
    insta::assert_snapshot!(text(&findings, false));
    assert!(has_errors(&findings));
    assert!(text(&findings, true).contains("\u{1b}[1m"));
}

#[test]
fn json_counts_and_holds_the_findings() {
    let document = json(&findings(b"ECS_CLUTER=prod"));
    assert_eq!(document["schema"], SCHEMA);
    assert_eq!(
        (&document["errors"], &document["warnings"]),
        (&1.into(), &1.into())
    );
    assert_eq!(document["findings"][0]["rule"], "agent_config.spelling");
    assert_eq!(document["findings"][0]["place"]["line"], 1);
}

#[test]
fn a_sound_file_has_no_errors() {
    let findings = findings(b"ECS_CLUSTER=prod\n");
    assert!(!has_errors(&findings));
    assert_eq!(text(&findings, false), "0 errors, 0 warnings, 0 notes\n");
}

#[test]
fn a_finding_without_a_line_names_its_file() {
    let finding = Finding {
        rule: "agent_config.unreadable".into(),
        title: "the file can be read".into(),
        severity: Severity::Required,
        outcome: Outcome::Failed,
        confidence: Confidence::Certain,
        observed: "is a directory".to_owned(),
        required: "a file".into(),
        remedy: "".into(),
        source: "".into(),
        place: Some(Place::file(USER_PATH)),
    };
    let passed = Finding {
        outcome: Outcome::Passed,
        ..finding.clone()
    };
    assert_eq!(
        text(&[finding, passed], false),
        "error[agent_config.unreadable]: is a directory\n\
         --> /etc/ecs/ecs.config\n = wanted: a file\n\n\
         1 error, 0 warnings, 0 notes\n"
    );
}
