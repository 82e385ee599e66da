//! How calls to the engine fail.

use std::error::Error as _;
use std::future::Future;
use std::path::Path;
use std::time::Duration;

use bollard::errors::Error;

use crate::host::process;

/// A call to the engine failed.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// Nobody listens: no socket, connection refused or closed.
    #[error("the Docker daemon can't be reached: {0}")]
    Unreachable(String),
    /// Not even asked: this process or the host can open no more files.
    #[error("the Docker daemon can't be asked: {0}")]
    Exhausted(String),
    /// Connected, and no answer in time.
    #[error("the Docker daemon did not answer {call} within {} s", .after.as_secs())]
    Deadline {
        /// Method and path.
        call: &'static str,
        /// How long it had.
        after: Duration,
    },
    /// No such container, image or network.
    #[error("{0}")]
    NotFound(String),
    /// The name or state is already taken.
    #[error("{0}")]
    Conflict(String),
    /// The engine answered with another error.
    #[error("the Docker daemon answered {status}: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The engine's words.
        message: String,
    },
    /// A local file could not be read.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What happened.
        error: std::io::Error,
    },
    /// The answer made no sense.
    #[error("the Docker daemon's answer can't be used: {0}")]
    Answer(String),
}

impl DockerError {
    /// Why nobody could be asked at a socket.
    pub(super) fn connecting(socket: &Path, error: &std::io::Error) -> Self {
        match error.kind() {
            _ if process::exhausted(error) => DockerError::Exhausted(error.to_string()),
            std::io::ErrorKind::NotFound => {
                DockerError::Unreachable(format!("{} does not exist", socket.display()))
            }
            _ => DockerError::Unreachable(error.to_string()),
        }
    }
}

impl From<Error> for DockerError {
    fn from(error: Error) -> Self {
        if first(&error).is_some_and(process::exhausted) {
            return DockerError::Exhausted(cause(&error));
        }
        match error {
            Error::DockerResponseServerError {
                status_code,
                message,
            } => match status_code {
                404 => DockerError::NotFound(message),
                409 => DockerError::Conflict(message),
                status => DockerError::Refused { status, message },
            },
            Error::SocketNotFoundError(path) => {
                DockerError::Unreachable(format!("{path} does not exist"))
            }
            Error::HyperResponseError { .. }
            | Error::HyperLegacyError { .. }
            | Error::IOError { .. } => DockerError::Unreachable(cause(&error)),
            other => DockerError::Answer(chain(&other)),
        }
    }
}

/// The causes of an error in one line: the client's own message hides "connection refused".
fn chain(error: &Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !line.contains(&words) {
            line = format!("{line}: {words}");
        }
        cause = error.source();
    }
    line
}

/// What the system said, where that is what began it.
fn first(error: &Error) -> Option<&std::io::Error> {
    // That one stands for its error, and is not its cause.
    if let Error::IOError { err } = error {
        return Some(err);
    }
    let mut said = None;
    let mut cause = error.source();
    while let Some(error) = cause {
        said = error.downcast_ref().or(said);
        cause = error.source();
    }
    said
}

/// What began it; the layers of the client above it tell a reader nothing.
fn cause(error: &Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = error.to_string();
        cause = error.source();
    }
    line
}

/// Runs one call under a deadline.
pub(super) async fn within<T, E: Into<DockerError>>(
    call: &'static str,
    after: Duration,
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, DockerError> {
    match tokio::time::timeout(after, future).await {
        Ok(result) => result.map_err(Into::into),
        Err(_) => Err(DockerError::Deadline { call, after }),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn want_of_files_is_not_taken_for_an_engine_that_is_gone() {
        let said = |number| {
            DockerError::from(Error::IOError {
                err: io::Error::from_raw_os_error(number),
            })
        };
        use nix::errno::Errno;
        assert!(matches!(
            said(Errno::EMFILE as i32),
            DockerError::Exhausted(_)
        ));
        assert!(matches!(
            said(Errno::ENFILE as i32),
            DockerError::Exhausted(_)
        ));
        assert!(matches!(
            said(Errno::ECONNREFUSED as i32),
            DockerError::Unreachable(_)
        ));
    }
}
