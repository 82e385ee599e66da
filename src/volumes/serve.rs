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
use super::protocol::{self, LARGEST_BODY, Malformed};

/// The media type of plugins (docs.docker.com/engine/extend/plugin_api).
const MEDIA_TYPE: &str = "application/vnd.docker.plugins.v1.2+json";
/// How long after the start Docker may repeat what the process before this one did not answer; Docker gives up after half
/// a minute.
const REPEATED: Duration = Duration::from_secs(60);
/// How long requests under way may take when the process is to end.
const LAST_REQUESTS: Duration = Duration::from_secs(10);

/// Serves until `stop` resolves, then ends what is under way. To be run on a `LocalSet`.
///
/// # Errors
/// Those of accepting connections.
pub async fn serve(
    plugin: Rc<Plugin>,
    listener: UnixListener,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let old = plugin.clone();
    tokio::task::spawn_local(async move {
        tokio::time::sleep(REPEATED).await;
        old.forget_repeatable().await;
    });
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
    let service = service_fn(move |request: Request<Incoming>| {
        let plugin = plugin.clone();
        async move { Ok::<_, Infallible>(exchange(plugin, request).await) }
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

async fn exchange(plugin: Rc<Plugin>, request: Request<Incoming>) -> Response<Full<Bytes>> {
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
    let request = match protocol::request(&path, &body) {
        Ok(request) => request,
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
    tokio::task::spawn_local(carry_out(plugin, request, sender));
    match answer.await {
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
    request: protocol::Request,
    answer: oneshot::Sender<Result<Value, String>>,
) {
    match plugin.handle(request).await {
        Err(why) => {
            // Whoever asked may have gone; nothing was done.
            let _ = answer.send(Err(why));
        }
        Ok(done) => {
            let waits = answer.send(Ok(done.answer)).is_ok();
            let Some(counted) = done.counted else { return };
            if waits {
                // Written while the disk works: what a kill in between does is that a repetition is not counted.
                plugin.answered(&counted).await;
            } else {
                plugin.unanswered(&counted).await;
            }
        }
    }
}

fn respond(status: StatusCode, answer: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(format!("{answer}\n"))));
    *response.status_mut() = status;
    let media_type = HeaderValue::from_static(MEDIA_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}
