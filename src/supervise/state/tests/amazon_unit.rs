//! The agent under Amazon's unit.

use super::*;

#[test]
fn a_unit_that_an_operator_stopped_stays_down_until_somebody_starts_it() {
    let mut state = healthy();
    let actions = state.step(Event::AgentUnitStopped);
    assert!(actions.contains(&Action::AwaitAgent) && !launches(&actions));
    assert_eq!(
        state.phase(),
        (Phase::Waiting, Some(Reason::AgentStoppedByOperator))
    );
    assert!(!launches(&state.step(Event::ConfigurationRead)));
    assert!(launches(&state.step(Event::AgentUnitStarted)));
    assert_eq!(state.failures, 0);
}

#[test]
fn a_unit_that_stopped_together_with_the_engine_comes_back_with_it() {
    let mut state = healthy();
    state.step(Event::AgentUnitStopped);
    state.step(Event::EngineLost);
    state.step(Event::Answered(Answer::EngineUp));
    state.step(Event::Answered(Answer::NothingToAdopt));
    state.step(Event::Answered(Answer::PlanApplied));
    assert!(launches(&state.step(Event::Answered(Answer::ImageReady))));
}

#[test]
fn beside_another_agent_none_is_started_and_it_is_looked_again() {
    let mut state = healthy();
    state.step(Event::AgentEnded(Ending::Failure));
    let actions = state.step(Event::Answered(Answer::AgentRefused));
    assert_eq!(armed(&actions, Timer::Agent), Some(LONGEST_WAIT));
    assert_eq!(state.phase(), (Phase::Failed, Some(Reason::AgentConflict)));
    assert!(launches(&state.clone().step(Event::Fired(Timer::Agent))));
    // The settings may say now who runs it.
    assert!(launches(&state.step(Event::ConfigurationRead)));
}
