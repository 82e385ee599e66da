//! Docker's requests as they were recorded, and what nobody should send.

use std::fs;
use std::os::unix::net::UnixStream;

use ecs_nanny::volumes::SOCKET;
use serde_json::json;

use super::site::{Site, exchange, exchange_on};

const RECORDED: &str = "tests/fixtures/volumes/docker-20.10.24";

/// On one connection, as Docker does it.
#[test]
fn recorded_requests_are_answered() {
    let mut site = Site::prepared();
    site.start_plugin();
    let mut files: Vec<_> = fs::read_dir(RECORDED)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert_eq!(files.len(), 18);
    let mut connection = UnixStream::connect(site.host.path(SOCKET)).unwrap();
    let mut told = String::new();
    for file in files {
        let (status, mut answer) = exchange_on(&mut connection, &fs::read(&file).unwrap());
        if let Some(created) = answer.pointer_mut("/Volume/CreatedAt") {
            humantime::parse_rfc3339(created.as_str().unwrap()).unwrap();
            *created = "(a moment)".into();
        }
        let name = file.file_stem().unwrap().to_str().unwrap();
        told.push_str(&format!(
            "{name}: {status} {answer}, mounted: {:?}\n",
            site.mounted()
        ));
    }
    insta::assert_snapshot!(told);
    site.assert_nothing_left();
}

#[test]
fn a_path_is_told_of_a_volume_that_is_there() {
    let mut site = Site::prepared();
    site.start_plugin();
    let named = r#"{"Name":"files"}"#;
    let (status, answer) = site.call("/VolumeDriver.Path", named);
    assert_eq!(
        (status, answer),
        (500, json!({ "Err": "there is no volume \"files\"" }))
    );
    site.called(
        "/VolumeDriver.Create",
        r#"{"Name":"files","Opts":{"device":"fs-1:/"}}"#,
    );
    let path = json!({ "Mountpoint": "/var/lib/ecs/volumes/files", "Err": "" });
    assert_eq!(site.called("/VolumeDriver.Path", named), path);
    let listed = json!({ "Volumes": [{ "Name": "files", "Mountpoint": "/var/lib/ecs/volumes/files" }], "Err": "" });
    assert_eq!(site.called("/VolumeDriver.List", ""), listed);
    assert_eq!(
        site.called("/Plugin.Activate", ""),
        json!({ "Implements": ["VolumeDriver"] })
    );
    // A volume that is gone is not removed with an error: the first answer may have been lost.
    for _ in 0..2 {
        assert_eq!(
            site.called("/VolumeDriver.Remove", named),
            json!({ "Err": "" })
        );
    }
    site.assert_nothing_left();
}

#[test]
fn malformed_requests_are_refused_and_change_nothing() {
    let mut site = Site::prepared();
    site.start_plugin();
    let create = |name: &str, options: &str| format!(r#"{{"Name":{name},"Opts":{options}}}"#);
    let fine = r#"{"device":"fs-1:/"}"#;
    let long = format!("\"{}\"", "x".repeat(256));
    for (path, body, status) in [
        ("/VolumeDriver.Nothing", "{}".to_owned(), 404),
        ("/", "{}".to_owned(), 404),
        ("/VolumeDriver.Create", String::new(), 500),
        ("/VolumeDriver.Unmount", String::new(), 500),
        ("/VolumeDriver.Create", "{".to_owned(), 400),
        ("/VolumeDriver.Create", "[]".to_owned(), 400),
        ("/VolumeDriver.Create", "{}".to_owned(), 400),
        ("/VolumeDriver.Create", create("7", fine), 400),
        ("/VolumeDriver.Create", create("\"\"", fine), 400),
        ("/VolumeDriver.Create", create("\"a\"", "[1]"), 400),
        (
            "/VolumeDriver.Create",
            create("\"a\"", r#"{"device":7}"#),
            400,
        ),
        ("/VolumeDriver.Create", create("\"a\"", "null"), 500),
        (
            "/VolumeDriver.Create",
            create("\"a\"", r#"{"device":"-o"}"#),
            500,
        ),
        ("/VolumeDriver.Create", create("\"..\"", fine), 500),
        ("/VolumeDriver.Create", create("\"../../etc\"", fine), 500),
        ("/VolumeDriver.Create", create("\"/etc\"", fine), 500),
        ("/VolumeDriver.Create", create("\"a/../b\"", fine), 500),
        ("/VolumeDriver.Create", create("\"a\\u0000\"", fine), 500),
        ("/VolumeDriver.Create", create("\"a\\n\"", fine), 500),
        ("/VolumeDriver.Create", create(&long, fine), 500),
        ("/VolumeDriver.Mount", r#"{"Name":"a"}"#.to_owned(), 400),
        (
            "/VolumeDriver.Mount",
            r#"{"Name":"a","ID":""}"#.to_owned(),
            400,
        ),
        (
            "/VolumeDriver.Mount",
            r#"{"Name":"../a","ID":"1"}"#.to_owned(),
            500,
        ),
        (
            "/VolumeDriver.Unmount",
            r#"{"Name":"a","ID":"1"}"#.to_owned(),
            500,
        ),
        ("/VolumeDriver.Get", r#"{"Name":"../a"}"#.to_owned(), 500),
        ("/VolumeDriver.Remove", "\u{0}".to_owned(), 400),
        ("/VolumeDriver.Create", " ".repeat(70_000), 400),
    ] {
        let (found, answer) = site.call(path, &body);
        assert_eq!(found, status, "{path} {body}: {answer}");
        assert!(!answer["Err"].as_str().unwrap().is_empty(), "{path} {body}");
    }
    let socket = site.host.path(SOCKET);
    let (status, _) = exchange(
        &socket,
        b"GET /VolumeDriver.List HTTP/1.1\r\nHost: x\r\n\r\n",
    );
    assert_eq!(status, 405);
    assert_eq!(
        site.called("/VolumeDriver.List", ""),
        json!({ "Volumes": [], "Err": "" })
    );
    site.assert_nothing_left();
    assert!(!site.host.path("/etc/x").exists());
}
