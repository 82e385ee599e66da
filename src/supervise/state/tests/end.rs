//! Hands off, and the end.

use super::*;

#[test]
fn a_hold_starts_nothing_and_a_release_starts_what_is_due() {
    let mut state = healthy();
    state.step(Event::Held(true));
    assert_eq!(state.phase(), (Phase::Held, None));
    assert!(!launches(&state.step(Event::AgentEnded(Ending::Failure))));
    let lost = state.step(Event::EngineLost);
    assert!(!lost.contains(&Action::StartEngine));
    assert!(
        state
            .step(Event::Held(false))
            .contains(&Action::StartEngine)
    );
}

#[test]
fn stopping_goes_agent_then_network_then_engine() {
    let mut state = healthy();
    let actions = state.step(Event::StopRequested);
    assert_eq!(
        actions,
        [Action::DisarmAll, Action::StopAgent { hurry: false }]
    );
    assert_eq!(
        state.step(Event::StopRequested),
        [Action::StopAgent { hurry: true }]
    );
    assert_eq!(state.step(Event::AgentEnded(Ending::Failure)), []);
    assert_eq!(
        state.step(Event::Answered(Answer::AgentStopped)),
        [Action::UndoPlan]
    );
    assert_eq!(
        state.step(Event::Answered(Answer::PlanUndone)),
        [Action::StopEngine]
    );
    assert_eq!(
        state.step(Event::Answered(Answer::EngineStopped)),
        [Action::Exit]
    );
}

#[test]
fn leaving_stops_nothing() {
    let mut state = healthy();
    assert_eq!(
        state.step(Event::LeaveRequested),
        [Action::DisarmAll, Action::Exit]
    );
}
