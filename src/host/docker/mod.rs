//! The Docker Engine API over its unix socket; every call with a deadline.

mod containers;
mod error;
mod images;
mod probe;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bollard::models::{SystemInfo, SystemVersion};
use futures_util::{Stream, StreamExt};

pub use containers::{Container, Ended};
pub use error::DockerError;

use error::within;

/// Deadline for calls that a healthy engine answers in milliseconds (the agent's own doctor allows 2 s; a loaded host
/// may take longer to inspect).
pub const QUICK: Duration = Duration::from_secs(5);
/// Deadline for a ping.
pub const PING: Duration = Duration::from_secs(2);

/// A client of one engine.
#[derive(Debug, Clone)]
pub struct Docker {
    client: bollard::Docker,
    socket: Arc<Path>,
}

impl Docker {
    /// Connects to an absolute socket path and agrees on an API version.
    ///
    /// # Errors
    /// [`DockerError::Unreachable`] while nobody listens, [`DockerError::Deadline`] when nobody answers.
    pub async fn connect(socket: &str) -> Result<Self, DockerError> {
        // The client's own deadline covers the wait for response headers of every call; ours are shorter.
        const LONGER_THAN_OURS: u64 = 24 * 60 * 60;
        // Not from `GET /version`, for which the engine runs several programs.
        let spoken = probe::api_version(Path::new(socket), QUICK).await?;
        let ours = bollard::API_DEFAULT_VERSION;
        let version = spoken.as_ref().filter(|spoken| *spoken < ours);
        let client =
            bollard::Docker::connect_with_unix(socket, LONGER_THAN_OURS, version.unwrap_or(ours))?;
        let client = match spoken {
            Some(_) => client,
            None => within("GET /version", QUICK, client.negotiate_version()).await?,
        };
        Ok(Docker {
            client,
            socket: Path::new(socket).into(),
        })
    }

    /// `GET /version`, `GET /info`, and the interface of the default bridge.
    ///
    /// # Errors
    /// [`DockerError`].
    pub async fn describe(
        &self,
    ) -> Result<(SystemVersion, SystemInfo, Option<String>), DockerError> {
        // The engine runs programs for each; `info` also counts images and containers, which takes a while on a cold disk.
        tokio::try_join!(
            within("GET /version", QUICK, self.client.version()),
            within("GET /info", QUICK * 3, self.client.info()),
            self.default_bridge(),
        )
    }

    /// The interface of the default bridge, normally `docker0`; `None` where Docker made none.
    ///
    /// # Errors
    /// [`DockerError`].
    async fn default_bridge(&self) -> Result<Option<String>, DockerError> {
        let call = self.client.inspect_network("bridge", None);
        let network = match within("GET /networks/bridge", QUICK, call).await {
            Err(DockerError::NotFound(_)) => return Ok(None),
            other => other?,
        };
        let mut options = network.options.unwrap_or_default();
        let is_default = options
            .get("com.docker.network.bridge.default_bridge")
            .is_some_and(|value| value == "true");
        Ok(options
            .remove("com.docker.network.bridge.name")
            .filter(|_| is_default))
    }

    /// Resolves when the engine closes the connection: it ended, was killed or is going down.
    /// Only events of a container that nobody has are asked for, so that nothing wakes us in between.
    pub async fn gone(&self) {
        /// Until it is tried again to listen, where no file could be opened for it.
        const AGAIN: Duration = Duration::from_secs(1);
        let mut events = self.no_events();
        loop {
            match events
                .next()
                .await
                .map(|event| event.map_err(DockerError::from))
            {
                Some(Ok(_)) => {}
                Some(Err(DockerError::Exhausted(_))) => {
                    tokio::time::sleep(AGAIN).await;
                    events = self.no_events();
                }
                Some(Err(_)) | None => return,
            }
        }
    }

    fn no_events(
        &self,
    ) -> impl Stream<Item = Result<bollard::models::EventMessage, bollard::errors::Error>> + Unpin
    {
        let options = bollard::query_parameters::EventsOptions {
            filters: Some([("label".to_owned(), vec!["ecs-nanny.none".to_owned()])].into()),
            ..Default::default()
        };
        Box::pin(self.client.events(Some(options)))
    }
}
