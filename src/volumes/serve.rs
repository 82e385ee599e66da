//! The plugin's socket: HTTP from Docker, one request at a time on each connection.

use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::Plugin;
use super::protocol::{self, LARGEST_BODY, Malformed, Received};
use super::settling::settle;
use super::written::{Waiting, Watched};

/// The media type of plugins (docs.docker.com/engine/extend/plugin_api).
const MEDIA_TYPE: &str = "application/vnd.docker.plugins.v1.2+json";
/// How long after the start Docker may repeat what the process before this one did not answer; Docker gives up after half
/// a minute.
const REPEATED: Duration = Duration::from_secs(60);
/// How long requests under way may take when the process is to end.
const LAST_REQUESTS: Duration = Duration::from_secs(10);

/// Serves until `stop` resolves, then ends what is under way. `docker` is the socket of the Docker daemon that is asked where
/// a count is in doubt. To be run on a `LocalSet`.
///
/// # Errors
/// Those of accepting connections.
pub async fn serve(
    plugin: Rc<Plugin>,
    listener: UnixListener,
    docker: String,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let old = plugin.clone();
    tokio::task::spawn_local(async move {
        old.resume_unmounts().await;
        tokio::time::sleep(REPEATED).await;
        old.forget_repeatable().await;
    });
    tokio::task::spawn_local(settle(plugin.clone(), docker));
    let (stopping, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                connections.spawn_local(connection(plugin.clone(), stream, stopped.clone()));
            }
            Some(_) = connections.join_next() => {}
            () = &mut stop => break,
        }
    }
    stopping.send_replace(true);
    let ending = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(LAST_REQUESTS, ending).await.is_err() {
        tracing::warn!("requests are still under way; Docker repeats them");
    }
    Ok(())
}

async fn connection(plugin: Rc<Plugin>, stream: UnixStream, mut stopped: watch::Receiver<bool>) {
    let waiting = Waiting::default();
    let stream = Watched::new(stream, waiting.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let (plugin, waiting) = (plugin.clone(), waiting.clone());
        async move { Ok::<_, Infallible>(exchange(plugin, request, waiting).await) }
    });
    let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = &mut serving => ended,
        _ = stopped.wait_for(|stopped| *stopped) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection of Docker ended: {error}");
    }
}

async fn exchange(
    plugin: Rc<Plugin>,
    request: Request<Incoming>,
    waiting: Waiting,
) -> Response<Full<Bytes>> {
    if request.method() != Method::POST {
        return respond(
            StatusCode::METHOD_NOT_ALLOWED,
            &protocol::refused("calls of a plugin are POST requests"),
        );
    }
    let path = request.uri().path().to_owned();
    let body = match Limited::new(request.into_body(), LARGEST_BODY)
        .collect()
        .await
    {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            let why =
                format!("the body can't be read, or has more than {LARGEST_BODY} bytes: {error}");
            return respond(StatusCode::BAD_REQUEST, &protocol::refused(&why));
        }
    };
    let received = match protocol::received(&path, &body) {
        Ok(received) => received,
        Err(malformed) => {
            let status = match malformed {
                Malformed::Unknown(_) => StatusCode::NOT_FOUND,
                Malformed::Body(_) => StatusCode::BAD_REQUEST,
            };
            return respond(status, &protocol::refused(&malformed.to_string()));
        }
    };
    // In a task of its own: when Docker goes away this future is dropped, and a mount must not be left half done.
    let (sender, answer) = oneshot::channel();
    let (written, is_written) = oneshot::channel();
    tokio::task::spawn_local(carry_out(plugin, received, sender, is_written));
    let answer = answer.await;
    waiting.replace(Some(written));
    match answer {
        Ok(Ok(answer)) => respond(StatusCode::OK, &answer),
        Ok(Err(why)) => respond(StatusCode::INTERNAL_SERVER_ERROR, &protocol::refused(&why)),
        Err(_) => respond(
            StatusCode::INTERNAL_SERVER_ERROR,
            &protocol::refused("the request was not carried out"),
        ),
    }
}

async fn carry_out(
    plugin: Rc<Plugin>,
    received: Received,
    answer: oneshot::Sender<Result<Value, String>>,
    is_written: oneshot::Receiver<()>,
) {
    let (result, open) = plugin.receive(received).await;
    // What is noted as under way must be so until Docker has the answer: a kill in between is followed by a repetition.
    if answer.send(result).is_ok() && is_written.await.is_ok() {
        plugin.answered(open).await;
    } else {
        plugin.unanswered(open).await;
    }
}

fn respond(status: StatusCode, answer: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(format!("{answer}\n"))));
    *response.status_mut() = status;
    let media_type = HeaderValue::from_static(MEDIA_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}
