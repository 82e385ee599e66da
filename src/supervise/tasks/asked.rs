//! What a registered agent is asked and looked at for beside the probe, which judges whether it hangs and must not wait for
//! more.

use std::time::Duration;

use tokio::time::Instant;

use crate::host::{connections, introspection};
use crate::supervise::news::News;

use super::{Crew, Kind};

/// How often at most.
const ASK_EVERY: Duration = Duration::from_secs(60);

impl Crew {
    /// Asks how many tasks run, and looks at the connections, at most once in [`ASK_EVERY`].
    pub fn ask_agent(&mut self) {
        let now = Instant::now();
        let every = ASK_EVERY.min(self.settings.agent.disconnected_after / 3);
        if self.agent_asked.is_some_and(|asked| now - asked < every) {
            return;
        }
        self.agent_asked = Some(now);
        self.spawn(Kind::CountTasks, async {
            let count = introspection::tasks_running(introspection::PORT).await;
            News::TasksCounted(count.map_err(|silence| silence.to_string()))
        });
        let Some(first) = self.agent_process.clone() else {
            return;
        };
        let known = self.connections.clone();
        self.spawn(Kind::Connections, async move {
            if known.as_ref().is_some_and(|known| known.stand(&first)) {
                return News::ConnectionsCounted(known);
            }
            let looking = tokio::task::spawn_blocking(move || connections::established(&first));
            News::ConnectionsCounted(looking.await.ok().flatten())
        });
    }
}
