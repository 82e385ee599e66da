mod mistakes;

use proptest::prelude::*;

use super::*;
use crate::agent_config::{Layer, USER_PATH, VENDOR_PATH, samples};

fn user(bytes: &[u8]) -> Source<'_> {
    Source {
        layer: Layer::User,
        path: USER_PATH,
        bytes,
        mode: Some(0o600),
    }
}

fn vendor(bytes: &[u8]) -> Source<'_> {
    Source {
        layer: Layer::Vendor,
        path: VENDOR_PATH,
        ..user(bytes)
    }
}

fn rules(findings: &[Finding]) -> Vec<(&str, Severity)> {
    findings
        .iter()
        .map(|finding| (finding.rule.as_ref(), finding.severity))
        .collect()
}

const NOTE: Severity = Severity::Informational;

#[test]
fn each_mistake_is_told_with_its_line_cause_and_mend() {
    for mistake in mistakes::MISTAKES {
        let file = mistake.file.escape_ascii().to_string();
        let (rule, place) = mistake.rule_at;
        let (cause, mend) = mistake.cause_and_mend;
        let findings = lint(&[user(mistake.file)]);
        let rule = format!("agent_config.{rule}");
        let finding = findings
            .iter()
            .find(|finding| finding.rule == rule)
            .unwrap_or_else(|| panic!("{file}: no {rule} in {:?}", rules(&findings)));
        let found = finding.place.as_ref().unwrap().to_string();
        assert_eq!(found, format!("{USER_PATH}:{place}"), "{file}");
        assert_eq!(finding.severity, mistake.severity, "{file}");
        assert!(
            finding.observed.contains(cause),
            "{file}: {}",
            finding.observed
        );
        assert!(finding.remedy.contains(mend), "{file}: {}", finding.remedy);
    }
}

#[test]
fn a_sound_file_has_no_finding() {
    let file = b"# note\n\nECS_CLUSTER=prod\nECS_AVAILABLE_LOGGING_DRIVERS=[\"json-file\",\"awslogs\"]\n\
        ECS_INSTANCE_ATTRIBUTES={\"note\":\"a\"}\nECS_AGENT_LABELS={\"a\":\"x #1\"}\nAWS_REGION=eu-west-1\n\
        HTTP_PROXY=http://proxy:3128\nNO_PROXY=169.254.169.254,169.254.170.2,/var/run/docker.sock\n\
        ECS_EXTERNAL=true\nECS_ENGINE_AUTH_DATA=***\n";
    assert_eq!(lint(&[user(file)]), []);
    assert_eq!(lint(&[]), []);
}

#[test]
fn layers_are_held_against_each_other() {
    let findings = lint(&[
        user(b"ECS_LOGLEVEL=debug\nNO_PROXY=*\n"),
        vendor(b"ECS_LOGLEVEL=info\nHTTP_PROXY=p:1\nECS_EXTERNAL=true\n"),
    ]);
    assert_eq!(
        rules(&findings),
        [
            ("agent_config.overridden", NOTE),
            ("agent_config.vendor_switch", NOTE),
            ("agent_config.vendor_switch", NOTE)
        ]
    );
    let place = findings[0].place.as_ref().unwrap().to_string();
    assert_eq!(place, "/var/lib/ecs/ecs.config:1:1");
    assert!(
        findings[0]
            .observed
            .contains("set again in /etc/ecs/ecs.config:1")
    );
}

#[test]
fn of_very_many_findings_the_worst_are_told() {
    let file = [&b"odd=\n".repeat(1000)[..], b"ECS_CLUTER=v\n"].concat();
    let findings = lint(&[user(&file)]);
    assert_eq!(findings.len(), 101);
    assert_eq!(findings[99].rule, "agent_config.spelling");
    assert_eq!(findings[100].observed, "1900 more findings are left out");
    let unusable = crate::agent_config::read(&[user(&b"=\n".repeat(1000))]).findings;
    assert_eq!(unusable.len(), 101);
    assert_eq!(unusable[100].observed, "900 more findings are left out");
}

#[test]
fn a_very_large_file_is_not_looked_into() {
    let findings = lint(&[user(&b"=\n".repeat(LARGEST)), vendor(b"=foo\n")]);
    assert_eq!(
        rules(&findings),
        [
            ("agent_config.size", Severity::Required),
            ("agent_config.no_name", Severity::Required)
        ]
    );
}

#[test]
fn secrets_are_told_and_not_shown() {
    let file = Source {
        mode: Some(0o644),
        ..user(b"ECS_ENGINE_AUTH_DATA='{\"r\":{\"auth\":\"c2Vj\"}}'\nHTTPS_PROXY=http://u:c2Vj@p\nECS_ENGINE_AUTH_DATA=c2Vj\nc2Vj==\n")
    };
    let findings = lint(&[file]);
    let world_readable: Vec<_> = findings
        .iter()
        .filter(|finding| finding.rule == "agent_config.world_readable")
        .collect();
    assert_eq!(world_readable.len(), 1);
    assert!(world_readable[0].observed.contains("(mode 0644)"));
    assert_eq!(world_readable[0].remedy, "chmod 0600 /etc/ecs/ecs.config");
    assert!(!format!("{findings:?}").contains("c2Vj"), "{findings:#?}");
    let private = lint(&[Source {
        mode: Some(0o640),
        ..file
    }]);
    assert!(
        private
            .iter()
            .all(|finding| finding.rule != "agent_config.world_readable")
    );
}

/// What was recorded of the real ecs-init: nothing of it goes unsaid.
#[test]
fn the_odd_things_of_ecs_init_are_told() {
    for (file, told) in [
        (&b"PATH=\n"[..], &["path"][..]),
        (
            b"ECS_CLUSTER=a\nECS_LOGFILE=/\xff\nECS_EXTERNAL=true\n",
            &["utf8"],
        ),
        (b"ECS_EXTERNAL =true\n", &["blanks"]),
        (
            b"ECS_AGENT_RUN_PRIVILEGED=tr\\\nue\n",
            &["backslash", "no_assignment"],
        ),
        (
            b"ECS_CLUSTER=a\rECS_EXTERNAL=true\rECS_LOGLEVEL=info\r",
            &["line_ends"],
        ),
        (
            b"ECS_BACKEND_HOST=\"a\nECS_EXTERNAL=true\n",
            &["open_quote", "readers_differ"],
        ),
        (b"#ECS_EXTERNAL=true\n", &["comment"]),
        (
            b"# a\\\nECS_EXTERNAL=true\n",
            &["comment_continues", "readers_differ"],
        ),
        (b"ECS_LOG_OPTS={\"max-size\":\"1m\"} junk\n", &["value"]),
        (b"ECS_LOG_OPTS={}\n", &["log_opts"]),
        (b"ECS_AGENT_LABELS={\"a\":\"b\",\"c\":1}\n", &["value"]),
    ] {
        let findings = lint(&[user(file)]);
        let rules: Vec<_> = rules(&findings)
            .into_iter()
            .map(|(rule, _)| rule.trim_start_matches("agent_config."))
            .collect();
        assert_eq!(rules, told, "{}", file.escape_ascii());
    }
    let vendor = lint(&[vendor(b"ECS_EXTERNAL=true\n")]);
    assert_eq!(rules(&vendor), [("agent_config.vendor_switch", NOTE)]);
}

proptest! {
    #![proptest_config(samples::config())]

    #[test]
    fn any_bytes_are_told_within_their_lines(file in samples::file()) {
        let count = crate::agent_config::lines::split(&file).len();
        for finding in lint(&[user(&file), vendor(&file)]) {
            let place = finding.place.unwrap();
            let (line, column) = (place.line.unwrap(), place.column.unwrap());
            prop_assert!(line >= 1 && usize::try_from(line).unwrap() <= count);
            prop_assert!(column >= 1 && place.length.unwrap() >= 1);
        }
    }
}
