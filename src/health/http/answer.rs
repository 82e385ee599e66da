//! What a request is answered: pure, from the snapshot.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, FORWARDED, HOST, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Uri};

use crate::health::{metrics, tree};
use crate::snapshot::{Snapshot, Timestamp};

const PLAIN: &str = "text/plain; charset=utf-8";

pub(super) fn answer<B>(
    request: &Request<B>,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only\n");
        refused
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    if !is_local(request.uri(), request.headers()) {
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
        // Scrapers read the body of a 200 alone; that it has expired is a metric.
        "/metrics" => match metrics::text(snapshot) {
            Ok(body) => respond(StatusCode::OK, metrics::CONTENT_TYPE, body.into_bytes()),
            Err(error) => unwritable(&error),
        },
        path => document(path, snapshot, validity(expired)),
    }
}

/// An expired document is shown, and no script may take it for a good one.
fn validity(expired: bool) -> StatusCode {
    if expired {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    }
}

fn document(path: &str, snapshot: &Snapshot, status: StatusCode) -> Response<Full<Bytes>> {
    let document = match serde_json::to_value(snapshot) {
        Ok(document) => document,
        Err(error) => return unwritable(&error),
    };
    if path == "/health" {
        return respond(
            status,
            "application/json",
            format!("{document:#}\n").into_bytes(),
        );
    }
    match tree::look_up(&document, path) {
        Some(body) => respond(status, PLAIN, body.into_bytes()),
        None => text(
            StatusCode::NOT_FOUND,
            "not here; there are /live, /ready, /health, /metrics and /latest/\n",
        ),
    }
}

/// Through a proxy, or by a name that a web page made up, nobody local asks.
fn is_local(uri: &Uri, headers: &HeaderMap) -> bool {
    let forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key(FORWARDED);
    let hosts: Vec<&[u8]> = headers
        .get_all(HOST)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    let host_is_local = match hosts.as_slice() {
        [] | [b""] => true,
        [host] => Authority::try_from(*host).is_ok_and(|host| is_loopback(&host)),
        _ => false,
    };
    !forwarded && host_is_local && uri.authority().is_none_or(is_loopback)
}

fn is_loopback(authority: &Authority) -> bool {
    let (whole, host) = (authority.as_str(), authority.host());
    // A user's name before the host, or a port that is no number, is nobody's Host header.
    let port = match authority.port_u16() {
        Some(port) => format!(":{port}"),
        None => String::new(),
    };
    whole == format!("{host}{port}") && matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

fn unwritable(error: &dyn std::fmt::Display) -> Response<Full<Bytes>> {
    text(
        StatusCode::INTERNAL_SERVER_ERROR,
        &format!("the document can't be written: {error}\n"),
    )
}

fn text(status: StatusCode, body: &str) -> Response<Full<Bytes>> {
    respond(status, PLAIN, body.as_bytes().to_vec())
}

fn respond(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
