//! `[acting]`: what is done about the host outside of it.

use std::time::Duration;

use serde::Serialize;

use super::values;

/// `[acting]`. Everything is off until it is switched on; the file `/etc/ecs-nanny/no-actions` switches all of it off.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Acting {
    /// How long the host has to be `failed` until its Auto Scaling group is told that the instance is unhealthy; `None` is
    /// written `off`.
    #[serde(serialize_with = "values::some_duration")]
    pub unhealthy_after: Option<Duration>,
    /// The Auto Scaling group; `None` takes the one that the instance's tags name, or asks for it.
    pub group: Option<String>,
    /// The launch hook that is completed: CONTINUE when the host is ready, ABANDON when it fails.
    pub launch_hook: Option<String>,
    /// How long the host has to be `failed` until its launch is abandoned.
    #[serde(serialize_with = "values::duration")]
    pub abandon_after: Duration,
    /// How often the launch hook is asked for more time until then.
    #[serde(serialize_with = "values::duration")]
    pub heartbeat: Duration,
    /// The notices at which the container instance is set to DRAINING, by their names in the health document.
    pub drain_on: Vec<String>,
    /// How long tasks have to end after that until it is said that they did not.
    #[serde(serialize_with = "values::duration")]
    pub drain_budget: Duration,
    /// A program with its arguments, run when the phase or its reason changes.
    pub command: Vec<String>,
    /// How long the host has to be unfit on certain evidence until it is switched off; `None` is written `off`.
    #[serde(serialize_with = "values::some_duration")]
    pub power_off_after: Option<Duration>,
}

impl Acting {
    /// Whether anything is switched on.
    pub fn any(&self) -> bool {
        self.unhealthy_after.is_some()
            || self.launch_hook.is_some()
            || !self.drain_on.is_empty()
            || !self.command.is_empty()
            || self.power_off_after.is_some()
    }
}

impl Default for Acting {
    fn default() -> Self {
        Acting {
            unhealthy_after: None,
            group: None,
            launch_hook: None,
            abandon_after: Duration::from_secs(600),
            heartbeat: Duration::from_secs(300),
            drain_on: Vec::new(),
            drain_budget: Duration::from_secs(120),
            command: Vec::new(),
            power_off_after: None,
        }
    }
}
