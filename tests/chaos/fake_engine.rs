//! Somebody who answers in dockerd's place.

use std::io;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use crate::table::FakeEngine;

/// Answers until dropped.
pub struct Serving(JoinHandle<()>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Takes a socket's place.
pub fn serve(socket: &Path, fake: FakeEngine) -> io::Result<Serving> {
    let listener = UnixListener::bind(socket)?;
    Ok(Serving(tokio::spawn(async move {
        // Those that are being answered end with this.
        let mut answering = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            answering.spawn(answer(stream, fake));
        }
    })))
}

/// One answer to a connection; whoever asks goes away by himself.
async fn answer(mut stream: UnixStream, fake: FakeEngine) -> io::Result<()> {
    let mut request = [0; 4096];
    if stream.read(&mut request).await? == 0 {
        return Ok(());
    }
    match fake {
        FakeEngine::Errors => {
            let body = r#"{"message":"the lab's dockerd is out of order"}"#;
            let head = "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n";
            let length = body.len();
            let answer =
                format!("{head}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await
        }
        FakeEngine::Halves => {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"Id\":";
            stream.write_all(answer).await?;
            std::future::pending().await
        }
        FakeEngine::Endless => {
            let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[";
            stream.write_all(head).await?;
            let piece = [b' '; 64 * 1024];
            loop {
                stream.write_all(&piece).await?;
            }
        }
    }
}
