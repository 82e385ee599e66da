//! A stand-in for the instance metadata service, version 2, with faults that can be set while it runs.

mod answer;
mod control;
mod fault;
mod values;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderName;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use fault::{Fault, What};
pub use values::{Changes, Values};

/// How many bytes a [`What::Huge`] answer has.
const HUGE: usize = 10 * 1024 * 1024;

/// How long to wait before binding again.
const REBIND: Duration = Duration::from_millis(100);

/// A running service; it stops when this is dropped.
#[derive(Debug)]
pub struct Imds {
    address: SocketAddr,
    service: Service,
    serving: JoinHandle<()>,
}

/// The service's state, shared by its connections and its control.
#[derive(Debug, Clone)]
struct Service {
    state: Arc<Mutex<State>>,
    /// Whether connections shall be refused …
    refuse: watch::Sender<bool>,
    /// … and whether they are.
    refusing: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    values: Values,
    faults: Vec<Fault>,
    sessions: answer::Sessions,
    requests: BTreeMap<String, u64>,
}

impl Imds {
    /// Serves on a listener. The listener may be bound on another host of the lab.
    ///
    /// # Errors
    /// The listener's own.
    pub fn serve(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let service = Service {
            state: Arc::default(),
            refuse: watch::Sender::new(false),
            refusing: watch::Sender::new(false),
        };
        let listener = TcpListener::from_std(listener)?;
        let serving = tokio::spawn(service.clone().listen(listener));
        Ok(Imds {
            address,
            service,
            serving,
        })
    }

    /// Serves on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// Those of binding.
    pub fn on_loopback() -> io::Result<Self> {
        Self::serve(std::net::TcpListener::bind("127.0.0.1:0")?)
    }

    /// Its base URL, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets paths and takes some away.
    pub fn change(&self, changes: Changes) {
        self.service.state().values.change(changes);
    }

    /// Sets the value of a path.
    pub fn set(&self, path: &str, value: &str) {
        self.change([(path.to_owned(), Some(value.to_owned()))].into());
    }

    /// Takes a path away.
    pub fn remove(&self, path: &str) {
        self.change([(path.to_owned(), None)].into());
    }

    /// Sets the faults; they act when this returns.
    pub async fn set_faults(&self, faults: impl IntoIterator<Item = Fault>) {
        self.service.set_faults(faults.into_iter().collect()).await;
    }

    /// Ends every session: tokens given so far are answered with 401.
    pub fn end_sessions(&self) {
        self.service.state().sessions.clear();
    }

    /// How many requests there were, by path without the version.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.service.state().requests.clone()
    }

    /// Answers requests that read and set all this (README.md has them) on a socket of its own, until dropped.
    pub async fn serve_control(&self, listener: UnixListener) {
        control::serve(&self.service, listener).await;
    }
}

impl Drop for Imds {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Service {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn set_faults(&self, faults: Vec<Fault>) {
        let refuse = faults.iter().any(|fault| fault.what == What::Refuse);
        self.state().faults = faults;
        self.refuse.send_replace(refuse);
        let mut refusing = self.refusing.subscribe();
        // The sender is in `self`.
        let _ = refusing.wait_for(|refusing| *refusing == refuse).await;
    }

    /// Accepts connections, and has no listener while they shall be refused.
    async fn listen(self, first: TcpListener) {
        let mut refuse = self.refuse.subscribe();
        let address = first.local_addr();
        let mut first = Some(first);
        while let Ok(address) = address {
            if *refuse.borrow_and_update() {
                first = None;
                self.refusing.send_replace(true);
                let _ = refuse.changed().await;
                continue;
            }
            let bound = match first.take() {
                Some(first) => Ok(first),
                None => TcpListener::bind(address).await,
            };
            let Ok(listener) = bound else {
                // Somebody else has the port, for a while.
                tokio::time::sleep(REBIND).await;
                continue;
            };
            self.refusing.send_replace(false);
            tokio::select! {
                _ = refuse.wait_for(|refuse| *refuse) => {}
                () = self.accept(&listener) => {}
            }
        }
    }

    async fn accept(&self, listener: &TcpListener) {
        loop {
            if let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(self.clone().converse(stream));
            }
        }
    }

    /// Serves one connection, which ends when connections are refused.
    async fn converse(self, stream: TcpStream) {
        let mut refuse = self.refuse.subscribe();
        let service = service_fn(|request| self.answer(request));
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            // How it ended is the client's to notice.
            _ = connection => {}
            _ = refuse.wait_for(|refuse| *refuse) => {}
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Dropped> {
        let path = request.uri().path().to_owned();
        let counted = answer::without_version(&path).unwrap_or(&path).to_owned();
        let fault = {
            let mut state = self.state();
            *state.requests.entry(counted.clone()).or_default() += 1;
            fault::next(&mut state.faults, &counted)
        };
        match fault {
            Some(What::Hang) => std::future::pending().await,
            Some(What::Drop) => return Err(Dropped),
            Some(What::Status(status)) => {
                let status =
                    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                return Ok(response(status, "lab: this status was asked for"));
            }
            Some(What::Garbage) => return Ok(response(StatusCode::OK, &b"\xff\xfe\x00{\x80"[..])),
            Some(What::Huge) => return Ok(response(StatusCode::OK, vec![b'x'; HUGE])),
            Some(What::DelayMs(delay)) => {
                tokio::time::sleep(Duration::from_millis(delay)).await;
            }
            Some(What::Refuse) | None => {}
        }
        let mut state = self.state();
        let State {
            values, sessions, ..
        } = &mut *state;
        let (status, body) =
            answer::answer(request.method(), &path, request.headers(), values, sessions);
        let mut response = response(status, body);
        // The service says how long a session lasts, and the AWS SDKs insist on it.
        if let (&Method::PUT, StatusCode::OK, Some(ttl)) = (
            request.method(),
            status,
            request.headers().get(answer::TTL_HEADER),
        ) {
            let name = HeaderName::from_static(answer::TTL_HEADER);
            response.headers_mut().insert(name, ttl.clone());
        }
        Ok(response)
    }
}

/// A request that is not answered.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped, as was asked for")]
struct Dropped;

fn response(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}
