//! The small states in which the parts stand.

/// What the supervision is to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// The agent runs and is registered.
    Run,
    /// Everything that we started stops.
    Stop,
    /// This process ends; agent and engine run on.
    Leave,
}

/// What the rules say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fitness {
    /// Not known yet.
    Unknown,
    /// The agent may run.
    Fit,
    /// A required rule failed on certain evidence.
    Unfit,
}

/// The engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineState {
    /// Nobody has looked yet.
    Unknown,
    /// It is seen whether it runs already, on a host that is not fit.
    Sought,
    /// Being started and awaited.
    Starting,
    /// It answers.
    Up,
    /// It did not come up or went away; tried again at a timer.
    Down,
    /// Somebody stopped its unit; we wait until somebody starts it.
    StoppedByOperator,
    /// It was up and does not answer.
    Hung,
}

/// What stands between the host and its agent, besides the engine: one state for identity, image and network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Not begun.
    Open,
    /// Under way.
    Busy,
    /// There, or not needed.
    Met,
    /// Not there; tried again at a timer.
    Missing,
}

/// The agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentState {
    /// Not started; started as soon as everything it needs is there.
    Idle,
    /// The engine is asked whether it runs already.
    Sought,
    /// Its container is being started or taken over.
    Launching,
    /// It runs.
    Running {
        /// It is registered in its cluster.
        registered: bool,
        /// Silent probes in a row.
        silent: u32,
        /// Probes so far, for the rate.
        probes: u32,
    },
    /// It ended; started again at a timer.
    BackingOff,
    /// It ended with status 5; its last lines are being read.
    Examining,
    /// It ended terminally; started again at a slow timer.
    Failed,
    /// Another agent runs beside which it is not started; tried again at a timer.
    Refused,
    /// Somebody stopped its unit; we wait until somebody starts it.
    StoppedByOperator,
    /// Being stopped.
    Stopping,
    /// Stopped.
    Stopped,
}

impl AgentState {
    /// It is started again at a timer.
    pub fn waits(self) -> bool {
        matches!(
            self,
            AgentState::BackingOff | AgentState::Failed | AgentState::Refused
        )
    }
}

/// The connections of the agent that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// It holds some, or nobody can tell.
    Held,
    /// It holds none, for a while.
    Cut,
    /// It has held none for so long that it is told.
    Lost,
}
