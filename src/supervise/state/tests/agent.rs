//! The agent ends, is silent, is replaced.

use super::*;

#[test]
fn exit_0_without_a_stop_request_is_a_failure_restarted_at_once() {
    let mut state = healthy();
    let actions = state.step(Event::AgentEnded(Ending::Failure));
    assert!(launches(&actions));
    assert!(actions.contains(&Action::ExamineExit));
    assert_eq!(state.phase(), (Phase::Degraded, Some(Reason::AgentExited)));
}

#[test]
fn waits_double_to_a_minute_and_then_go_to_the_slow_lane() {
    let mut state = healthy();
    let mut waits = Vec::new();
    for _ in 0..BUDGET + 2 {
        let actions = state.step(Event::AgentEnded(Ending::Failure));
        waits.push(armed(&actions, Timer::Agent));
        if !launches(&actions) {
            assert!(launches(&state.step(Event::Fired(Timer::Agent))));
        }
        state.step(Event::Answered(Answer::AgentRunning { adopted: false }));
    }
    let seconds: Vec<f64> = waits
        .iter()
        .map(|wait| wait.map_or(0.0, |wait| wait.as_secs_f64()))
        .collect();
    assert_eq!(
        seconds,
        [
            0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 300.0, 300.0
        ]
    );
}

#[test]
fn ten_healthy_minutes_forgive() {
    let mut state = healthy();
    for _ in 0..4 {
        state.step(Event::AgentEnded(Ending::Failure));
        state.step(Event::Fired(Timer::Agent));
        state.step(Event::Answered(Answer::AgentRunning { adopted: false }));
    }
    let actions = state.step(Event::Answered(Answer::AgentProbed(Probe::Registered)));
    assert_eq!(armed(&actions, Timer::Forgive), Some(FORGIVEN_AFTER));
    state.step(Event::Fired(Timer::Forgive));
    assert!(launches(&state.step(Event::AgentEnded(Ending::Failure))));
}

#[test]
fn a_terminal_exit_waits_for_its_reason() {
    let mut state = healthy();
    let actions = state.step(Event::AgentEnded(Ending::Terminal));
    assert!(actions.contains(&Action::ExamineExit) && !launches(&actions));
    let mut curable = state.clone();
    let actions = curable.step(Event::Answered(Answer::ExitExamined(Verdict::Curable)));
    assert_eq!(armed(&actions, Timer::Agent), Some(SLOW_WAIT));
    assert_eq!(
        curable.phase(),
        (Phase::Degraded, Some(Reason::AgentExited))
    );
    let actions = state.step(Event::Answered(Answer::ExitExamined(Verdict::Terminal)));
    assert_eq!(armed(&actions, Timer::Agent), Some(SLOW_WAIT));
    assert_eq!(state.phase(), (Phase::Failed, Some(Reason::AgentTerminal)));
}

#[test]
fn what_ended_for_long_is_started_when_the_changed_configuration_is_read() {
    for verdict in [Verdict::Curable, Verdict::Terminal] {
        let mut state = healthy();
        state.step(Event::AgentEnded(Ending::Terminal));
        state.step(Event::Answered(Answer::ExitExamined(verdict)));
        let actions = state.step(Event::ConfigurationChanged);
        assert_eq!(actions, [Action::Check], "the plan is still the old one");
        assert!(launches(&state.step(Event::ConfigurationRead)));
    }
}

#[test]
fn a_replacement_launches_a_running_agent_anew() {
    let mut state = healthy();
    assert_eq!(state.step(Event::ReloadAsked), [Action::Check]);
    assert!(launches(&state.step(Event::ReplacementAsked)));
    assert!(!launches(&state.step(Event::ReplacementAsked)));
}

#[test]
fn on_failed_exit_ends_the_daemon() {
    let mut state = healthy();
    state.policy.exit_on_failed = true;
    state.step(Event::AgentEnded(Ending::Terminal));
    let actions = state.step(Event::Answered(Answer::ExitExamined(Verdict::Terminal)));
    assert!(actions.contains(&Action::Exit));
}

#[test]
fn a_silent_agent_is_degraded_and_mends_itself() {
    let mut state = healthy();
    state.step(Event::Answered(Answer::AgentProbed(Probe::Silent)));
    assert_eq!(
        state.phase().0,
        Phase::Healthy,
        "one silent probe is no hang"
    );
    state.step(Event::Answered(Answer::AgentProbed(Probe::Silent)));
    assert_eq!(state.phase(), (Phase::Degraded, Some(Reason::AgentSilent)));
    state.step(Event::Answered(Answer::AgentProbed(Probe::Registered)));
    assert_eq!(state.phase().0, Phase::Healthy);
}

#[test]
fn a_hang_that_lasts_ends_the_agent_and_one_that_passes_does_not() {
    let mut state = healthy();
    state.step(Event::Answered(Answer::AgentProbed(Probe::Silent)));
    let actions = state.step(Event::Answered(Answer::AgentProbed(Probe::Silent)));
    assert_eq!(armed(&actions, Timer::Silent), POLICY.restart_silent_agent);
    let mut passing = state.clone();
    let actions = passing.step(Event::Answered(Answer::AgentProbed(Probe::Registered)));
    assert!(actions.contains(&Action::Disarm(Timer::Silent)));
    assert!(
        !passing
            .step(Event::Fired(Timer::Silent))
            .contains(&Action::EndAgent)
    );
    assert!(
        state
            .step(Event::Fired(Timer::Silent))
            .contains(&Action::EndAgent)
    );
}
