//! The engine goes away, is stopped, hangs.

use super::*;

#[test]
fn an_exit_within_an_engine_restart_is_charged_to_the_engine() {
    let mut state = healthy();
    state.step(Event::AgentEnded(Ending::Failure));
    state.step(Event::Answered(Answer::LaunchFailed));
    assert_eq!(state.failures, 2);
    let actions = state.step(Event::EngineLost);
    assert!(actions.contains(&Action::StartEngine));
    assert_eq!(state.failures, 0);
    assert_eq!(state.phase(), (Phase::Degraded, Some(Reason::EngineLost)));
    state.step(Event::Answered(Answer::EngineUp));
    state.step(Event::Answered(Answer::NothingToAdopt));
    state.step(Event::Answered(Answer::PlanApplied));
    assert!(launches(&state.step(Event::Answered(Answer::ImageReady))));
}

#[test]
fn an_operators_stop_of_the_engine_is_waited_out() {
    let mut state = healthy();
    state.step(Event::EngineLost);
    let actions = state.step(Event::Answered(Answer::EngineStoppedByOperator));
    assert!(actions.contains(&Action::AwaitEngine));
    assert!(!actions.contains(&Action::StartEngine));
    assert_eq!(
        state.phase(),
        (Phase::Waiting, Some(Reason::EngineStoppedByOperator))
    );
}

#[test]
fn a_hung_engine_is_degraded_then_looked_at_again_and_again() {
    let mut state = healthy();
    state.step(Event::Answered(Answer::EngineSilent));
    let actions = state.step(Event::Answered(Answer::EngineSilent));
    assert_eq!(armed(&actions, Timer::Hung), POLICY.restart_hung_engine);
    assert_eq!(state.phase(), (Phase::Degraded, Some(Reason::EngineHung)));
    for _ in 0..3 {
        let actions = state.step(Event::Fired(Timer::Hung));
        assert!(actions.contains(&Action::EndEngine));
        assert_eq!(armed(&actions, Timer::Hung), POLICY.restart_hung_engine);
    }
    state.step(Event::Answered(Answer::EngineAnswers));
    assert_eq!(state.phase().0, Phase::Healthy);
    assert!(
        !state
            .step(Event::Fired(Timer::Hung))
            .contains(&Action::EndEngine)
    );
}

#[test]
fn without_files_to_ask_with_nobody_is_judged() {
    let mut state = healthy();
    for _ in 0..2 * SILENT_PROBES {
        let actions = state.step(Event::Answered(Answer::EngineUnasked));
        assert_eq!(armed(&actions, Timer::Ping), Some(PROBE_AGAIN));
        assert_eq!(armed(&actions, Timer::Hung), None);
        let actions = state.step(Event::Answered(Answer::AgentProbed(Probe::Unasked)));
        assert_eq!(armed(&actions, Timer::Probe), Some(PROBE_AGAIN));
        assert_eq!(armed(&actions, Timer::Silent), None);
    }
    let told = (Phase::Degraded, Some(Reason::NannyExhausted));
    assert_eq!(state.phase(), told);
    state.step(Event::Answered(Answer::EngineAnswers));
    assert_eq!(state.phase(), told, "the agent was not asked yet");
    state.step(Event::Answered(Answer::AgentProbed(Probe::Registered)));
    assert_eq!(state.phase(), (Phase::Healthy, None));
}
