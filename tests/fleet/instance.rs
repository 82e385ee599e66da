//! One instance: the real machine of the supervision, with a shell that performs its actions in simulated time.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use ecs_nanny::host::imds::{ImdsError, with_budget};
use ecs_nanny::settings::Settings;
use ecs_nanny::snapshot::Phase;
use ecs_nanny::supervise::jittered;
use ecs_nanny::supervise::state::{Action, Answer, Ending, Event, Policy, Probe, State, Timer};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::service::Services;

/// How long Docker takes to come up, as measured on two cores.
pub const ENGINE: Duration = Duration::from_millis(600);
/// How long it takes to start a container.
pub const LAUNCH: Duration = Duration::from_millis(200);
/// Packet filter, kernel parameters and files.
const NETWORK: Duration = Duration::from_millis(100);
/// The image is loaded from its tarball.
const IMAGE: Duration = Duration::from_millis(500);

/// The real agent's waits between its own tries: 3 s doubling to 192 s, up to a fifth longer.
const AGENT_FIRST: Duration = Duration::from_secs(3);
const AGENT_LONGEST: Duration = Duration::from_secs(192);

/// The agent of an instance.
#[derive(Default)]
struct Agent {
    registered: Cell<bool>,
}

struct Instance {
    services: Rc<Services>,
    state: State,
    timers: BTreeMap<Timer, Instant>,
    agent: Rc<Agent>,
    patient_agent: bool,
    events: mpsc::UnboundedSender<Event>,
}

/// From exec to the phase `healthy`.
pub async fn boots(services: Rc<Services>, patient_agent: bool) {
    let policy = Policy {
        exit_on_failed: false,
        owns_engine: false,
        restart_silent_agent: None,
        restart_hung_engine: None,
        disconnected_after: Settings::default().agent.disconnected_after,
        restart_disconnected: None,
        slow_retry: Settings::default().run.slow_retry,
    };
    let (state, first) = State::start(policy);
    let (events, mut happens) = mpsc::unbounded_channel();
    let mut instance = Instance {
        services,
        state,
        timers: BTreeMap::new(),
        agent: Rc::default(),
        patient_agent,
        events,
    };
    instance.perform(first);
    while instance.state.phase().0 != Phase::Healthy {
        let next = instance.timers.iter().min_by_key(|(_, at)| **at);
        let (timer, at) = next.map_or(
            (None, Instant::now() + Duration::from_secs(3600)),
            |(timer, at)| (Some(*timer), *at),
        );
        let event = tokio::select! {
            // In this order, so that a run can be repeated.
            biased;
            Some(event) = happens.recv() => event,
            () = tokio::time::sleep_until(at) => {
                let Some(timer) = timer else { continue };
                instance.timers.remove(&timer);
                Event::Fired(timer)
            }
        };
        let actions = instance.state.step(event);
        instance.perform(actions);
    }
}

impl Instance {
    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Check => {
                    self.answer(Answer::Checked {
                        unfit: false,
                        cluster: true,
                    });
                    let _ = self.events.send(Event::ConfigurationRead);
                }
                Action::StartEngine => self.answer_after(ENGINE, Answer::EngineUp),
                Action::FetchIdentity => self.fetch_identity(),
                Action::AwaitUserData => self.answer(Answer::UserDataEnded),
                Action::AwaitCredentials => self.answer(Answer::CredentialsReady),
                Action::ApplyPlan | Action::ReassertPlan => {
                    self.answer_after(NETWORK, Answer::PlanApplied)
                }
                Action::PrepareImage => self.answer_after(IMAGE, Answer::ImageReady),
                Action::AdoptAgent => self.answer(Answer::NothingToAdopt),
                Action::LaunchAgent => {
                    self.answer_after(LAUNCH, Answer::AgentRunning { adopted: false })
                }
                Action::FollowAgent => self.agent_lives(),
                Action::ProbeAgent => {
                    let probe = if self.agent.registered.get() {
                        Probe::Registered
                    } else {
                        Probe::Silent
                    };
                    self.answer(Answer::AgentProbed(probe));
                }
                Action::PingEngine => self.answer(Answer::EngineAnswers),
                Action::Arm { timer, after } => {
                    let wait = if timer.jittered() {
                        jittered(after)
                    } else {
                        after
                    };
                    self.timers.insert(timer, Instant::now() + wait);
                }
                Action::Disarm(timer) => {
                    self.timers.remove(&timer);
                }
                // An agent that failed is started again whatever its last words.
                Action::ExamineExit | Action::FollowEngine => {}
                other => panic!("{other:?} has no place in a boot"),
            }
        }
    }

    fn answer(&self, answer: Answer) {
        let _ = self.events.send(Event::Answered(answer));
    }

    fn answer_after(&self, pause: Duration, answer: Answer) {
        let events = self.events.clone();
        tokio::task::spawn_local(async move {
            tokio::time::sleep(pause).await;
            let _ = events.send(Event::Answered(answer));
        });
    }

    fn fetch_identity(&self) {
        let services = self.services.clone();
        let events = self.events.clone();
        tokio::task::spawn_local(async move {
            let attempt = async || match services.metadata.ask().await {
                true => Ok(()),
                false => Err(ImdsError::Status {
                    path: "dynamic/instance-identity/document".to_owned(),
                    status: 429,
                }),
            };
            let budget = Settings::default().metadata.budget;
            let answer = match with_budget(budget, attempt, |_| {}).await {
                Ok(()) => Answer::IdentityKnown,
                Err(_) => Answer::IdentityMissing,
            };
            let _ = events.send(Event::Answered(answer));
        });
    }

    fn agent_lives(&mut self) {
        let agent = Rc::<Agent>::default();
        self.agent = agent.clone();
        let services = self.services.clone();
        let events = self.events.clone();
        let patient = self.patient_agent;
        tokio::task::spawn_local(async move {
            let mut wait = AGENT_FIRST;
            while !services.registration.ask().await {
                if !patient {
                    let _ = events.send(Event::AgentEnded(Ending::Failure));
                    return;
                }
                tokio::time::sleep(wait.mul_f64(1.0 + 0.2 * fastrand::f64())).await;
                wait = (wait * 2).min(AGENT_LONGEST);
            }
            agent.registered.set(true);
        });
    }
}
