//! Reading what was called and setting how it is answered, from outside: HTTP on a unix socket.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::Mutex;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::UnixListener;

use super::{Aws, State, Verdict, locked, response};

/// Answers until dropped.
pub async fn serve(aws: &Aws, listener: UnixListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let state = aws.state.clone();
        let service = service_fn(move |request| {
            let state = state.clone();
            async move { Ok::<_, Infallible>(answer(&state, request).await) }
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn answer(state: &Arc<Mutex<State>>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return response(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let read = match (&head.method, head.uri.path()) {
        (&Method::GET, "/calls") => serde_json::to_string(&locked(state).calls),
        (&Method::GET, "/unsigned") => serde_json::to_string(&locked(state).unsigned),
        (&Method::PUT, "/verdicts") => {
            serde_json::from_slice::<BTreeMap<String, (Verdict, u32)>>(&body).map(|verdicts| {
                locked(state).verdicts = verdicts;
                String::new()
            })
        }
        _ => {
            let wanted = "wanted: GET /calls, GET /unsigned, PUT /verdicts\n";
            return response(StatusCode::NOT_FOUND, wanted.to_owned());
        }
    };
    match read {
        Ok(text) => response(StatusCode::OK, text + "\n"),
        Err(error) => response(StatusCode::BAD_REQUEST, format!("{error}\n")),
    }
}
