//! What the machine hears and what it asks for.

use std::time::Duration;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// SIGTERM, or Ctrl-C. The second one hurries.
    StopRequested,
    /// SIGUSR2: end, and leave agent and engine running.
    LeaveRequested,
    /// A settings or agent configuration file changed.
    ConfigurationChanged,
    /// SIGHUP: read the files, and have the agent run by them.
    ReloadAsked,
    /// The files were read again: settings, facts and plan are the new ones.
    ConfigurationRead,
    /// The agent's container is to be replaced by one of the plan in force.
    ReplacementAsked,
    /// The plan has GPUs that the agent is to offer.
    GpusWanted,
    /// A timer that was armed.
    Fired(Timer),
    /// An action ended.
    Answered(Answer),
    /// The engine closed its connections or its process ended.
    EngineLost,
    /// The agent's container ended.
    AgentEnded(Ending),
    /// Amazon's unit, which runs the agent, was stopped by somebody.
    AgentUnitStopped,
    /// Somebody started it again.
    AgentUnitStarted,
    /// An operator holds the supervision, or lets it go.
    Held(bool),
    /// Its image is being changed; the agent is not to be started meanwhile.
    ImageChanging,
    /// Its image was changed: start it anew, ending the one that runs.
    ImageChanged,
    /// The update that it asked for is refused.
    UpdateRefused,
    /// There is no image to go back to: look for one.
    ImageGone,
    /// Whether the Auto Scaling group keeps the instance in its warm pool, where no agent is started.
    Warm(bool),
    /// Whether an update was taken back, and the agent runs as it was before.
    UpdateTakenBack(bool),
}

/// How an action ended. Each action but arming answers once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Of [`Action::Check`].
    Checked {
        /// A required rule failed on certain evidence, and the settings say that it blocks.
        unfit: bool,
        /// A cluster is configured, or none is needed.
        cluster: bool,
    },
    /// Of [`Action::StartEngine`], [`Action::AwaitEngine`] and [`Action::SeekEngine`]: it answers.
    EngineUp,
    /// Of the same: it did not come up.
    EngineFailed,
    /// Of the same: its unit was stopped cleanly by somebody.
    EngineStoppedByOperator,
    /// Of [`Action::SeekEngine`]: it does not run.
    NoEngineRuns,
    /// Of [`Action::PingEngine`].
    EngineAnswers,
    /// Of the same: not within its deadline.
    EngineSilent,
    /// Of the same: it could not be asked, for ecs-nanny can open no more files.
    EngineUnasked,
    /// Of [`Action::FetchIdentity`]: known, or this is not EC2, or the service is disabled.
    IdentityKnown,
    /// Of the same: not within its budget.
    IdentityMissing,
    /// Of [`Action::AwaitCredentials`]: there, or not needed.
    CredentialsReady,
    /// Of the same: not within their budget.
    CredentialsMissing,
    /// Of [`Action::AwaitGpus`]: not there yet; another answer follows.
    GpusAwaited,
    /// Of the same: there, or the agent starts without.
    GpusReady,
    /// Of the same: not within their time.
    GpusMissing,
    /// Of [`Action::AwaitUserData`]: cloud-init has ended, or there is none.
    UserDataEnded,
    /// Of the same: it did not run the user data, or not within its budget.
    UserDataFailed {
        /// The settings say that the agent is then not started.
        refused: bool,
    },
    /// Of [`Action::ApplyPlan`]; what failed is a finding.
    PlanApplied,
    /// Of [`Action::PrepareImage`].
    ImageReady,
    /// Of the same.
    ImageMissing {
        /// There is one, and it can't be used.
        invalid: bool,
    },
    /// Of [`Action::AdoptAgent`]: no agent runs.
    NothingToAdopt,
    /// Of [`Action::LaunchAgent`] and [`Action::AdoptAgent`].
    AgentRunning {
        /// It was running already.
        adopted: bool,
    },
    /// Of [`Action::LaunchAgent`].
    LaunchFailed,
    /// Of the same: another agent runs.
    AgentRefused,
    /// Of [`Action::ProbeAgent`].
    AgentProbed(Probe),
    /// Of the same, once in a while: whether the agent holds a connection.
    AgentConnected(bool),
    /// Of [`Action::ExamineExit`].
    ExitExamined(Verdict),
    /// Of [`Action::StopAgent`], whether or not it could be stopped.
    AgentStopped,
    /// Of [`Action::UndoPlan`].
    PlanUndone,
    /// Of [`Action::StopEngine`].
    EngineStopped,
}

/// What the agent's introspection said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// It names its container instance.
    Registered,
    /// It answers without one.
    Unregistered,
    /// It did not answer within the deadline.
    Silent,
    /// It could not be asked, for ecs-nanny can open no more files.
    Unasked,
}

/// How the agent's container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Exit status 5: the agent asks not to be started again.
    Terminal,
    /// Anything else, 0 included: nobody asked it to end.
    Failure,
    /// It asks for another image, or its image failed its probation.
    ForAnotherImage,
}

/// What is to be done about an agent that asked not to be started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// What made it end was mended: start it as after any failure.
    Mended,
    /// It may pass by itself: the slow lane.
    Curable,
    /// It will not pass by itself.
    Terminal,
}

/// Timers; arming one again replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// Start the agent again.
    Agent,
    /// Probe the agent.
    Probe,
    /// Forget the agent's failures.
    Forgive,
    /// Start the engine again.
    Engine,
    /// Ping the engine.
    Ping,
    /// Ask the metadata service again.
    Identity,
    /// Look for the image again.
    Image,
    /// Run the rules again.
    Check,
    /// Compare the packet filter with the plan.
    Reassert,
    /// End an agent that has been silent for too long.
    Silent,
    /// Tell of an agent that has had no connection for too long.
    Disconnected,
    /// Start it again.
    Reconnect,
    /// It may be started again for that once more.
    ReconnectAgain,
    /// End an engine that has been hanging for too long.
    Hung,
    /// The hold is over.
    Hold,
    /// Ask for credentials again.
    Credentials,
    /// Look for the GPUs' devices again.
    Gpus,
    /// Look for the end of cloud-init again.
    UserData,
}

impl Timer {
    /// Every timer.
    pub const ALL: [Timer; 18] = [
        Timer::Agent,
        Timer::Probe,
        Timer::Forgive,
        Timer::Engine,
        Timer::Ping,
        Timer::Identity,
        Timer::Image,
        Timer::Check,
        Timer::Reassert,
        Timer::Silent,
        Timer::Disconnected,
        Timer::Reconnect,
        Timer::ReconnectAgain,
        Timer::Hung,
        Timer::Hold,
        Timer::Credentials,
        Timer::Gpus,
        Timer::UserData,
    ];

    /// Looks at what is well, again and again.
    pub fn keeps_watch(self) -> bool {
        matches!(self, Timer::Probe | Timer::Ping | Timer::Reassert)
    }

    /// Retries of what may fail on a whole fleet at once are spread; probes keep their rate.
    pub fn jittered(self) -> bool {
        match self {
            Timer::Agent
            | Timer::Engine
            | Timer::Identity
            | Timer::Image
            | Timer::Check
            | Timer::Credentials
            | Timer::Gpus
            | Timer::UserData => true,
            Timer::Probe
            | Timer::Forgive
            | Timer::Ping
            | Timer::Reassert
            | Timer::Silent
            | Timer::Disconnected
            | Timer::Reconnect
            | Timer::ReconnectAgain
            | Timer::Hung
            | Timer::Hold => false,
        }
    }
}

/// What is to be done. The shell runs each as a task with a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Read facts and settings, run the rules, make the plan.
    Check,
    /// Start the engine and wait until it answers.
    StartEngine,
    /// See whether the engine runs already, and start nothing.
    SeekEngine,
    /// Wait until somebody starts the engine's unit.
    AwaitEngine,
    /// Tell when the engine goes away.
    FollowEngine,
    /// See whether the engine answers.
    PingEngine,
    /// Ask the metadata service for the instance's identity.
    FetchIdentity,
    /// Wait for the credentials of the instance profile.
    AwaitCredentials,
    /// Wait for the GPU driver's devices and have the agent's list made.
    AwaitGpus,
    /// Wait until cloud-init has run the user data.
    AwaitUserData,
    /// End the agent, which does not answer; its follower tells when it has ended.
    EndAgent,
    /// Stop the agent, which has no connection, within its grace; its follower tells when it has ended.
    RenewAgent,
    /// End the engine, which does not answer, where the settings and what runs in it allow.
    EndEngine,
    /// Put the plan's files and network parts on the host.
    ApplyPlan,
    /// Mend what of it has gone. Answers like [`Action::ApplyPlan`].
    ReassertPlan,
    /// See to it that the agent's image is loaded.
    PrepareImage,
    /// Take over the agent's container if it runs.
    AdoptAgent,
    /// Take over, start again or create the agent's container.
    LaunchAgent,
    /// Wait until somebody starts the agent's unit.
    AwaitAgent,
    /// Tell when the agent's container ends.
    FollowAgent,
    /// Ask the agent's introspection.
    ProbeAgent,
    /// Read the last lines of the agent that ended.
    ExamineExit,
    /// Stop the agent's container, within its grace.
    StopAgent {
        /// Without grace.
        hurry: bool,
    },
    /// Take the plan's network parts off the host.
    UndoPlan,
    /// Stop the child engine.
    StopEngine,
    /// End the process.
    Exit,
    /// Fire later.
    Arm {
        /// Which timer.
        timer: Timer,
        /// When, at the latest.
        after: Duration,
    },
    /// Don't fire.
    Disarm(Timer),
    /// Fire nothing any more.
    DisarmAll,
}

impl Action {
    pub(super) fn arm(timer: Timer, after: Duration) -> Action {
        Action::Arm { timer, after }
    }
}
