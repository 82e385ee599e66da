//! Questions of whose answer only the head counts. They are asked as long as the daemon lives, so they cost little: the
//! engine's description of a container is several kilobytes that nobody would read.

use std::path::Path;
use std::time::Duration;

use bollard::ClientVersion;
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::error::within;
use super::{Docker, DockerError, PING};

impl Docker {
    /// `GET /_ping`.
    ///
    /// # Errors
    /// [`DockerError::Deadline`] after [`PING`], or what the engine said.
    pub async fn ping(&self) -> Result<(), DockerError> {
        self.ping_within(PING).await
    }

    /// The same with a deadline of its own.
    ///
    /// # Errors
    /// [`DockerError::Deadline`], or what the engine said.
    pub async fn ping_within(&self, deadline: Duration) -> Result<(), DockerError> {
        within(PING_CALL, deadline, head(&self.socket, "/_ping")).await?;
        Ok(())
    }

    /// Whether the engine can say anything of a container, be it that there is none: one that is stuck with it still
    /// answers pings.
    ///
    /// # Errors
    /// [`DockerError::Deadline`] after [`PING`], or what the engine said.
    pub async fn answers_about(&self, container: &str) -> Result<(), DockerError> {
        let path = format!("/containers/{container}/json");
        let asking = head(&self.socket, &path);
        match within("GET /containers/{id}/json", PING, asking).await {
            Err(DockerError::NotFound(_)) => Ok(()),
            other => other.map(drop),
        }
    }
}

const PING_CALL: &str = "GET /_ping";

/// The newest version of the API that the engine speaks, as it says in its answer to a ping; `None` where it does not, as
/// before Docker 17.04.
pub(super) async fn api_version(
    socket: &Path,
    deadline: Duration,
) -> Result<Option<ClientVersion>, DockerError> {
    let answer = within(PING_CALL, deadline, head(socket, "/_ping")).await?;
    let header = answer.headers().get("api-version");
    Ok(header
        .and_then(|version| version.to_str().ok())
        .and_then(|version| {
            let (major, minor) = version.split_once('.')?;
            Some(ClientVersion {
                major_version: major.parse().ok()?,
                minor_version: minor.parse().ok()?,
            })
        }))
}

/// The head of the answer, over a connection of its own; what follows it is left unread.
async fn head(socket: &Path, path: &str) -> Result<Response<Incoming>, DockerError> {
    let stream = UnixStream::connect(socket)
        .await
        .map_err(|error| DockerError::connecting(socket, &error))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| DockerError::Unreachable(error.to_string()))?;
    let request = Request::get(path)
        .header("host", "docker")
        .body(Empty::<Bytes>::new())
        .map_err(|error| DockerError::Answer(error.to_string()))?;
    let answering = sender.send_request(request);
    tokio::pin!(answering);
    // The connection may end, its work done, before the answer is taken from it.
    let answer = tokio::select! {
        answer = &mut answering => answer,
        _ended = connection => answering.await,
    };
    let answer = answer.map_err(|error| DockerError::Unreachable(error.to_string()))?;
    let status = answer.status();
    let said = || status.canonical_reason().unwrap_or_default().to_owned();
    match status.as_u16() {
        200..=299 => Ok(answer),
        404 => Err(DockerError::NotFound(said())),
        status => Err(DockerError::Refused {
            status,
            message: said(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    use super::*;

    /// What a ping makes of an engine that says this.
    async fn pinged(answer: &str) -> Result<Option<String>, DockerError> {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let serving = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 1024];
            assert!(stream.read(&mut asked).await.unwrap() > 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
        };
        let (version, ()) = tokio::join!(api_version(&socket, PING), serving);
        version.map(|version| version.map(|version| version.to_string()))
    }

    #[tokio::test]
    async fn the_version_is_in_the_head() {
        let version = pinged("HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK");
        assert_eq!(version.await.unwrap().as_deref(), Some("1.41"));
        let none = pinged("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK").await;
        assert_eq!(none.unwrap(), None);
        let garbled = pinged("HTTP/1.1 200 OK\r\nApi-Version: new\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(garbled.await.unwrap(), None);
    }

    #[tokio::test]
    async fn errors_are_told_apart() {
        let absent = api_version(Path::new("/nonexistent/docker.sock"), PING).await;
        let told = absent.unwrap_err().to_string();
        assert_eq!(
            told,
            "the Docker daemon can't be reached: /nonexistent/docker.sock does not exist"
        );
        assert!(matches!(
            pinged("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n").await,
            Err(DockerError::Refused { status: 500, .. })
        ));
        assert!(matches!(pinged("").await, Err(DockerError::Unreachable(_))));
    }
}
