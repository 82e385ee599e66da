//! A stand-in for the AWS endpoints that acting calls: Amazon EC2 Auto Scaling and Amazon ECS. It checks signatures, keeps
//! what was called, and can refuse.

mod answer;
mod control;
mod signature;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinHandle;

use serde::Deserialize;

pub use answer::Call;
pub use signature::{Key, Scope};

/// How a call is answered, where it is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The role may not.
    Deny,
    /// Too many calls.
    Throttle,
    /// No lifecycle action waits.
    NothingWaits,
    /// Never.
    Hang,
}

/// The running endpoints; they stop when this is dropped.
#[derive(Debug)]
pub struct Aws {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    key: Key,
    calls: Vec<Call>,
    unsigned: Vec<String>,
    verdicts: BTreeMap<String, (Verdict, u32)>,
}

impl Aws {
    /// Serves on a free port of 127.0.0.1. Signed with the credentials that the lab's metadata service gives by default
    /// is right.
    ///
    /// # Errors
    /// Those of binding.
    pub fn on_loopback() -> io::Result<Self> {
        Self::serve(std::net::TcpListener::bind("127.0.0.1:0")?)
    }

    /// Serves on a listener.
    ///
    /// # Errors
    /// The listener's own.
    pub fn serve(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = TcpListener::from_std(listener)?;
        let state = Arc::new(Mutex::new(State {
            key: Key {
                id: "ASIALABLABLABLABLABL".to_owned(),
                secret: "lab-secret-access-key".to_owned(),
                token: "lab-session-token".to_owned(),
            },
            calls: Vec::new(),
            unsigned: Vec::new(),
            verdicts: BTreeMap::new(),
        }));
        let serving = tokio::spawn(accept(state.clone(), listener));
        Ok(Aws {
            address,
            state,
            serving,
        })
    }

    /// Its base URL, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every call with a right signature, oldest first, whatever was answered.
    pub fn calls(&self) -> Vec<Call> {
        locked(&self.state).calls.clone()
    }

    /// What was wrong with requests that were no such call.
    pub fn unsigned(&self) -> Vec<String> {
        locked(&self.state).unsigned.clone()
    }

    /// From now on answers so many calls of an action, for example `autoscaling:SetInstanceHealth`, in this way.
    pub fn answer_with(&self, action: &str, verdict: Verdict, times: u32) {
        let mut state = locked(&self.state);
        state.verdicts.insert(action.to_owned(), (verdict, times));
    }

    /// Answers `GET /calls` and `GET /unsigned`, and takes `PUT /verdicts`, on a socket of its own, until dropped.
    pub async fn serve_control(&self, listener: UnixListener) {
        control::serve(self, listener).await;
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(state: Arc<Mutex<State>>, listener: TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let state = state.clone();
        let service = service_fn(move |request| {
            let state = state.clone();
            async move { Ok::<_, Infallible>(answered(&state, request).await) }
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn answered(state: &Mutex<State>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return response(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let answer = {
        let mut state = locked(state);
        let signed = signature::check(&head.headers, &body, &state.key);
        let call = answer::call(&head.headers, &body);
        match (signed, call) {
            (Err(why), _) => {
                state.unsigned.push(why.clone());
                Some((StatusCode::FORBIDDEN, why))
            }
            (Ok(scope), Some(call)) if call.action.starts_with(&format!("{}:", scope.service)) => {
                let verdict = state.verdict(&call.action);
                state.calls.push(call.clone());
                answer::answer(&call, verdict)
            }
            (Ok(scope), call) => {
                let why = format!("{call:?} signed for {scope:?}");
                state.unsigned.push(why.clone());
                Some((StatusCode::BAD_REQUEST, why))
            }
        }
    };
    match answer {
        Some((status, body)) => response(status, body),
        None => std::future::pending().await,
    }
}

impl State {
    fn verdict(&mut self, action: &str) -> Option<Verdict> {
        let (verdict, times) = self.verdicts.get_mut(action)?;
        *times = times.checked_sub(1)?;
        Some(*verdict)
    }
}

fn response(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
}
