use super::*;
use crate::volumes::state::{Ours, Volume};

#[test]
fn it_looks_as_ecs_init_writes_it() {
    let mut before = ledger();
    before.count("a", "one");
    before.answered("a", crate::volumes::state::Change::Mount, "one");
    let text = String::from_utf8(written(&before)).unwrap();
    let expected = "{\n\t\"volumes\": {\n\t\t\"a\": {\n\t\t\t\"type\": \"efs\",\n\t\t\t\"path\": \
        \"/var/lib/ecs/volumes/a\",\n\t\t\t\"options\": {\n\t\t\t\t\"device\": \"fs-1:/\",\n\t\t\t\t\"o\": \
        \"tls,iam\",\n\t\t\t\t\"type\": \"efs\"\n\t\t\t},\n\t\t\t\"createdAt\": \
        \"2026-11-20T10:00:00.000000000Z\",\n\t\t\t\"mounts\": {\n\t\t\t\t\"one\": 1\n\t\t\t}\n\t\t}\n\t}\n}";
    assert_eq!(text, expected);
    assert_eq!(State::default().render().unwrap(), b"{}");
}

/// The forms that releases of ecs-init have written: without counts, with mount ids alone, with counts.
#[test]
fn every_form_of_ecs_init_is_read() {
    let path = format!("{DIRECTORY}/efsVolume");
    for (mounts, counted) in [
        ("", 0),
        (r#", "mounts": {}"#, 0),
        (r#", "mounts": null"#, 0),
        (r#", "mounts": {"id1": null, "id2": 0}"#, 2),
        (r#", "mounts": {"id1": 1, "id2": 2}"#, 3),
    ] {
        let text = format!(
            r#"{{"volumes": {{"efsVolume": {{"type": "efs", "path": "{path}",
                "options": {{"device": "fs-123:/", "o": "tls", "type": "efs"}},
                "createdAt": "2020-01-17T21:20:04.123456789+01:00"{mounts}}}}}}}"#
        );
        let read = State::parse(text.as_bytes());
        assert_eq!(read.complaints, [] as [&str; 0], "{mounts}");
        assert_eq!(references(&read.state, "efsVolume"), counted, "{mounts}");
        assert_eq!(read.state.volumes["efsVolume"].path, path);
    }
    for nothing in ["{}", r#"{"volumes": null}"#, r#"{"volumes": {}}"#] {
        assert_eq!(State::parse(nothing.as_bytes()).state, State::default());
    }
}

#[test]
fn what_is_written_is_read_again() {
    let mut before = ledger();
    before
        .create("b", &options("fs-2:/\"quoted\""), NOW)
        .unwrap();
    before.mounting("b");
    before.count("a", "one");
    before.count("a", "two");
    before.uncount("a", "two");
    let read = State::parse(&written(&before));
    assert_eq!(read.state, *before.state());
    assert!(read.complaints.is_empty());
}

#[test]
fn our_own_words_are_those_of_the_file() {
    let volume = Volume {
        path: "/x".to_owned(),
        ours: Ours {
            rebuilt: true,
            mounting: true,
            ..Ours::default()
        },
        ..Volume::default()
    };
    let json = serde_json::to_value(&volume).unwrap();
    let expected =
        serde_json::json!({ "path": "/x", "ecsNanny": { "mounting": true, "rebuilt": true } });
    assert_eq!(json, expected);
}
