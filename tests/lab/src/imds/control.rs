//! Reading and setting the service from outside: HTTP on a unix socket.

use std::convert::Infallible;
use std::fmt::Display;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::UnixListener;

use super::values::Changes;
use super::{Service, response};

/// Answers until dropped.
pub async fn serve(imds: &Service, listener: UnixListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let imds = imds.clone();
        let service = service_fn(move |request| {
            let imds = imds.clone();
            async move { Ok::<_, Infallible>(answer(&imds, request).await) }
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn answer(imds: &Service, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return refusal(error),
    };
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/requests") => json(&imds.state().requests),
        (&Method::GET, "/values") => json(&imds.state().values),
        (&Method::GET, "/faults") => json(&imds.state().faults),
        (&Method::PUT, "/values") => match serde_json::from_slice::<Changes>(&body) {
            Ok(changes) => {
                imds.state().values.change(changes);
                done()
            }
            Err(error) => refusal(error),
        },
        (&Method::PUT, "/faults") => match serde_json::from_slice(&body) {
            Ok(faults) => {
                imds.set_faults(faults).await;
                done()
            }
            Err(error) => refusal(error),
        },
        (&Method::DELETE, "/sessions") => {
            imds.state().sessions.clear();
            done()
        }
        _ => response(
            StatusCode::NOT_FOUND,
            "wanted: GET /requests, GET or PUT /values, GET or PUT /faults, DELETE /sessions\n",
        ),
    }
}

fn done() -> Response<Full<Bytes>> {
    response(StatusCode::NO_CONTENT, "")
}

fn refusal(error: impl Display) -> Response<Full<Bytes>> {
    response(StatusCode::BAD_REQUEST, format!("{error}\n"))
}

fn json(value: &impl serde::Serialize) -> Response<Full<Bytes>> {
    match serde_json::to_string(value) {
        Ok(text) => response(StatusCode::OK, text + "\n"),
        Err(error) => response(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}
