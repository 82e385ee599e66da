//! The image's HEALTHCHECK: any answer to a HEAD request passes, whatever its status.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use http_body_util::Empty;
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::introspection::PORT;
use crate::log;

/// The real agent's deadline.
const DEADLINE: Duration = Duration::from_secs(25);

/// 0 when the agent answers, 1 when it does not.
pub async fn run() -> u8 {
    match tokio::time::timeout(DEADLINE, ask()).await {
        Ok(Ok(())) => 0,
        Ok(Err(why)) => unhealthy(&why),
        Err(_) => unhealthy("no answer in 25 s"),
    }
}

fn unhealthy(why: &str) -> u8 {
    log::error(&format!("health check failed: {why}"));
    1
}

async fn ask() -> Result<(), String> {
    let name = std::env::var("ECS_AGENT_HEALTHCHECK_HOST").unwrap_or_default();
    let address: IpAddr = name.parse().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let stream = TcpStream::connect((address, PORT))
        .await
        .map_err(|error| error.to_string())?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    let request = Request::head("/v1/metadata")
        .header("host", format!("{address}:{PORT}"))
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    sender
        .send_request(request)
        .await
        .map_err(|error| error.to_string())?;
    Ok(())
}
