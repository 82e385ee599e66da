//! The document over HTTP: a unix socket, and a loopback port for clients that can't use one. Read-only.

mod answer;
mod crowd;
mod spare;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;

use crate::finding::{Confidence, Finding, Outcome, Severity};
use crate::host::process;
use crate::snapshot::{Snapshot, Timestamp};

use answer::answer;
use crowd::Crowd;
use spare::Spare;

/// The authoritative socket.
pub const SOCKET: &str = "/run/ecs-nanny/health.sock";
/// For root and its group.
const SOCKET_MODE: u32 = 0o660;
/// How long a client may take over its request's head.
const HEAD: Duration = Duration::from_secs(2);
/// How long a whole exchange may take.
const EXCHANGE: Duration = Duration::from_secs(5);
/// Largest head, in bytes.
const HEAD_BYTES: usize = 8 * 1024;
/// Clients served at a time on one listener; one more, and the one that came first has to go. With a head and a document
/// for each this bounds the memory to a few megabytes.
const CLIENTS: usize = 64;

/// The unix socket.
pub struct Unix(UnixListener);

/// The loopback port.
pub struct Tcp(TcpListener);

impl Unix {
    /// Binds [`SOCKET`], in place of one that an earlier process left.
    ///
    /// # Errors
    /// Those of bind(2).
    pub fn bind() -> io::Result<Self> {
        Unix::bind_at(Path::new(SOCKET))
    }

    fn bind_at(path: &Path) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        // Bound aside and renamed: at no moment is there a socket with the wrong mode, or none.
        let aside = path.with_extension("sock.new");
        let _ = fs::remove_file(&aside);
        let listener = UnixListener::bind(&aside)?;
        fs::set_permissions(&aside, Permissions::from_mode(SOCKET_MODE))?;
        fs::rename(&aside, path)?;
        Ok(Unix(listener))
    }

    /// Serves until the process ends. To be run on a `LocalSet`.
    pub async fn serve(self, snapshots: watch::Receiver<Arc<Snapshot>>) {
        serve(self, snapshots).await;
    }
}

impl Tcp {
    /// Binds a loopback address.
    ///
    /// # Errors
    /// Those of bind(2); the port lies in the range that clients' source ports are taken from.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Tcp(TcpListener::bind(address).await?))
    }

    /// Serves until the process ends. To be run on a `LocalSet`.
    pub async fn serve(self, snapshots: watch::Receiver<Arc<Snapshot>>) {
        serve(self, snapshots).await;
    }
}

/// What is said while the loopback port can't be bound.
pub fn port_taken(address: SocketAddr, error: &io::Error) -> Finding {
    Finding {
        rule: "health.port".into(),
        title: "Health is served on its loopback port".into(),
        severity: Severity::Recommended,
        outcome: Outcome::Failed,
        confidence: Confidence::Certain,
        observed: format!("health is not served on {address}: {error}"),
        required: "a free port; binding it is tried again every 10 s".into(),
        remedy: format!(
            "see who holds it: ss -Hltnp sport = {port}; or choose another with health.tcp, or none with \"off\"; \
             {SOCKET} is served all the while",
            port = address.port()
        )
        .into(),
        source: "docs/health.md".into(),
        place: None,
    }
}

/// Where clients come from.
trait Door {
    type Stream: AsyncRead + AsyncWrite + Unpin + 'static;

    /// The next client; `None` is one that is turned away.
    async fn accept(&self) -> io::Result<Option<Self::Stream>>;
}

impl Door for Unix {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<Option<UnixStream>> {
        let (stream, _) = self.0.accept().await?;
        Ok(Some(stream))
    }
}

impl Door for Tcp {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<Option<TcpStream>> {
        let (stream, peer) = self.0.accept().await?;
        // With route_localnet a neighbour's packet can reach loopback.
        Ok(peer.ip().is_loopback().then_some(stream))
    }
}

async fn serve(door: impl Door, snapshots: watch::Receiver<Arc<Snapshot>>) {
    let mut crowd = Crowd::new(CLIENTS);
    let spare = Rc::new(Spare::default());
    loop {
        spare.keep();
        let accepted = match door.accept().await {
            Err(error) if process::exhausted(&error) && spare.give() => door.accept().await,
            other => other,
        };
        match accepted {
            Ok(Some(stream)) => {
                let exchanged = exchange(stream, snapshots.clone());
                let spare = Rc::clone(&spare);
                crowd.admit(async move {
                    exchanged.await;
                    spare.keep();
                });
            }
            Ok(None) => {}
            Err(error) => {
                // Out of descriptors: the next accept would fail at once and spin.
                tracing::debug!("a health client could not be served: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        // A flood of clients must not keep the other tasks from their turn.
        tokio::task::yield_now().await;
    }
}

async fn exchange<S>(stream: S, snapshots: watch::Receiver<Arc<Snapshot>>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let snapshot = snapshots.borrow().clone();
        async move { Ok::<_, Infallible>(answer(&request, &snapshot, Timestamp::now())) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // A client that goes away or dawdles is its own trouble.
    let _ = tokio::time::timeout(EXCHANGE, serving).await;
}
