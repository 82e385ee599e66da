mod agent;
mod amazon_unit;
mod beginning;
mod end;
mod engine;
mod link;
mod sequences;

use std::time::Duration;

use super::*;
use crate::snapshot::{Phase, Reason};

const SLOW_WAIT: Duration = Duration::from_secs(300);

const POLICY: Policy = Policy {
    slow_retry: SLOW_WAIT,
    exit_on_failed: false,
    owns_engine: true,
    restart_silent_agent: Some(Duration::from_secs(120)),
    disconnected_after: Duration::from_secs(180),
    restart_disconnected: Some(Duration::from_secs(900)),
    restart_hung_engine: Some(Duration::from_secs(300)),
};

/// What is answered on a host that lacks nothing, up to the launch of its agent.
const ALL_READY: [Answer; 7] = [
    Answer::Checked {
        unfit: false,
        cluster: true,
    },
    Answer::IdentityKnown,
    Answer::CredentialsReady,
    Answer::EngineUp,
    Answer::NothingToAdopt,
    Answer::ImageReady,
    Answer::PlanApplied,
];

/// A machine that has come to a registered agent.
fn healthy() -> State {
    let (mut state, _) = State::start(POLICY);
    user_data_ended(&mut state);
    let agent = [
        Answer::AgentRunning { adopted: false },
        Answer::AgentProbed(Probe::Unregistered),
        Answer::AgentProbed(Probe::Registered),
    ];
    for answer in ALL_READY.into_iter().chain(agent) {
        state.step(Event::Answered(answer));
    }
    assert_eq!(state.phase(), (Phase::Healthy, None));
    state
}

/// cloud-init has ended, and what it wrote was read.
fn user_data_ended(state: &mut State) {
    state.step(Event::Answered(Answer::Checked {
        unfit: false,
        cluster: false,
    }));
    state.step(Event::Answered(Answer::UserDataEnded));
    state.step(Event::ConfigurationRead);
}

fn launches(actions: &[Action]) -> bool {
    actions.contains(&Action::LaunchAgent)
}

fn armed(actions: &[Action], wanted: Timer) -> Option<Duration> {
    actions.iter().find_map(|action| match action {
        Action::Arm { timer, after } if *timer == wanted => Some(*after),
        _ => None,
    })
}
