//! What a fault is, and what is expected of a supervisor that meets it. The faults themselves are in `faults/`.

use std::time::Duration;

use ecs_nanny::snapshot::{Phase, Reason};
use nix::sys::signal::Signal;

/// Deaths of processes are told within this.
pub const DEATH: Duration = Duration::from_secs(5);
/// Hangs are told within this.
pub const HANG: Duration = Duration::from_secs(15);
/// A hang of the stand-in agent, which reads its control once a second.
pub const AGENT_HANG: Duration = Duration::from_secs(16);
/// Flushed rules are back within this.
pub const FLUSHED: Duration = Duration::from_secs(75);
/// What is tried again within the budget is tried again within this, whatever comes after it included.
pub const NEXT_TRY: Duration = Duration::from_secs(75);
/// A start: the agent's, or that of a supervisor that finds everything in place.
pub const START: Duration = Duration::from_secs(20);

/// One fault: how it is done, how long it lasts, and what is expected.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Its name, for `--only`.
    pub name: &'static str,
    /// What it is, for people.
    pub what: &'static str,
    /// What is done before, not timed: the fault hits what runs then.
    pub prepare: Act,
    /// The fault.
    pub act: Act,
    /// How long it lasts, at the least until it is told.
    pub hold: Duration,
    /// Its end.
    pub end: Act,
    /// One of these has to be in the health document …
    pub told: &'static [Told],
    /// … so long after the fault began.
    pub within: Duration,
    /// What becomes of the agent.
    pub agent: Agent,
    /// So long after the fault ended, by itself: the agent runs, serves, and is told healthy.
    pub back: Duration,
    /// It is among the few that every test run does.
    pub smoke: bool,
    /// It needs what only ecs-nanny has, so other supervisors are spared it.
    pub own: bool,
}

/// What a row of the table leaves out.
pub const FAULT: Fault = Fault {
    name: "",
    what: "",
    prepare: Act::Nothing,
    act: Act::Nothing,
    hold: Duration::ZERO,
    end: Act::Nothing,
    told: &[],
    within: DEATH,
    agent: Agent::Same,
    back: START,
    smoke: false,
    own: false,
};

/// Something that is done to the host.
#[derive(Debug, Clone, Copy)]
pub enum Act {
    /// Nothing.
    Nothing,
    /// One after another.
    All(&'static [Act]),
    /// A shell script on the host, which has to succeed.
    Host(&'static str),
    /// A shell script that runs on until the fault ends.
    Meanwhile(&'static str),
    /// The stand-in agent behaves so from now on (tests/lab/README.md has the keys).
    Agent(&'static str),
    /// The faults of the metadata service, as its control takes them.
    Metadata(&'static str),
    /// The Engine API is answered by somebody else.
    FakeEngine(FakeEngine),
    /// dockerd answers again.
    RealEngine,
    /// A signal to the supervisor alone.
    Signal(Signal),
    /// The supervisor is stopped in order: SIGTERM. It has the agent's grace and 2 s, and leaves nothing behind.
    Stop,
    /// The supervisor is started.
    Start,
    /// Waits until health says so.
    Await(Phase, Option<Reason>),
}

/// Who answers in dockerd's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FakeEngine {
    /// Status 500 to everything.
    Errors,
    /// Half of an answer, then nothing.
    Halves,
    /// An answer that never ends.
    Endless,
}

/// What tells the fault in the health document.
#[derive(Debug, Clone, Copy)]
pub enum Told {
    /// The phase, and this reason.
    As(Phase, Reason),
    /// The phase, whatever the reason.
    In(Phase),
    /// The agent's end with this status.
    Exit(i64),
    /// Something had gone and was put back.
    Repaired,
    /// Another process of the supervisor answers.
    AnotherProcess,
    /// Nothing: service is not hurt, health says so all the time.
    Unhurt,
    /// It was told before it ended.
    Stopped,
}

/// What becomes of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agent {
    /// Nothing: Docker's StartedAt stays.
    Same,
    /// It runs again so soon after a moment.
    Again(From, Duration),
    /// Either: it runs when all is well.
    Either,
}

/// From when it is counted until the agent runs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// The fault.
    Begin,
    /// The end of the fault.
    End,
    /// dockerd's first answer.
    Engine,
}

impl Fault {
    /// Whether health stays healthy.
    pub fn unhurt(&self) -> bool {
        self.told.iter().any(|told| matches!(told, Told::Unhurt))
    }
}

/// Seconds, for tables.
pub const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
