//! The service's rules: sessions, versions, methods.

use std::collections::HashMap;
use std::time::Duration;

use hyper::header::HeaderMap;
use hyper::{Method, StatusCode};
use tokio::time::Instant;

use super::values::Values;

/// How long a session lasts, in seconds: of the request, and of its answer.
pub const TTL_HEADER: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN_HEADER: &str = "x-aws-ec2-metadata-token";

/// The path of the session's token, without `latest`.
const TOKEN_PATH: &str = "api/token";

/// Versions that are served beside `latest`: the first, and those since instance-life-cycle came.
const VERSIONS: &[&str] = &[
    "1.0",
    "2019-10-01",
    "2020-08-24",
    "2020-10-27",
    "2021-01-03",
    "2021-03-23",
    "2021-07-15",
    "2022-09-24",
    "2024-04-11",
];

/// Sessions by token, with their ends.
#[derive(Debug, Default)]
pub struct Sessions {
    ends: HashMap<String, Instant>,
    opened: u64,
}

impl Sessions {
    /// Ends every session.
    pub fn clear(&mut self) {
        self.ends.clear();
    }

    fn open(&mut self, seconds: u64) -> String {
        self.opened += 1;
        let token = format!("lab-token-{}", self.opened);
        let end = Instant::now() + Duration::from_secs(seconds);
        self.ends.insert(token.clone(), end);
        token
    }
}

/// An answer: its status, and its body.
pub type Answer = (StatusCode, String);

/// What follows the version; `None` for a version that is not served.
pub fn without_version(path: &str) -> Option<&str> {
    let (version, rest) = path.trim_start_matches('/').split_once('/')?;
    (version == "latest" || VERSIONS.contains(&version)).then_some(rest)
}

/// Answers one request. Tokens are served under `latest` alone.
pub fn answer(
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    values: &Values,
    sessions: &mut Sessions,
) -> Answer {
    if path.strip_prefix("/latest/") == Some(TOKEN_PATH) {
        return match *method {
            Method::PUT => open_session(headers, sessions),
            _ => status(StatusCode::METHOD_NOT_ALLOWED),
        };
    }
    if method != Method::GET && method != Method::HEAD {
        return status(StatusCode::METHOD_NOT_ALLOWED);
    }
    let valid = headers
        .get(TOKEN_HEADER)
        .and_then(|token| sessions.ends.get(token.to_str().ok()?))
        .is_some_and(|end| *end > Instant::now());
    if !valid {
        return status(StatusCode::UNAUTHORIZED);
    }
    match without_version(path).and_then(|path| values.get(path)) {
        Some(value) => (StatusCode::OK, value),
        None => status(StatusCode::NOT_FOUND),
    }
}

/// A token for 1 to 21600 seconds. A request that came through a proxy gets none.
fn open_session(headers: &HeaderMap, sessions: &mut Sessions) -> Answer {
    if headers.contains_key("x-forwarded-for") {
        return status(StatusCode::FORBIDDEN);
    }
    let seconds = headers
        .get(TTL_HEADER)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .filter(|seconds| (1..=21600).contains(seconds));
    let Some(seconds) = seconds else {
        return status(StatusCode::BAD_REQUEST);
    };
    (StatusCode::OK, sessions.open(seconds))
}

/// An answer as the service gives it when there is nothing to say.
fn status(status: StatusCode) -> Answer {
    let body = format!(
        "<title>{} - {}</title>\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default()
    );
    (status, body)
}
