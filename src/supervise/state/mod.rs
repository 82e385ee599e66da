//! The pure machine: `step(State, Event) -> Vec<Action>`, no clock, no I/O, no randomness.
//!
//! Each part (engine, instance, image, network, agent) stands in a small state of its own. An event moves the part that
//! it speaks of; then [`State::advance`] starts whatever has become possible. One desired state drives it all: the agent
//! runs and is registered until someone says stop.

mod agent;
mod clocks;
mod end;
mod engine;
mod events;
mod hold;
mod image;
mod link;
mod needs;
mod parts;
mod phase;
#[cfg(test)]
mod tests;

use crate::snapshot::Reason;

pub use clocks::*;
pub use events::{Action, Answer, Ending, Event, Probe, Timer, Verdict};
pub use parts::{AgentState, EngineState, Fitness, Goal, Link, Need};

use needs::{missing, retry};

/// Where everything stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// What is to be reached.
    pub goal: Goal,
    /// What the rules say.
    pub fitness: Fitness,
    /// A cluster is configured, or none is needed.
    pub cluster: bool,
    /// The Auto Scaling group keeps the instance in its warm pool.
    pub warm: bool,
    /// The Docker daemon.
    pub engine: EngineState,
    /// Silent pings of the engine in a row.
    pub engine_silent: u32,
    /// The engine could not be asked the last time, for want of files.
    pub engine_unasked: bool,
    /// Nor could the agent.
    pub agent_unasked: bool,
    /// Failures of the engine since it was last up.
    pub engine_failures: u32,
    /// Identity of the instance.
    pub identity: Need,
    /// Packet filter, kernel parameters, files.
    pub network: Need,
    /// The agent's image in the engine.
    pub image: Need,
    /// A self-update changes the image.
    pub changing_image: bool,
    /// A self-update was taken back: the agent runs as it was before.
    pub update_taken_back: bool,
    /// The image can't be used, as against not being there.
    pub image_invalid: bool,
    /// The agent.
    pub agent: AgentState,
    /// Since the engine came up it was asked whether the agent runs already. Nothing else is needed to take it over.
    pub looked_for_agent: bool,
    /// Failures of the agent since it was last forgiven.
    pub failures: u32,
    /// Failures charged to the agent since it last ran: taken back when its engine turns out to have gone away.
    pub charged: u32,
    /// The agent ran at least once.
    pub launched: bool,
    /// What took the agent away last; the reason while it is brought back.
    pub loss: Reason,
    /// The agent was registered once, so that its absence is a fault and not a beginning.
    pub was_healthy: bool,
    /// The agent's connections.
    pub link: Link,
    /// It was started again for want of them within the last hour.
    pub renewed: bool,
    /// How often the agent was started again.
    pub restarts: u32,
    /// The user data has run: cloud-init has ended.
    pub user_data: Need,
    /// cloud-init has ended; what it wrote is being read.
    pub user_data_ended: bool,
    /// The user data did not run, and the settings say that the agent is then not started.
    pub user_data_refused: bool,
    /// The instance profile's credentials are there.
    pub credentials: Need,
    /// GPUs that the agent is to offer are there; without any it is met.
    pub gpus: Need,
    /// They were not there at the first look.
    pub gpus_awaited: bool,
    /// An operator holds the supervision.
    pub held: bool,
    /// What the settings decide.
    pub policy: Policy,
}

impl State {
    /// The state at exec, and what to do first.
    pub fn start(policy: Policy) -> (State, Vec<Action>) {
        let state = State {
            goal: Goal::Run,
            fitness: Fitness::Unknown,
            cluster: false,
            warm: false,
            engine: EngineState::Unknown,
            engine_silent: 0,
            engine_unasked: false,
            agent_unasked: false,
            engine_failures: 0,
            identity: Need::Open,
            network: Need::Open,
            image: Need::Open,
            changing_image: false,
            update_taken_back: false,
            image_invalid: false,
            agent: AgentState::Idle,
            looked_for_agent: false,
            failures: 0,
            charged: 0,
            launched: false,
            loss: Reason::AgentExited,
            was_healthy: false,
            link: Link::Held,
            renewed: false,
            restarts: 0,
            user_data: Need::Open,
            user_data_ended: false,
            user_data_refused: false,
            credentials: Need::Open,
            gpus: Need::Met,
            gpus_awaited: false,
            held: false,
            policy,
        };
        (state, vec![Action::Check])
    }

    /// Takes one event and says what is to be done.
    pub fn step(&mut self, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::StopRequested => self.stop(&mut actions),
            Event::LeaveRequested => self.leave(&mut actions),
            Event::ConfigurationChanged | Event::ReloadAsked => self.reread(&mut actions),
            Event::ConfigurationRead => self.configuration_read(&mut actions),
            Event::ReplacementAsked => self.replace(&mut actions),
            Event::GpusWanted => self.gpus_wanted(),
            Event::Fired(timer) => self.fired(timer, &mut actions),
            Event::Answered(answer) => self.answered(answer, &mut actions),
            Event::EngineLost => self.engine_lost(&mut actions),
            Event::Held(held) => self.hold(held, &mut actions),
            Event::AgentEnded(ending) => self.agent_ended(ending, &mut actions),
            Event::AgentUnitStopped => self.agent_unit_stopped(&mut actions),
            Event::AgentUnitStarted => {
                if self.agent == AgentState::StoppedByOperator {
                    self.agent = AgentState::Idle;
                }
            }
            Event::ImageChanging => self.image_changing(),
            Event::ImageChanged => self.image_changed(&mut actions),
            Event::UpdateRefused => self.update_refused(&mut actions),
            Event::ImageGone => {
                self.changing_image = false;
                self.image = Need::Open;
            }
            Event::Warm(warm) => self.warm = warm,
            Event::UpdateTakenBack(taken_back) => self.update_taken_back = taken_back,
        }
        if self.goal == Goal::Run && !self.held {
            self.advance(&mut actions);
        }
        actions
    }

    /// Starts whatever has become possible.
    fn advance(&mut self, actions: &mut Vec<Action>) {
        if self.fitness == Fitness::Unknown {
            return;
        }
        if self.fitness == Fitness::Unfit {
            return self.look_for_agent(actions);
        }
        if self.engine == EngineState::Unknown {
            self.engine = EngineState::Starting;
            actions.push(Action::StartEngine);
        }
        if self.identity == Need::Open {
            self.identity = Need::Busy;
            actions.push(Action::FetchIdentity);
        }
        if self.user_data == Need::Open {
            self.user_data = Need::Busy;
            actions.push(Action::AwaitUserData);
        }
        if self.credentials == Need::Open && self.identity == Need::Met {
            self.credentials = Need::Busy;
            actions.push(Action::AwaitCredentials);
        }
        if self.gpus == Need::Open {
            self.gpus = Need::Busy;
            actions.push(Action::AwaitGpus);
        }
        if self.engine != EngineState::Up {
            return;
        }
        if self.network == Need::Open {
            self.network = Need::Busy;
            actions.push(Action::ApplyPlan);
        }
        if self.image == Need::Open {
            self.image = Need::Busy;
            actions.push(Action::PrepareImage);
        }
        self.look_for_agent(actions);
        let needs = [
            self.identity,
            self.network,
            self.image,
            self.user_data,
            self.credentials,
            self.gpus,
        ];
        let needs_met = needs.iter().all(|need| *need == Need::Met);
        if needs_met && self.cluster && !self.warm && self.agent == AgentState::Idle {
            self.agent = AgentState::Launching;
            actions.push(Action::LaunchAgent);
        }
    }

    /// One that runs is taken over whatever else is missing, on an unfit host too: its tasks would suffer.
    fn look_for_agent(&mut self, actions: &mut Vec<Action>) {
        let up = self.engine == EngineState::Up;
        if up && !self.looked_for_agent && self.agent == AgentState::Idle {
            self.looked_for_agent = true;
            self.agent = AgentState::Sought;
            actions.push(Action::AdoptAgent);
        }
    }

    fn answered(&mut self, answer: Answer, actions: &mut Vec<Action>) {
        match answer {
            Answer::Checked { unfit, cluster } => self.checked(unfit, cluster, actions),
            Answer::EngineUp => self.engine_up(actions),
            Answer::EngineFailed => self.engine_down(actions),
            Answer::EngineStoppedByOperator => self.engine_stopped(actions),
            Answer::NoEngineRuns => {
                if self.engine == EngineState::Sought {
                    self.engine = EngineState::Unknown;
                    self.nothing_runs(actions);
                }
            }
            Answer::EngineAnswers => self.engine_answers(actions),
            Answer::EngineUnasked => self.engine_unasked(actions),
            Answer::EngineSilent => self.engine_is_silent(actions),
            Answer::IdentityKnown => {
                self.identity = Need::Met;
                // Whether there was user data to run is known now.
                retry(&mut self.user_data);
            }
            Answer::IdentityMissing => missing(&mut self.identity, Timer::Identity, actions),
            Answer::CredentialsReady => self.credentials = Need::Met,
            Answer::CredentialsMissing => {
                missing(&mut self.credentials, Timer::Credentials, actions);
            }
            Answer::GpusAwaited => self.gpus_awaited = self.gpus == Need::Busy,
            Answer::GpusReady => self.gpus_ready(),
            Answer::GpusMissing => missing(&mut self.gpus, Timer::Gpus, actions),
            Answer::UserDataEnded => self.user_data_ended(actions),
            Answer::UserDataFailed { refused } => {
                self.user_data_refused = refused;
                missing(&mut self.user_data, Timer::UserData, actions);
            }
            Answer::PlanApplied => self.plan_applied(actions),
            Answer::ImageReady => {
                if self.image == Need::Busy && !self.changing_image {
                    self.image = Need::Met;
                    self.image_invalid = false;
                }
            }
            Answer::ImageMissing { invalid } => {
                if self.image == Need::Busy && !self.changing_image {
                    self.image = Need::Missing;
                    self.image_invalid = invalid;
                    actions.push(Action::arm(Timer::Image, LONGEST_WAIT));
                }
            }
            Answer::AgentRunning { adopted } => self.agent_running(adopted, actions),
            Answer::NothingToAdopt => {
                if self.agent == AgentState::Sought {
                    self.agent = AgentState::Idle;
                    self.nothing_runs(actions);
                }
            }
            Answer::LaunchFailed => self.launch_failed(actions),
            Answer::AgentRefused => self.agent_refused(actions),
            Answer::AgentProbed(probe) => self.probed(probe, actions),
            Answer::AgentConnected(connected) => self.linked(connected, actions),
            Answer::ExitExamined(verdict) => self.examined(verdict, actions),
            Answer::AgentStopped => self.agent_stopped(actions),
            Answer::PlanUndone => self.undone(actions),
            Answer::EngineStopped => actions.push(Action::Exit),
        }
    }

    fn fired(&mut self, timer: Timer, actions: &mut Vec<Action>) {
        if self.goal != Goal::Run {
            return;
        }
        match timer {
            Timer::Agent => {
                if self.agent.waits() {
                    self.agent = AgentState::Idle;
                }
            }
            Timer::Probe => {
                if matches!(self.agent, AgentState::Running { .. }) {
                    actions.push(Action::ProbeAgent);
                }
            }
            Timer::Forgive => self.failures = 0,
            Timer::Engine => {
                if self.engine == EngineState::Down && !self.held {
                    self.engine = EngineState::Starting;
                    actions.push(Action::StartEngine);
                }
            }
            Timer::Ping => {
                if matches!(self.engine, EngineState::Up | EngineState::Hung) {
                    actions.push(Action::PingEngine);
                }
            }
            Timer::Reassert => {
                if self.network == Need::Met {
                    actions.push(Action::ReassertPlan);
                }
            }
            Timer::Silent => self.end_silent_agent(actions),
            Timer::Disconnected => self.link_lost(actions),
            Timer::Reconnect => self.renew_agent(actions),
            Timer::ReconnectAgain => self.renewed = false,
            Timer::Hung => self.end_hung_engine(actions),
            Timer::Hold => self.hold(false, actions),
            Timer::Credentials => retry(&mut self.credentials),
            Timer::Gpus => retry(&mut self.gpus),
            Timer::UserData => retry(&mut self.user_data),
            Timer::Identity => retry(&mut self.identity),
            Timer::Image => retry(&mut self.image),
            Timer::Check => {
                if self.fitness != Fitness::Fit {
                    actions.push(Action::Check);
                }
            }
        }
    }
}
