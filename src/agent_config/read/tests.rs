use super::*;
use crate::agent_config::{Layer, USER_PATH, VENDOR_PATH};

/// A file, and the variables read from it.
type Row<'a> = (&'a [u8], &'a [(&'a str, &'a str)]);

fn user(bytes: &[u8]) -> Source<'_> {
    Source {
        layer: Layer::User,
        path: USER_PATH,
        bytes,
        mode: None,
    }
}

fn vendor(bytes: &[u8]) -> Source<'_> {
    Source {
        layer: Layer::Vendor,
        path: VENDOR_PATH,
        ..user(bytes)
    }
}

fn agent(file: &[u8]) -> Vec<(String, String)> {
    read(&[user(file)])
        .agent
        .into_iter()
        .map(|(name, variable)| (name, variable.value))
        .collect()
}

fn pairs(wanted: &[(&str, &str)]) -> Vec<(String, String)> {
    wanted
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Each row of "Three grammars for the same file", and the files that ecs-init was seen to stumble over.
#[test]
fn the_agent_gets_every_setting_that_can_be_read() {
    let table: &[Row] = &[
        (b"K=v", &[("K", "v")]),
        (b"K=", &[("K", "")]),
        (b"K=\"v\"", &[("K", "v")]),
        (b"K='[\"a\"]'", &[("K", "[\"a\"]")]),
        (b"K=[\"a\"]", &[("K", "[\"a\"]")]),
        (b"K=\"{\\\"a\\\":1}\"", &[("K", "{\"a\":1}")]),
        (b"# K=v\n;K=v\n", &[]),
        (b"K=v # note", &[("K", "v # note")]),
        (b"export K=v\nZ=1", &[("Z", "1")]),
        (b"K = v", &[("K", "v")]),
        (b"ECS_EXTERNAL =true", &[("ECS_EXTERNAL", "true")]),
        (b"K= v", &[("K", " v")]),
        (b"  K=v \t\n", &[("K", "v")]),
        (b"K=v\r\nZ=1\r\n", &[("K", "v"), ("Z", "1")]),
        (b"\xef\xbb\xbfK=v\nZ=1", &[("K", "v"), ("Z", "1")]),
        (b"K=a\\\nZ=1", &[("K", "a\\"), ("Z", "1")]),
        (b"K=tr\\\nue\nZ=1", &[("K", "tr\\"), ("Z", "1")]),
        (b"K\nZ=1", &[("Z", "1")]),
        (b"K=1\nK=2", &[("K", "2")]),
        (b"K=$HOME ~", &[("K", "$HOME ~")]),
        (b"=foo\nK=v", &[("K", "v")]),
        (b"K=v\nA=\0\n", &[("K", "v")]),
        (b"A\0\0=1\nK=v", &[("K", "v")]),
        (b"K=a\xffb\nZ=1", &[("K", "a\u{fffd}b"), ("Z", "1")]),
        (b"K=v\rZ=1\rY=2", &[("K", "v"), ("Y", "2"), ("Z", "1")]),
        (b"#x\\\nK=v", &[("K", "v")]),
        (b"A=\"open\nK=v\n", &[("A", "\"open"), ("K", "v")]),
        (b"A=\"one\n two\"\nK=v\n", &[("A", "one\n two"), ("K", "v")]),
        (
            b"A='{\n \"a\": \"b=c\"\n}'\nK=v",
            &[("A", "{\n \"a\": \"b=c\"\n}"), ("K", "v")],
        ),
        (b"A=\"one\n#\"two\"\nK=v\n", &[("A", "\"one"), ("K", "v")]),
        (b"PATH=\nK=v", &[("K", "v"), ("PATH", "")]),
        (b"my.key-1=v", &[("my.key-1", "v")]),
        (b"{\"a\":\"b=c\"}\n[K]=1\nK=v", &[("K", "v")]),
        (b"", &[]),
    ];
    for (file, wanted) in table {
        assert_eq!(
            agent(file),
            pairs(wanted),
            "{:?}",
            file.escape_ascii().to_string()
        );
    }
}

#[test]
fn a_damaged_line_never_hides_a_sound_one() {
    for file in [
        &b"K=v\nK=\"w\nZ=1"[..],
        b"K=\"w\nK=v\nZ=1",
        b"K=v\nK=\xff\nZ=1",
        b"K=v\nK = w\nZ=1",
        b"K=v\nK=\0\nZ=1",
    ] {
        assert_eq!(
            agent(file),
            pairs(&[("K", "v"), ("Z", "1")]),
            "{}",
            file.escape_ascii()
        );
    }
}

#[test]
fn the_users_layer_wins_in_any_order_and_tells_its_line() {
    let (low, high) = (vendor(b"A=1\nB=1\n"), user(b"# mine\nB='2'\n"));
    for sources in [[low, high], [high, low]] {
        let config = read(&sources);
        assert_eq!(config.agent["A"].path, VENDOR_PATH);
        assert_eq!(
            config.agent["B"],
            Variable {
                value: "2".to_owned(),
                layer: Layer::User,
                path: USER_PATH.to_owned(),
                line: Some(2),
            }
        );
        assert_eq!(config.process["B"], config.agent["B"]);
    }
}

#[test]
fn a_process_sees_what_systemd_makes_of_both_layers() {
    let config = read(&[
        vendor(b"ECS_EXTERNAL=true\nA=1\n"),
        user(b"\nECS_AGENT_RUN_PRIVILEGED=tr\\\nue\nA=\"2\"\n"),
    ]);
    let seen: Vec<_> = config
        .process
        .iter()
        .map(|(name, variable)| (name.as_str(), variable.value.as_str(), variable.line))
        .collect();
    assert_eq!(
        seen,
        [
            ("A", "2", Some(4)),
            ("ECS_AGENT_RUN_PRIVILEGED", "true", Some(2)),
            ("ECS_EXTERNAL", "true", Some(1)),
        ]
    );
}

#[test]
fn a_file_that_systemd_drops_still_serves_the_agent() {
    let config = read(&[vendor(b"A=1"), user(b"B=\xff\nC=1")]);
    assert_eq!(config.process.keys().collect::<Vec<_>>(), ["A"]);
    assert_eq!(config.agent.keys().collect::<Vec<_>>(), ["A", "B", "C"]);
}

#[test]
fn lines_that_nobody_can_use_are_told_with_their_place() {
    let config = read(&[user(
        b"ECS_CLUSTER=prod\n =foo\nA=b\0c\nexport K=v\n\nwords only\n",
    )]);
    let told: Vec<_> = config
        .findings
        .iter()
        .map(|finding| {
            let place = finding.place.clone().unwrap();
            (finding.rule.to_string(), place.to_string(), place.length)
        })
        .collect();
    let told: Vec<_> = told
        .iter()
        .map(|(rule, place, length)| (rule.as_str(), place.as_str(), length.unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("agent_config.no_name", "/etc/ecs/ecs.config:2:2", 1),
            ("agent_config.nul", "/etc/ecs/ecs.config:3:4", 1),
            ("agent_config.name", "/etc/ecs/ecs.config:4:1", 8),
            ("agent_config.no_assignment", "/etc/ecs/ecs.config:6:1", 10),
        ]
    );
    let sentence = config.findings[2].sentence();
    assert!(sentence.contains("to mend: remove export"), "{sentence}");
}

#[test]
fn no_finding_shows_a_secret() {
    let config = read(&[user(
        b"export ECS_ENGINE_AUTH_DATA={\"r\":{\"auth\":\"c2VjcmV0\"}}\nECS_ENGINE_AUTH_DATA={\n \"r\":\n {\"auth\":\"c2VjcmV0\"}}\n",
    )]);
    assert_eq!(config.findings.len(), 3);
    assert!(!format!("{:?}", config.findings).contains("c2VjcmV0"));
}
