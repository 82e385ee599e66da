//! A missing image, fetched where the settings ask for it: by another process, for the daemon has no TLS.

use std::time::Duration;

use tokio::time::Instant;

use crate::host::program;
use crate::host::systemd;
use crate::settings::Fetch;
use crate::supervise::news::News;

use super::units::run_step;
use super::{Crew, Kind};

/// Fetches as `ecs-nanny image fetch` does.
const STEP: &str = "ecs-nanny-step@fetch.service";
/// Longer than the unit's own deadline (`TimeoutStartSec=11min`), by which systemd ends it.
const DEADLINE: Duration = Duration::from_secs(12 * 60);
/// The longest wait after a failed fetch: what a whole fleet asks for is not asked for each minute.
const AGAIN: Duration = Duration::from_secs(300);

/// How far the fetching of a missing image is.
#[derive(Debug, Default)]
pub enum Fetching {
    /// Nothing was fetched, or what was fetched is in place.
    #[default]
    Idle,
    /// It is on its way.
    Running,
    /// It failed.
    Failed {
        /// Why.
        why: String,
        /// When it is tried again.
        again_at: Instant,
    },
}

impl Crew {
    /// Begins to fetch the image where the settings ask for that, and it is time.
    pub fn fetch_missing(&mut self) {
        let due = match &self.fetching {
            Fetching::Idle => true,
            Fetching::Running => false,
            Fetching::Failed { again_at, .. } => *again_at <= Instant::now(),
        };
        if self.settings.agent.fetch == Fetch::Never || !due {
            return;
        }
        tracing::info!("fetching the agent's image (agent.fetch = \"missing\")");
        self.fetching = Fetching::Running;
        let by_systemd = systemd::is_here(&self.root);
        self.spawn(Kind::Fetch, async move {
            News::ImageFetched(match by_systemd {
                true => run_step(STEP, DEADLINE)
                    .await
                    .map_err(|error| format!("{error}; see: journalctl -u {STEP}")),
                // Without systemd there is no sandbox either.
                false => child().await,
            })
        });
    }

    /// Notes how fetching ended.
    pub fn fetched(&mut self, result: Result<(), String>) {
        self.fetching = match result {
            Ok(()) => Fetching::Idle,
            Err(why) => Fetching::Failed {
                why,
                again_at: Instant::now() + AGAIN.mul_f64(0.5 + fastrand::f64() / 2.0),
            },
        };
    }

    /// Why the image is missing, with how far its fetching is.
    pub fn image_awaited(&self, why: &str) -> String {
        match &self.fetching {
            Fetching::Idle => why.to_owned(),
            Fetching::Running => format!("it is being fetched; {why}"),
            Fetching::Failed { why: failed, .. } => {
                format!("fetching it failed and is tried again within 5 minutes: {failed}; {why}")
            }
        }
    }
}

async fn child() -> Result<(), String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let own = own.display().to_string();
    let fetched = program::run(&own, &["step", "fetch"], "", DEADLINE).await;
    fetched.map(drop).map_err(|error| error.to_string())
}
