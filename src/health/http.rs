//! The document over HTTP: a unix socket, and a loopback port for clients that can't use one. Read-only.

use std::convert::Infallible;
use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};

use crate::snapshot::{Snapshot, Timestamp};

/// The authoritative socket.
pub const SOCKET: &str = "/run/ecs-nanny/health.sock";
/// For root and its group.
const SOCKET_MODE: u32 = 0o660;
/// How long a client may take over its request's head.
const HEAD: Duration = Duration::from_secs(2);
/// How long a whole exchange may take.
const EXCHANGE: Duration = Duration::from_secs(10);
/// Largest head, in bytes.
const HEAD_BYTES: usize = 8 * 1024;
/// Clients served at a time on one listener; more wait in the kernel's queue.
const CLIENTS: usize = 32;

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
        let path = Path::new(SOCKET);
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

    /// Serves until the process ends.
    pub async fn serve(self, snapshots: watch::Receiver<Arc<Snapshot>>) {
        let clients = Arc::new(Semaphore::new(CLIENTS));
        loop {
            let Ok(turn) = clients.clone().acquire_owned().await else {
                return;
            };
            match self.0.accept().await {
                Ok((stream, _)) => {
                    let snapshots = snapshots.clone();
                    tokio::task::spawn_local(async move {
                        exchange(stream, snapshots).await;
                        drop(turn);
                    });
                }
                Err(error) => pause(&error).await,
            }
        }
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

    /// Serves until the process ends.
    pub async fn serve(self, snapshots: watch::Receiver<Arc<Snapshot>>) {
        let clients = Arc::new(Semaphore::new(CLIENTS));
        loop {
            let Ok(turn) = clients.clone().acquire_owned().await else {
                return;
            };
            match self.0.accept().await {
                // With route_localnet a neighbour's packet can reach loopback.
                Ok((_, peer)) if !peer.ip().is_loopback() => {}
                Ok((stream, _)) => {
                    let snapshots = snapshots.clone();
                    tokio::task::spawn_local(async move {
                        exchange(stream, snapshots).await;
                        drop(turn);
                    });
                }
                Err(error) => pause(&error).await,
            }
        }
    }
}

/// Out of descriptors: the next accept would fail at once and spin.
async fn pause(error: &io::Error) {
    tracing::debug!("a health client could not be served: {error}");
    tokio::time::sleep(Duration::from_millis(100)).await;
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

fn answer<B>(request: &Request<B>, snapshot: &Snapshot, now: Timestamp) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only\n");
        refused
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    if !local(request) {
        return text(StatusCode::FORBIDDEN, "local clients only\n");
    }
    let expired = snapshot.expired(now);
    match request.uri().path() {
        "/live" if expired => text(StatusCode::SERVICE_UNAVAILABLE, "stuck\n"),
        "/live" => text(StatusCode::OK, "live\n"),
        "/ready" if snapshot.ready() && !expired => text(StatusCode::OK, "ready\n"),
        "/ready" => text(
            StatusCode::SERVICE_UNAVAILABLE,
            &format!("{}\n", snapshot.line()),
        ),
        "/health" => json(snapshot),
        _ => text(
            StatusCode::NOT_FOUND,
            "there is /live, /ready and /health\n",
        ),
    }
}

/// Through a proxy, or by a name that a web page made up, nobody local asks.
fn local<B>(request: &Request<B>) -> bool {
    if request.headers().contains_key("x-forwarded-for") {
        return false;
    }
    let Some(host) = request.headers().get(HOST) else {
        return true;
    };
    let host = host.to_str().unwrap_or("?");
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    matches!(name, "" | "localhost" | "127.0.0.1" | "::1")
}

fn json(snapshot: &Snapshot) -> Response<Full<Bytes>> {
    match serde_json::to_vec_pretty(snapshot) {
        Ok(mut bytes) => {
            bytes.push(b'\n');
            respond(StatusCode::OK, "application/json", bytes)
        }
        Err(error) => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("the document can't be written: {error}\n"),
        ),
    }
}

fn text(status: StatusCode, body: &str) -> Response<Full<Bytes>> {
    respond(
        status,
        "text/plain; charset=utf-8",
        body.as_bytes().to_vec(),
    )
}

fn respond(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
