//! `[gpu]`: NVIDIA GPUs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Switch, values};

/// `[gpu]`: NVIDIA GPUs. On a host without their hardware nothing of it has an effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gpu {
    /// How long the driver's devices are awaited where the agent is to offer GPUs; `None` is written `off`.
    #[serde(serialize_with = "values::some_duration")]
    pub wait: Option<Duration>,
    /// What becomes of the agent when they have not come.
    pub without_driver: WithoutDriver,
    /// Whether the runtime `nvidia` is entered in Docker's configuration.
    pub configure_runtime: Switch,
}

/// What becomes of the agent on a GPU host without a working driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WithoutDriver {
    /// It is not started, and the devices are looked for again.
    Block,
    /// It is started, and offers no GPU.
    Start,
}

impl Default for Gpu {
    fn default() -> Self {
        Gpu {
            wait: Some(Duration::from_secs(120)),
            without_driver: WithoutDriver::Block,
            configure_runtime: Switch::Off,
        }
    }
}
