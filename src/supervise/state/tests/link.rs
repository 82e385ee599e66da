//! An agent without connections.

use super::*;

/// A machine whose agent has held no connection for so long that it is told.
fn disconnected() -> State {
    let mut state = healthy();
    let actions = state.step(Event::Answered(Answer::AgentConnected(false)));
    assert_eq!(
        armed(&actions, Timer::Disconnected),
        Some(POLICY.disconnected_after)
    );
    assert_eq!(state.phase(), (Phase::Healthy, None), "it may come back");
    let again = state.step(Event::Answered(Answer::AgentConnected(false)));
    assert_eq!(
        armed(&again, Timer::Disconnected),
        None,
        "its clock runs already"
    );
    let actions = state.step(Event::Fired(Timer::Disconnected));
    assert_eq!(
        armed(&actions, Timer::Reconnect),
        POLICY.restart_disconnected
    );
    assert_eq!(
        state.phase(),
        (Phase::Degraded, Some(Reason::AgentDisconnected))
    );
    state
}

#[test]
fn a_disconnected_agent_is_told_and_mends_itself() {
    let mut state = disconnected();
    let actions = state.step(Event::Answered(Answer::AgentConnected(true)));
    assert!(actions.contains(&Action::Disarm(Timer::Reconnect)));
    assert_eq!(state.phase(), (Phase::Healthy, None));
}

#[test]
fn it_is_started_again_at_most_once_an_hour() {
    let mut state = disconnected();
    let actions = state.step(Event::Fired(Timer::Reconnect));
    assert!(actions.contains(&Action::RenewAgent));
    assert_eq!(
        armed(&actions, Timer::ReconnectAgain),
        Some(RECONNECT_AGAIN)
    );
    assert!(
        !state
            .step(Event::Fired(Timer::Reconnect))
            .contains(&Action::RenewAgent)
    );
    state.step(Event::Fired(Timer::ReconnectAgain));
    assert!(
        state
            .step(Event::Fired(Timer::Reconnect))
            .contains(&Action::RenewAgent)
    );
    // Its end is one like any other, and the next agent has a clock of its own.
    assert!(launches(&state.step(Event::AgentEnded(Ending::Failure))));
    assert_eq!(state.link, Link::Held);
}

#[test]
fn by_default_it_is_only_told() {
    let mut state = healthy();
    state.policy.restart_disconnected = None;
    state.step(Event::Answered(Answer::AgentConnected(false)));
    assert_eq!(state.step(Event::Fired(Timer::Disconnected)), []);
    assert_eq!(
        state.phase(),
        (Phase::Degraded, Some(Reason::AgentDisconnected))
    );
}

#[test]
fn one_that_has_not_registered_is_not_judged() {
    let mut state = healthy();
    state.step(Event::Answered(Answer::AgentProbed(Probe::Unregistered)));
    assert_eq!(
        state.step(Event::Answered(Answer::AgentConnected(false))),
        []
    );
}
