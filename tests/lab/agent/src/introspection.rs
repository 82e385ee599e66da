//! The introspection endpoint on port 51678, on every address as the real agent has it.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use crate::control::Control;
use crate::log;

/// The introspection port.
pub const PORT: u16 = 51678;

/// What the endpoint tells, and where its commands go.
#[derive(Clone)]
pub struct Introspection {
    /// The cluster's name.
    pub cluster: String,
    /// The agent's version, for example `1.105.1`.
    pub version: String,
    /// The ARN, once there is one.
    pub arn: watch::Receiver<Option<String>>,
    /// How to misbehave.
    pub control: watch::Receiver<Control>,
    /// Takes the status of `POST /lab/exit/STATUS`.
    pub exit: mpsc::Sender<u8>,
}

impl Introspection {
    /// Serves until the program ends.
    pub async fn serve(self) -> Infallible {
        let listener = listen().await;
        log::info(&format!("Introspection is served on port {PORT}"));
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            let this = self.clone();
            let service = service_fn(move |request| {
                let this = this.clone();
                async move { Ok::<_, Infallible>(this.answer(request).await) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        if let (&Method::POST, Some(status)) = (request.method(), path.strip_prefix("/lab/exit/")) {
            return self.end(status).await;
        }
        let control = self.control.borrow().clone();
        if control.hang {
            pending::<()>().await;
        }
        if let Some(status) = control.status {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return text(status, "lab: this status was asked for\n");
        }
        if control.garbage {
            return text(StatusCode::OK, "\u{0}<html>{\"Cluster\":");
        }
        let body = match path {
            "/v1/metadata" => json!({
                "Cluster": self.cluster,
                "ContainerInstanceArn": *self.arn.borrow(),
                "Version": format!("Amazon ECS Agent - v{} (*deadbeef)", self.version),
            }),
            "/v1/tasks" => json!({ "Tasks": control.tasks }),
            _ => json!({ "AvailableCommands": ["/v1/metadata", "/v1/tasks", "/license"] }),
        };
        text(StatusCode::OK, &body.to_string())
    }

    async fn end(&self, status: &str) -> Response<Full<Bytes>> {
        let Ok(status) = status.parse() else {
            return text(StatusCode::BAD_REQUEST, "wanted: a status, 0 to 255\n");
        };
        match self.exit.send(status).await {
            Ok(()) => text(StatusCode::ACCEPTED, ""),
            Err(_) => text(StatusCode::CONFLICT, "the agent is ending already\n"),
        }
    }
}

/// Takes the port, waiting for it as the real agent does: from 1 s, doubling to 60 s.
async fn listen() -> TcpListener {
    let mut pause = Duration::from_secs(1);
    loop {
        match bind().await {
            Ok(listener) => return listener,
            Err(error) => log::error(&format!(
                "Error running introspection endpoint: listen tcp :{PORT}: {error}"
            )),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(60));
    }
}

/// Both address families, or IPv4 alone where IPv6 is off.
async fn bind() -> io::Result<TcpListener> {
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, PORT)).await {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await
        }
        bound => bound,
    }
}

fn text(status: StatusCode, body: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_owned()));
    *response.status_mut() = status;
    response
}
