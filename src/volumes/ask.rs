//! Asks a volume plugin whether it is there, as Docker does.

use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

/// How long it may take. systemd starts the plugin when it is asked for the first time.
const DEADLINE: Duration = Duration::from_secs(3);
/// The most that an answer may have, in bytes.
const LARGEST: usize = 4096;

/// Whether a volume plugin answers on a socket. To be run on a `LocalSet`.
///
/// # Errors
/// Why not, in words.
pub async fn ask(socket: &Path) -> Result<(), String> {
    let shown = socket.display();
    match tokio::time::timeout(DEADLINE, activate(socket)).await {
        Ok(answer) => answer.map_err(|why| format!("{shown}: {why}")),
        Err(_) => Err(format!(
            "{shown}: no answer within {} s",
            DEADLINE.as_secs()
        )),
    }
}

async fn activate(socket: &Path) -> Result<(), String> {
    let words = |error: &dyn std::error::Error| error.to_string();
    let stream = UnixStream::connect(socket).await.map_err(|it| words(&it))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|it| words(&it))?;
    let connection = tokio::task::spawn_local(connection);
    let request = Request::post("/Plugin.Activate")
        .header(HOST, "plugin")
        .body(Full::new(Bytes::from_static(b"{}")))
        .map_err(|it| words(&it))?;
    let response = sender
        .send_request(request)
        .await
        .map_err(|it| words(&it))?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LARGEST).collect().await;
    connection.abort();
    let body = body.map_err(|error| error.to_string())?.to_bytes();
    if status != StatusCode::OK {
        return Err(format!("it answers with status {status}"));
    }
    let answer: Value = serde_json::from_slice(&body)
        .map_err(|error| format!("its answer is not JSON: {error}"))?;
    let drives = answer["Implements"]
        .as_array()
        .is_some_and(|kinds| kinds.iter().any(|kind| kind == "VolumeDriver"));
    if drives {
        Ok(())
    } else {
        Err("it is no volume driver".to_owned())
    }
}
