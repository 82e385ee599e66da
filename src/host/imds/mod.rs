//! Client of the EC2 instance metadata service, version 2 alone.

mod credentials;
mod error;
mod retry;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{Client, Response, StatusCode, redirect};
use tokio::sync::Mutex;
use tokio::time::Instant;

pub use credentials::CredentialsState;
pub use error::ImdsError;
pub use retry::{Waiting, with_budget};

/// The schema that paths are read in. A fixed one keeps its form when EC2 adds another; this one is the first with
/// `autoscaling/target-lifecycle-state`, the newest category that is read here
/// (EC2 User Guide, "Instance metadata categories").
pub const SCHEMA: &str = "2021-07-15";

/// The most that is read of one answer, in bytes. The longest that EC2 gives is user data, at most 16 KiB.
pub const BODY_LIMIT: usize = 64 * 1024;

/// The longest life that a token can have (EC2 User Guide, "Use the Instance Metadata Service").
const TOKEN_TTL: Duration = Duration::from_secs(21600);

/// A token is renewed when this much of its life is over.
const TOKEN_RENEWAL: f64 = 0.8;

const TOKEN_PATH: &str = "api/token";
const TOKEN_HEADER: &str = "x-aws-ec2-metadata-token";
const TTL_HEADER: &str = "x-aws-ec2-metadata-token-ttl-seconds";

/// How long the service has for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// To take the connection.
    pub connect: Duration,
    /// To answer, once connected.
    pub read: Duration,
}

impl Default for Deadlines {
    /// 1 s and 2 s: the service is on the host, and one that is there answers in milliseconds.
    fn default() -> Self {
        Deadlines {
            connect: Duration::from_secs(1),
            read: Duration::from_secs(2),
        }
    }
}

/// A session with the service. Proxies and redirects are never used.
#[derive(Debug)]
pub struct Imds {
    client: Client,
    endpoints: Vec<String>,
    session: Mutex<Option<Session>>,
}

/// The token, and the endpoint that gave it.
#[derive(Debug, Clone)]
struct Session {
    endpoint: String,
    /// Marked as sensitive, so that it is not printed.
    token: HeaderValue,
    renew_at: Instant,
}

impl Imds {
    /// A client of the service at these base addresses, tried in this order, for example `http://169.254.169.254`.
    ///
    /// # Errors
    /// [`ImdsError::Endpoint`] for an address that is none, or where there is none at all.
    pub fn new<S: AsRef<str>>(endpoints: &[S]) -> Result<Self, ImdsError> {
        Self::with_deadlines(endpoints, Deadlines::default())
    }

    /// The same with other deadlines.
    ///
    /// # Errors
    /// Those of [`Imds::new`].
    pub fn with_deadlines<S: AsRef<str>>(
        endpoints: &[S],
        deadlines: Deadlines,
    ) -> Result<Self, ImdsError> {
        let endpoints = endpoints
            .iter()
            .map(|endpoint| base_address(endpoint.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        if endpoints.is_empty() {
            return Err(ImdsError::Endpoint(String::new()));
        }
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(deadlines.connect)
            .timeout(deadlines.connect + deadlines.read)
            .pool_max_idle_per_host(1)
            .build()
            .map_err(|error| unreachable_service(&error))?;
        Ok(Imds {
            client,
            endpoints,
            session: Mutex::new(None),
        })
    }

    /// The text at a path below the version, for example `meta-data/instance-id`; `None` where the service has no such
    /// path. A directory's text is the names in it, one a line.
    ///
    /// # Errors
    /// See [`ImdsError`].
    pub async fn get(&self, path: &str) -> Result<Option<String>, ImdsError> {
        let Some(response) = self.request(path).await? else {
            return Ok(None);
        };
        let bytes = read_body(response, path).await?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(ImdsError::garbled(path, "text")),
        }
    }

    /// Whether there is anything at a path. What is there is not read.
    ///
    /// # Errors
    /// See [`ImdsError`].
    pub async fn exists(&self, path: &str) -> Result<bool, ImdsError> {
        Ok(self.request(path).await?.is_some())
    }

    /// Asks, with a new token if the one at hand was refused.
    async fn request(&self, path: &str) -> Result<Option<Response>, ImdsError> {
        let session = self.session().await?;
        let mut response = self.request_in(&session, path).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            self.forget(&session).await;
            let session = self.session().await?;
            response = self.request_in(&session, path).await?;
        }
        match response.status() {
            StatusCode::OK => Ok(Some(response)),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(failure(status, path)),
        }
    }

    async fn request_in(&self, session: &Session, path: &str) -> Result<Response, ImdsError> {
        let sent = self
            .client
            .get(format!("{}/{SCHEMA}/{path}", session.endpoint))
            .header(TOKEN_HEADER, session.token.clone())
            .send()
            .await;
        match sent {
            Ok(response) => Ok(response),
            Err(error) => {
                // The next request starts with the first endpoint again.
                self.forget(session).await;
                Err(unreachable_service(&error))
            }
        }
    }

    async fn forget(&self, session: &Session) {
        let mut current = self.session.lock().await;
        if current
            .as_ref()
            .is_some_and(|current| current.token == session.token)
        {
            *current = None;
        }
    }

    /// The session at hand, or a new one from the first endpoint that gives one.
    async fn session(&self) -> Result<Session, ImdsError> {
        let mut current = self.session.lock().await;
        if let Some(session) = &*current
            && session.renew_at > Instant::now()
        {
            return Ok(session.clone());
        }
        let mut unreachable = Vec::new();
        for endpoint in &self.endpoints {
            match self.open_session(endpoint).await {
                Ok(session) => {
                    *current = Some(session.clone());
                    return Ok(session);
                }
                Err(ImdsError::Unreachable(why)) => unreachable.push(why),
                Err(error) => return Err(error),
            }
        }
        Err(ImdsError::Unreachable(unreachable.join("; ")))
    }

    async fn open_session(&self, endpoint: &str) -> Result<Session, ImdsError> {
        let asked_at = Instant::now();
        let response = self
            .client
            .put(format!("{endpoint}/latest/{TOKEN_PATH}"))
            .header(TTL_HEADER, TOKEN_TTL.as_secs())
            .send()
            .await
            .map_err(|error| unreachable_service(&error))?;
        if response.status() != StatusCode::OK {
            return Err(failure(response.status(), TOKEN_PATH));
        }
        let bytes = read_body(response, TOKEN_PATH).await?;
        let mut token = HeaderValue::from_bytes(&bytes)
            .map_err(|_| ImdsError::garbled(TOKEN_PATH, "a token"))?;
        token.set_sensitive(true);
        Ok(Session {
            endpoint: endpoint.to_owned(),
            token,
            renew_at: asked_at + TOKEN_TTL.mul_f64(TOKEN_RENEWAL),
        })
    }
}

fn base_address(text: &str) -> Result<String, ImdsError> {
    let wrong = || ImdsError::Endpoint(text.to_owned());
    let url = reqwest::Url::parse(text).map_err(|_| wrong())?;
    if url.scheme() != "http" || !url.has_host() {
        return Err(wrong());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn failure(status: StatusCode, path: &str) -> ImdsError {
    let path = path.to_owned();
    match status {
        StatusCode::FORBIDDEN => ImdsError::Disabled { path },
        status => ImdsError::Status {
            path,
            status: status.as_u16(),
        },
    }
}

async fn read_body(mut response: Response, path: &str) -> Result<Vec<u8>, ImdsError> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| unreachable_service(&error))?
    {
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(ImdsError::TooLong {
                path: path.to_owned(),
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The endpoint and the innermost cause, for example `http://169.254.169.254: Connection refused (os error 111)`.
fn unreachable_service(error: &reqwest::Error) -> ImdsError {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let endpoint = error
        .url()
        .map(|url| url.origin().ascii_serialization())
        .unwrap_or_default();
    let why = if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        cause.to_string()
    };
    ImdsError::Unreachable(format!("{endpoint}: {why}"))
}
