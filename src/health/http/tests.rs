use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::*;
use crate::snapshot::{Phase, sample};

/// A server on both doors, on which something is done.
async fn served<T>(work: impl AsyncFnOnce(&Path, SocketAddr) -> T) -> T {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("health.sock");
    let unix = Unix::bind_at(&socket).unwrap();
    let tcp = Tcp::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = tcp.0.local_addr().unwrap();
    let snapshot = Snapshot {
        valid_until: Timestamp::now().after(Duration::from_secs(3600)),
        ..sample::full()
    };
    let (_sender, snapshots) = watch::channel(Arc::new(snapshot));
    LocalSet::new()
        .run_until(async {
            tokio::task::spawn_local(unix.serve(snapshots.clone()));
            tokio::task::spawn_local(tcp.serve(snapshots));
            work(&socket, address).await
        })
        .await
}

/// Everything that is answered until the connection is closed.
async fn said(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> String {
    // A server that has heard enough closes before it has read everything.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn over_tcp(address: SocketAddr, request: &[u8]) -> String {
    said(TcpStream::connect(address).await.unwrap(), request).await
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

#[tokio::test]
async fn good_requests_are_answered() {
    served(async |socket, address| {
        for (request, wanted) in [
            ("GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n", "live\n"),
            ("GET /ready HTTP/1.0\r\n\r\n", "ready\n"),
            (
                "GET /latest/health/phase HTTP/1.1\r\nHost: [::1]:51682\r\n\r\n",
                "healthy",
            ),
            (
                "GET http://127.0.0.1/latest/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
                "health/\nmeta-data/",
            ),
            ("GET /live?x=y HTTP/1.1\r\nHost:\r\n\r\n", "live\n"),
            ("HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n", ""),
        ] {
            let stream = UnixStream::connect(socket).await.unwrap();
            for answer in [
                said(stream, request.as_bytes()).await,
                over_tcp(address, request.as_bytes()).await,
            ] {
                assert_eq!(status(&answer), "200", "{request} → {answer}");
                let body = answer.split_once("\r\n\r\n").unwrap().1;
                assert_eq!(body, wanted, "{request}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn bad_requests_are_refused() {
    let long = format!(
        "GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "x".repeat(9000)
    );
    let large = format!(
        "GET /live HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
        "x".repeat(9000)
    );
    let many = format!(
        "GET /live HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        "A: b\r\n".repeat(200)
    );
    let cases: Vec<(&[u8], &[&str])> = vec![
        (b"POST /live HTTP/1.1\r\nHost: localhost\r\n\r\n", &["405"]),
        (
            b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            &["405"],
        ),
        (
            b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n",
            &["404"],
        ),
        (
            b"GET /latest/../live HTTP/1.1\r\nHost: localhost\r\n\r\n",
            &["404"],
        ),
        (
            b"GET /live HTTP/1.1\r\nHost: evil.example\r\n\r\n",
            &["403"],
        ),
        (
            b"GET /live HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n",
            &["403"],
        ),
        (
            b"GET /live HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n",
            &["403"],
        ),
        (
            b"GET /live HTTP/1.1\r\nHost: localhost:evil\r\n\r\n",
            &["403"],
        ),
        (
            b"GET /live HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n",
            &["403"],
        ),
        (
            b"GET http://evil/live HTTP/1.1\r\nHost: localhost\r\n\r\n",
            &["403"],
        ),
        (
            b"GET /live HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
            &["403"],
        ),
        (
            b"GET /live HTTP/1.1\r\nHost: localhost\r\nForwarded: for=1.2.3.4\r\n\r\n",
            &["403"],
        ),
        (
            b"GET live HTTP/1.1\r\nHost: localhost\r\n\r\n",
            &["400", "403"],
        ),
        (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            &["400", "none"],
        ),
        (long.as_bytes(), &["414", "431"]),
        (large.as_bytes(), &["431"]),
        (many.as_bytes(), &["431"]),
    ];
    served(async |_, address| {
        for (request, wanted) in cases {
            let answer = over_tcp(address, request).await;
            let request = String::from_utf8_lossy(&request[..request.len().min(100)]);
            assert!(wanted.contains(&status(&answer)), "{request} → {answer}");
        }
    })
    .await;
}

#[test]
fn an_expired_document_is_never_a_good_answer() {
    let snapshot = sample::full();
    let late = snapshot.valid_until.after(Duration::from_secs(1));
    assert_eq!(snapshot.phase, Phase::Healthy);
    for path in [
        "/live",
        "/ready",
        "/health",
        "/latest/health/phase",
        "/latest/",
    ] {
        let request = Request::get(path).body(()).unwrap();
        assert_eq!(
            answer(&request, &snapshot, sample::now()).status(),
            200,
            "{path}"
        );
        assert_eq!(answer(&request, &snapshot, late).status(), 503, "{path}");
    }
}

/// What a thousand clients hold that say nothing, or half a head, or never read.
#[tokio::test]
async fn slow_clients_disturb_nobody_else() {
    const SLOW: usize = 1000;
    served(async |socket, address| {
        let mut slow = Vec::new();
        let mut worst = Duration::ZERO;
        for number in 0..SLOW {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let words: &[u8] = match number % 3 {
                0 => b"",
                1 => b"GET /live HTTP/1.1\r\nHo",
                _ => b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
            };
            // It may have been sent away already.
            let _ = stream.write_all(words).await;
            slow.push(stream);
            if number % 50 == 0 {
                let asked = Instant::now();
                let stream = UnixStream::connect(socket).await.unwrap();
                let live = b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n";
                assert_eq!(status(&said(stream, live).await), "200");
                worst = worst.max(asked.elapsed());
            }
        }
        let asked = Instant::now();
        let live = b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n";
        assert_eq!(status(&over_tcp(address, live).await), "200");
        let again = asked.elapsed();
        println!("unix socket at most {worst:?}, TCP again after {again:?}");
        // The goals are 100 ms and 3 s; other work on the machine is not to fail this test.
        assert!(worst < Duration::from_secs(1), "{worst:?}");
        assert!(again < Duration::from_secs(3), "{again:?}");
    })
    .await;
}

/// Waits for the deadline in stopped time: the clock runs only while nothing else can.
#[tokio::test(start_paused = true)]
async fn a_client_that_dawdles_over_its_head_is_sent_away() {
    served(async |_, address| {
        let begun = Instant::now();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /live HTTP/1.1\r\n").await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(begun.elapsed() <= EXCHANGE, "{:?}", begun.elapsed());
        assert!(!answer.starts_with(b"HTTP/1.1 200"));
    })
    .await;
}

#[tokio::test]
async fn one_client_too_many_sends_the_first_one_away() {
    LocalSet::new()
        .run_until(async {
            let alive = Rc::new(());
            let mut crowd = Crowd::new(3);
            for _ in 0..10 {
                let held = alive.clone();
                crowd.admit(async move {
                    let _held = held;
                    std::future::pending().await
                });
                tokio::task::yield_now().await;
            }
            tokio::task::yield_now().await;
            // Ours, and one for each of the three that are left.
            assert_eq!(Rc::strong_count(&alive), 4);
        })
        .await;
}
