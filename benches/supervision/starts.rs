//! When the agent's container was started, as dockerd says in its events.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use bollard::query_parameters::EventsOptions;
use futures_util::StreamExt;

/// Follows the events of whatever daemon listens, on a thread of its own: the floor must not wait for it.
pub struct Starts(Arc<Mutex<Vec<SystemTime>>>);

impl Starts {
    /// Begins; the thread ends with the process.
    pub fn follow(socket: String, container: String) -> Self {
        let starts = Starts(Arc::default());
        let seen = starts.0.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                loop {
                    // Without a daemon, and at the end of one, which ends its events.
                    let _ = events(&socket, &container, &seen).await;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            });
        });
        starts
    }

    /// The first one after a moment.
    pub fn first_after(&self, moment: SystemTime) -> Option<SystemTime> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().copied().find(|at| *at > moment)
    }
}

async fn events(socket: &str, container: &str, seen: &Mutex<Vec<SystemTime>>) -> Result<()> {
    let client = bollard::Docker::connect_with_unix(socket, 3600, bollard::API_DEFAULT_VERSION)?;
    let client = client.negotiate_version().await?;
    let filter = |key: &str, value: &str| (key.to_owned(), vec![value.to_owned()]);
    let options = EventsOptions {
        // What happened while we were connecting; a daemon tells what it did since its start.
        since: Some("1".to_owned()),
        until: None,
        filters: Some(HashMap::from([
            filter("container", container),
            filter("event", "start"),
        ])),
    };
    let mut events = Box::pin(client.events(Some(options)));
    while let Some(event) = events.next().await {
        if let Some(nanoseconds) = event?.time_nano {
            let at = UNIX_EPOCH + Duration::from_nanos(u64::try_from(nanoseconds)?);
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(at);
        }
    }
    Ok(())
}
