//! What the outside reads: HTTP on both sockets, `status`, `wait`.

use std::net::{TcpListener, TcpStream};

use ecs_nanny::snapshot::Snapshot;

use super::wait::{PATIENCE, eventually};
use super::world::{HEALTH, World};

const PORT: u16 = 51682;

#[tokio::test]
async fn http_answers_local_readers_alike_on_both_sockets() {
    let world = World::healthy().await;
    for (request, status, words) in [
        ("GET /live HTTP/1.1\r\nHost: localhost\r\n", 200, "live"),
        (
            "GET /ready HTTP/1.1\r\nHost: 127.0.0.1:51682\r\n",
            200,
            "ready",
        ),
        ("HEAD /ready HTTP/1.1\r\nHost: [::1]:51682\r\n", 200, ""),
        (
            "GET /health HTTP/1.1\r\nHost: localhost\r\n",
            200,
            "\"phase\": \"healthy\"",
        ),
        ("GET /health HTTP/1.0\r\n", 200, "\"phase\": \"healthy\""),
        (
            "GET / HTTP/1.1\r\nHost: localhost\r\n",
            404,
            "/health, /metrics and /latest/",
        ),
        (
            "POST /health HTTP/1.1\r\nHost: localhost\r\n",
            405,
            "GET and HEAD only",
        ),
        (
            "DELETE /live HTTP/1.1\r\nHost: localhost\r\n",
            405,
            "GET and HEAD only",
        ),
        (
            "GET /health HTTP/1.1\r\nHost: example.com\r\n",
            403,
            "local clients only",
        ),
        (
            "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 203.0.113.9\r\n",
            403,
            "local clients only",
        ),
        ("\u{1}nonsense\r\n", 400, ""),
    ] {
        let both = [
            world.http(request),
            world.http_over(tcp(&world).unwrap(), request),
        ];
        for (answered, body) in both {
            assert_eq!(answered, status, "{request}");
            assert!(body.contains(words), "{request}: {body}");
        }
    }
}

fn tcp(world: &World) -> std::io::Result<TcpStream> {
    world
        .host
        .inside(|| TcpStream::connect(("127.0.0.1", PORT)))?
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_and_served_later() {
    let mut world = World::prepared().await;
    let taken = world
        .host
        .inside(|| TcpListener::bind(("127.0.0.1", PORT)))
        .unwrap()
        .unwrap();
    world.start();
    let told = |snapshot: &Snapshot| {
        let mut findings = snapshot.findings.iter();
        findings.any(|finding| finding.rule == "health.port")
    };
    world
        .until("healthy, and the port is told", PATIENCE, |snapshot| {
            snapshot.ready() && told(snapshot)
        })
        .await;
    assert!(
        world
            .log()
            .contains("health is not served on 127.0.0.1:51682")
    );
    drop(taken);
    world
        .until("the port is mended", PATIENCE, |snapshot| !told(snapshot))
        .await;
    eventually("served", PATIENCE, async || {
        tcp(&world).map(drop).map_err(|error| error.to_string())
    })
    .await;
}

#[tokio::test]
async fn status_and_wait_tell_by_their_exit_status() {
    let mut world = World::prepared().await;
    let status = |world: &World| world.ecs_nanny(&["status"]).status.code();
    assert_eq!(status(&world), Some(1), "it has never run");
    world.start();
    let waited = world.ecs_nanny(&["wait", "--for", "healthy", "--timeout", "40s"]);
    assert!(waited.status.success(), "{waited:?}");
    assert_eq!(status(&world), Some(0));
    let failed = world.ecs_nanny(&["wait", "--for", "failed", "--timeout", "1"]);
    assert_eq!(failed.status.code(), Some(1));
    assert_eq!(
        world.ecs_nanny(&["wait", "--for", "bliss"]).status.code(),
        Some(2)
    );
}

#[tokio::test]
async fn a_document_that_has_expired_is_not_believed() {
    let mut world = World::healthy().await;
    world.kill_nanny().await;
    let status = world.ecs_nanny(&["status"]);
    assert!(status.status.success(), "it has not expired yet");
    let mut document: serde_json::Value = serde_json::from_slice(&world.read(HEALTH)).unwrap();
    document["valid_until"] = "2026-01-01T00:00:00.000Z".into();
    world.write(HEALTH, document.to_string());
    let status = world.ecs_nanny(&["status"]);
    assert_eq!(status.status.code(), Some(1));
    let shown = String::from_utf8(status.stdout).unwrap();
    assert!(
        shown.starts_with("unknown: the document expired"),
        "{shown}"
    );
    let waited = world.ecs_nanny(&["wait", "--timeout", "1"]);
    assert_eq!(waited.status.code(), Some(1));
    let told = String::from_utf8(waited.stderr).unwrap();
    assert!(told.contains("expired"), "{told}");
    world.start();
    world
        .until("believed again", PATIENCE, |snapshot| snapshot.ready())
        .await;
}
