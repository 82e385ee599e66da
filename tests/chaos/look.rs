//! Single looks at a host from outside. None takes longer than two seconds.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ecs_nanny::host::docker::{Docker, DockerError};
use ecs_nanny::snapshot::{Phase, Reason, Snapshot};
use ecs_nanny_lab::host::Host;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Longest answer that is waited for.
const DEADLINE: Duration = Duration::from_secs(2);
/// The agent's introspection.
const AGENT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 51678);

/// What a health document says, as far as faults are told in it.
#[derive(Debug, Clone)]
pub struct Health {
    pub phase: Phase,
    pub reason: Option<Reason>,
    /// The host does its work.
    pub ready: bool,
    /// The supervisor's process.
    pub process: u32,
    /// The agent's last end: its status, and when it was seen.
    pub last_exit: Option<(i64, SystemTime)>,
    pub repairs: u64,
    /// The same for people.
    pub line: String,
}

impl PartialEq for Health {
    /// But for the words.
    fn eq(&self, other: &Self) -> bool {
        let told = |health: &Health| {
            (
                health.phase,
                health.reason,
                health.ready,
                health.process,
                health.last_exit,
                health.repairs,
            )
        };
        told(self) == told(other)
    }
}

/// The health document; `None` where nobody answers.
pub async fn health(socket: &Path) -> Option<Health> {
    let asking = async {
        let mut stream = UnixStream::connect(socket).await.ok()?;
        let request = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(request).await.ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok()?;
        let text = String::from_utf8(answer).ok()?;
        let (_, body) = text.split_once("\r\n\r\n")?;
        serde_json::from_str::<Snapshot>(body).ok()
    };
    let snapshot = timeout(DEADLINE, asking).await.ok()??;
    Some(Health {
        phase: snapshot.phase,
        reason: snapshot.reason,
        ready: snapshot.ready(),
        process: snapshot.nanny.pid,
        last_exit: snapshot
            .agent
            .last_exit
            .as_ref()
            .map(|exit| (exit.code, exit.at.0)),
        repairs: snapshot.repairs.total,
        line: snapshot.line(),
    })
}

/// The Docker daemon, and the agent's container in its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// It answers; since when the container runs, if it does.
    Answers { started_at: Option<SystemTime> },
    /// Nobody listens.
    Gone,
    /// No answer in time, or an error.
    Silent,
}

/// Asks dockerd for the agent's container.
pub async fn engine(client: &mut Option<Docker>, socket: &Path, container: &str) -> Engine {
    let asking = async {
        let docker = match client.take() {
            Some(docker) => docker,
            None => Docker::connect(&socket.display().to_string()).await?,
        };
        let found = docker.container(container).await?;
        *client = Some(docker);
        Ok(found)
    };
    match timeout(DEADLINE, asking).await {
        Ok(Ok(found)) => Engine::Answers {
            started_at: found
                .filter(|found| found.running)
                .and_then(|found| humantime::parse_rfc3339(&found.started_at?).ok()),
        },
        Ok(Err(DockerError::Unreachable(_))) => Engine::Gone,
        Ok(Err(_)) | Err(_) => Engine::Silent,
    }
}

/// The agent's processes, without the image's health check.
pub fn agents(proc: &Path) -> Vec<i32> {
    let is_agent = |pid: &i32| {
        let command = fs::read(proc.join(pid.to_string()).join("cmdline")).unwrap_or_default();
        command == b"/agent\0"
    };
    let processes = fs::read_dir(proc).into_iter().flatten().flatten();
    let agents: Vec<i32> = processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(is_agent)
        .collect();
    // One may have ended while the next was found.
    agents.into_iter().filter(is_agent).collect()
}

/// Whether the agent answers and tells its ARN.
pub async fn serving(host: &Arc<Host>) -> bool {
    let host = host.clone();
    let connect = move || host.inside(|| TcpStream::connect_timeout(&AGENT, DEADLINE / 2));
    // An agent that is stopped may leave a connection without an answer.
    let Ok(Ok(Ok(stream))) = tokio::task::spawn_blocking(connect).await else {
        return false;
    };
    let asking = async {
        stream.set_nonblocking(true).ok()?;
        let mut stream = tokio::net::TcpStream::from_std(stream).ok()?;
        let request = b"GET /v1/metadata HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok()?;
        let text = String::from_utf8(answer).ok()?;
        let (_, body) = text.split_once("\r\n\r\n")?;
        let body: serde_json::Value = serde_json::from_str(body).ok()?;
        body["ContainerInstanceArn"].is_string().then_some(())
    };
    matches!(timeout(DEADLINE / 2, asking).await, Ok(Some(())))
}
