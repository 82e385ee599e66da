//! The agent's introspection, `http://127.0.0.1:51678/v1/metadata`.
//!
//! The agent's port lies in the range from which the kernel takes source ports, so that a client of the closed port can
//! connect to itself and then holds the port which the agent wants to bind. The source port is therefore chosen here.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::{TcpSocket, TcpStream};

use super::process;

/// The agent's introspection port.
pub const PORT: u16 = 51678;
/// Deadline for one probe.
pub const PROBE: Duration = Duration::from_secs(2);

/// What the agent says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Metadata {
    /// Its cluster.
    pub cluster: Option<String>,
    /// ARN of the container instance; `None` until it has registered.
    pub container_instance_arn: Option<String>,
    /// For example `Amazon ECS Agent - v1.105.1 (deadbeef)`.
    pub version: Option<String>,
}

/// Why the agent did not say anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// Refused, no answer in time, or an answer that makes no sense.
    #[error("{0}")]
    Agent(String),
    /// It was not even asked: this process or the host can open no more files.
    #[error("the agent can't be asked: {0}")]
    Exhausted(String),
}

impl From<std::io::Error> for Silence {
    fn from(error: std::io::Error) -> Self {
        match process::exhausted(&error) {
            true => Silence::Exhausted(error.to_string()),
            false => Silence::Agent(error.to_string()),
        }
    }
}

/// Asks once who the agent is.
///
/// # Errors
/// [`Silence`]; it has [`PROBE`] to answer.
pub async fn metadata(port: u16) -> Result<Metadata, Silence> {
    ask(port, "/v1/metadata").await
}

/// The tasks that the agent knows of.
#[derive(Deserialize)]
struct Tasks {
    #[serde(rename = "Tasks", default)]
    tasks: Vec<Task>,
}

#[derive(Deserialize)]
struct Task {
    #[serde(rename = "KnownStatus", default)]
    known_status: String,
}

/// Asks once how many tasks run.
///
/// # Errors
/// As those of [`metadata`].
pub async fn tasks_running(port: u16) -> Result<u64, Silence> {
    let Tasks { tasks } = ask(port, "/v1/tasks").await?;
    let running = tasks.iter().filter(|task| task.known_status == "RUNNING");
    Ok(running.count() as u64)
}

async fn ask<T: DeserializeOwned>(port: u16, path: &str) -> Result<T, Silence> {
    match tokio::time::timeout(PROBE, exchange(port, path)).await {
        Ok(answer) => answer,
        Err(_) => Err(Silence::Agent(format!(
            "no answer on port {port} within {} s",
            PROBE.as_secs()
        ))),
    }
}

async fn exchange<T: DeserializeOwned>(port: u16, path: &str) -> Result<T, Silence> {
    // A metadata answer is a few hundred bytes, a task one or two thousand.
    const LIMIT: usize = 4 * 1024 * 1024;
    let stream = connect(port).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Silence::Agent(error.to_string()))?;
    let request = Request::get(path)
        .header("host", "127.0.0.1")
        // The side that closes first keeps the port for a minute: let it be the agent.
        .header("connection", "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| Silence::Agent(error.to_string()))?;
    let answering = async {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| Silence::Agent(error.to_string()))?;
        let status = response.status();
        if !status.is_success() {
            return Err(Silence::Agent(format!("it answers {status}")));
        }
        let body = Limited::new(response.into_body(), LIMIT)
            .collect()
            .await
            .map_err(|error| Silence::Agent(error.to_string()))?
            .to_bytes();
        serde_json::from_slice(&body)
            .map_err(|error| Silence::Agent(format!("its answer makes no sense: {error}")))
    };
    tokio::pin!(answering);
    // The connection may end, its work done, before the answer is read from it.
    tokio::select! {
        answer = &mut answering => answer,
        _ended = connection => answering.await,
    }
}

async fn connect(port: u16) -> Result<TcpStream, Silence> {
    // Below the default range of source ports (32768), above what services use by name.
    const FIRST: u16 = 28_000;
    const LAST: u16 = 31_999;
    const TRIES: u32 = 5;
    let silence = Silence::from;
    let mut taken = None;
    for _ in 0..TRIES {
        let socket = TcpSocket::new_v4().map_err(silence)?;
        socket.set_reuseaddr(true).map_err(silence)?;
        let source = SocketAddr::from((Ipv4Addr::LOCALHOST, fastrand::u16(FIRST..=LAST)));
        if let Err(error) = socket.bind(source) {
            taken = Some(error);
            continue;
        }
        let agent = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        match socket.connect(agent).await {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => taken = Some(error),
            Err(error) => return Err(silence(error)),
        }
    }
    Err(Silence::Agent(match taken {
        Some(error) => error.to_string(),
        None => "no source port".to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn served(answer: &'static str) -> Result<Metadata, Silence> {
        served_to(answer, metadata).await
    }

    async fn served_to<T, F: Future<Output = T>>(answer: &'static str, ask: fn(u16) -> F) -> T {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 1024];
            assert!(stream.read(&mut buffer).await.unwrap() > 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
        };
        tokio::join!(ask(port), serving).0
    }

    #[tokio::test]
    async fn a_registered_agent_names_its_instance() {
        let body = r#"{"Cluster":"blue","ContainerInstanceArn":"arn:x","Version":"v1"}"#;
        let answer: &'static str = Box::leak(
            format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_boxed_str(),
        );
        let metadata = served(answer).await.unwrap();
        assert_eq!(metadata.container_instance_arn.as_deref(), Some("arn:x"));
        assert_eq!(metadata.cluster.as_deref(), Some("blue"));
    }

    #[tokio::test]
    async fn tasks_that_run_are_counted() {
        let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"Tasks\":[\
            {\"KnownStatus\":\"RUNNING\"},{\"KnownStatus\":\"STOPPED\"},{\"Arn\":\"new\"},{\"KnownStatus\":\"RUNNING\"}]}";
        assert_eq!(served_to(answer, tasks_running).await, Ok(2));
    }

    #[tokio::test]
    async fn errors_garbage_and_nothing_are_silence() {
        assert_eq!(
            served("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n").await,
            Err(Silence::Agent(
                "it answers 500 Internal Server Error".to_owned()
            ))
        );
        assert!(
            served("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n???")
                .await
                .is_err()
        );
        assert!(served("\x00\x01garbage").await.is_err());
        assert!(served("").await.is_err());
    }

    #[tokio::test]
    async fn probing_a_closed_port_never_takes_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        for _ in 0..200 {
            assert!(metadata(port).await.is_err());
        }
        TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    }
}
