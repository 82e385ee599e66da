//! The clocks of the supervision: waits, budgets and probe rates.

use std::time::Duration;

/// Agent failures after which it is retried in the slow lane.
pub const BUDGET: u32 = 10;
/// The first wait after the immediate restart; doubled for each further failure.
pub const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait within the budget.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How long the agent has to be registered before its failures are forgotten.
pub const FORGIVEN_AFTER: Duration = Duration::from_secs(600);
/// How often a registered agent and the engine are probed. With two silent probes ([`PROBE_AGAIN`]) and a deadline of
/// 2 s each, a hang shows within 15 s.
pub const PROBE_EVERY: Duration = Duration::from_secs(9);
/// The next probe after a silent one.
pub const PROBE_AGAIN: Duration = Duration::from_secs(1);
/// Silent probes in a row that mean a hang.
pub const SILENT_PROBES: u32 = 2;
/// How often the packet filter is compared with the plan, and mended.
pub const REASSERT_EVERY: Duration = Duration::from_secs(60);
/// How often an agent that has not registered is probed: at first, and after [`QUICK_PROBES`].
pub const PROBE_NEW: Duration = Duration::from_millis(250);
/// Probes at the quick rate.
pub const QUICK_PROBES: u32 = 40;
/// How often an agent is probed that has not registered for a while.
pub const PROBE_UNREGISTERED: Duration = Duration::from_secs(5);

/// How long a restart of a disconnected agent keeps off the next one.
pub const RECONNECT_AGAIN: Duration = Duration::from_secs(3600);

/// The longest wait before the next try, after so many failures: none, 0.5 s doubling to 60 s, then the slow lane. The
/// shell takes a random part of it (full jitter).
pub fn wait_after(failures: u32, slow: Duration) -> Duration {
    match failures {
        0 | 1 => Duration::ZERO,
        spent if spent > BUDGET => slow,
        some => FIRST_WAIT
            .saturating_mul(1 << (some - 2).min(16))
            .min(LONGEST_WAIT),
    }
}

/// What the settings decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The wait in the slow lane, and between tries of what ended terminally.
    pub slow_retry: Duration,
    /// The daemon ends when the agent ends terminally or the host is unfit.
    pub exit_on_failed: bool,
    /// The engine is our child and stops with us.
    pub owns_engine: bool,
    /// How long a registered agent may be silent until it is ended and started again; `None` leaves it.
    pub restart_silent_agent: Option<Duration>,
    /// How long a registered agent may have no connection until it is told.
    pub disconnected_after: Duration,
    /// How long after that it is started again; `None` leaves it.
    pub restart_disconnected: Option<Duration>,
    /// How long the engine may hang until its restart is considered; `None` leaves it.
    pub restart_hung_engine: Option<Duration>,
}
