use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::snapshot::{Phase, Reason};

const POLICY: Policy = Policy {
    exit_on_failed: false,
    owns_engine: true,
    restart_silent_agent: Some(Duration::from_secs(120)),
    restart_hung_engine: Some(Duration::from_secs(300)),
};

/// A machine that has come to a registered agent.
fn healthy() -> State {
    let (mut state, _) = State::start(POLICY);
    user_data_ended(&mut state);
    for answer in [
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
        Answer::AgentRunning { adopted: false },
        Answer::AgentProbed(Probe::Unregistered),
        Answer::AgentProbed(Probe::Registered),
    ] {
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

#[test]
fn the_parts_are_started_side_by_side() {
    let (mut state, first) = State::start(POLICY);
    assert_eq!(first, [Action::Check]);
    let actions = state.step(Event::Answered(Answer::Checked {
        unfit: false,
        cluster: true,
    }));
    assert_eq!(
        actions,
        [
            Action::StartEngine,
            Action::FetchIdentity,
            Action::AwaitUserData
        ]
    );
    state.step(Event::Answered(Answer::UserDataEnded));
    state.step(Event::ConfigurationRead);
    let actions = state.step(Event::Answered(Answer::EngineUp));
    assert!(actions.contains(&Action::ApplyPlan) && actions.contains(&Action::PrepareImage));
    assert_eq!(state.phase(), (Phase::Waiting, Some(Reason::Metadata)));
}

#[test]
fn an_unfit_host_starts_nothing_and_is_checked_again() {
    let (mut state, _) = State::start(POLICY);
    let actions = state.step(Event::Answered(Answer::Checked {
        unfit: true,
        cluster: true,
    }));
    assert_eq!(armed(&actions, Timer::Check), Some(SLOW_WAIT));
    assert_eq!(actions.len(), 1);
    assert_eq!(state.phase(), (Phase::Failed, Some(Reason::HostUnfit)));
    assert_eq!(state.step(Event::Fired(Timer::Check)), [Action::Check]);
}

#[test]
fn without_a_cluster_it_waits_until_the_file_is_mended() {
    let (mut state, _) = State::start(POLICY);
    user_data_ended(&mut state);
    for answer in [
        Answer::Checked {
            unfit: false,
            cluster: false,
        },
        Answer::IdentityKnown,
        Answer::CredentialsReady,
        Answer::CredentialsReady,
        Answer::EngineUp,
        Answer::NothingToAdopt,
        Answer::ImageReady,
        Answer::PlanApplied,
    ] {
        assert!(!launches(&state.step(Event::Answered(answer))));
    }
    assert_eq!(state.phase(), (Phase::Waiting, Some(Reason::Cluster)));
    assert_eq!(
        state.step(Event::ConfigurationChanged),
        [Action::Check],
        "a changed file is read"
    );
    let mut actions = state.step(Event::Answered(Answer::Checked {
        unfit: false,
        cluster: true,
    }));
    actions.extend(state.step(Event::Answered(Answer::PlanApplied)));
    assert!(launches(&actions));
}

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
fn an_agent_that_runs_is_taken_over_though_nothing_else_is_there() {
    let (mut state, _) = State::start(POLICY);
    state.step(Event::Answered(Answer::Checked {
        unfit: false,
        cluster: false,
    }));
    let actions = state.step(Event::Answered(Answer::EngineUp));
    assert!(actions.contains(&Action::AdoptAgent) && !launches(&actions));
    let mut without = state.clone();
    without.step(Event::Answered(Answer::NothingToAdopt));
    assert_eq!(without.phase(), (Phase::Waiting, Some(Reason::UserData)));
    for answer in [
        Answer::AgentRunning { adopted: true },
        Answer::AgentProbed(Probe::Registered),
    ] {
        state.step(Event::Answered(answer));
    }
    assert_eq!(state.phase(), (Phase::Healthy, None));
    assert_eq!(state.restarts, 0);
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
fn user_data_that_failed_is_refused_and_looked_at_again() {
    let (mut state, _) = State::start(POLICY);
    state.step(Event::Answered(Answer::Checked {
        unfit: false,
        cluster: true,
    }));
    let actions = state.step(Event::Answered(Answer::UserDataFailed { refused: true }));
    assert!(armed(&actions, Timer::UserData).is_some());
    state.step(Event::Answered(Answer::EngineUp));
    assert_eq!(state.phase(), (Phase::Failed, Some(Reason::UserData)));
    let again = state.step(Event::Fired(Timer::UserData));
    assert!(again.contains(&Action::AwaitUserData));
    let actions = state.step(Event::Answered(Answer::UserDataEnded));
    assert!(
        actions.contains(&Action::Check),
        "what the user data wrote is read first"
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

/// What is under way and armed, as the actions said.
#[derive(Default)]
struct Model {
    armed: BTreeSet<Timer>,
    launching: bool,
    checking: bool,
    exited: bool,
}

impl Model {
    fn hear(&mut self, event: Event) {
        match event {
            Event::Fired(timer) => {
                self.armed.remove(&timer);
            }
            Event::Answered(
                Answer::AgentRunning { .. } | Answer::LaunchFailed | Answer::NothingToAdopt,
            ) => {
                self.launching = false;
            }
            Event::Answered(Answer::Checked { .. }) => self.checking = false,
            _ => {}
        }
    }

    fn follow(&mut self, actions: &[Action]) {
        for action in actions {
            match action {
                Action::Arm { timer, .. } => {
                    self.armed.insert(*timer);
                }
                Action::Disarm(timer) => {
                    self.armed.remove(timer);
                }
                Action::DisarmAll => self.armed.clear(),
                Action::LaunchAgent | Action::AdoptAgent => {
                    assert!(!self.launching, "two agents are being started");
                    self.launching = true;
                }
                Action::Check => self.checking = true,
                Action::Exit => self.exited = true,
                _ => {}
            }
        }
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let answers = prop_oneof![
        (any::<bool>(), any::<bool>())
            .prop_map(|(unfit, cluster)| Answer::Checked { unfit, cluster }),
        Just(Answer::Checked {
            unfit: false,
            cluster: true
        }),
        Just(Answer::EngineUp),
        Just(Answer::EngineFailed),
        Just(Answer::EngineStoppedByOperator),
        Just(Answer::EngineAnswers),
        Just(Answer::EngineSilent),
        Just(Answer::IdentityKnown),
        Just(Answer::IdentityMissing),
        Just(Answer::PlanApplied),
        Just(Answer::CredentialsReady),
        Just(Answer::CredentialsMissing),
        Just(Answer::UserDataEnded),
        any::<bool>().prop_map(|refused| Answer::UserDataFailed { refused }),
        Just(Answer::ImageReady),
        any::<bool>().prop_map(|invalid| Answer::ImageMissing { invalid }),
        any::<bool>().prop_map(|adopted| Answer::AgentRunning { adopted }),
        Just(Answer::LaunchFailed),
        Just(Answer::NothingToAdopt),
        Just(Answer::AgentProbed(Probe::Registered)),
        Just(Answer::AgentProbed(Probe::Unregistered)),
        Just(Answer::AgentProbed(Probe::Silent)),
        Just(Answer::ExitExamined(Verdict::Mended)),
        Just(Answer::ExitExamined(Verdict::Curable)),
        Just(Answer::ExitExamined(Verdict::Terminal)),
        Just(Answer::AgentStopped),
        Just(Answer::PlanUndone),
        Just(Answer::EngineStopped),
    ];
    prop_oneof![
        12 => answers.prop_map(Event::Answered),
        2 => Just(Event::AgentEnded(Ending::Failure)),
        1 => Just(Event::AgentEnded(Ending::Terminal)),
        2 => Just(Event::EngineLost),
        1 => Just(Event::AgentEnded(Ending::ForAnotherImage)),
        1 => Just(Event::ImageChanging),
        1 => Just(Event::ImageChanged),
        1 => Just(Event::UpdateRefused),
        1 => Just(Event::ImageGone),
        1 => any::<bool>().prop_map(Event::Held),
        1 => Just(Event::ConfigurationRead),
        1 => Just(Event::ConfigurationChanged),
        1 => Just(Event::ConfigurationRead),
        1 => Just(Event::ReloadAsked),
        1 => Just(Event::ReplacementAsked),
        3 => proptest::sample::select(&Timer::ALL[..]).prop_map(Event::Fired),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Whatever happens in whatever order, wrong answers included.
    #[test]
    fn no_sequence_of_events_gets_stuck_or_starts_two_agents(
        events in proptest::collection::vec(any_event(), 0..60),
        exit_on_failed in any::<bool>(),
    ) {
        let (mut state, first) = State::start(Policy { exit_on_failed, ..POLICY });
        let mut model = Model::default();
        model.follow(&first);
        for event in events {
            // A launch answers only when one is under way.
            let answers_launch = matches!(
                event,
                Event::Answered(Answer::AgentRunning { .. } | Answer::LaunchFailed)
            );
            if answers_launch && !model.launching {
                continue;
            }
            // A timer fires only when it is armed.
            if let Event::Fired(timer) = event && !model.armed.contains(&timer) {
                continue;
            }
            model.hear(event);
            let actions = state.step(event);
            model.follow(&actions);
            if model.exited {
                break;
            }
            let (phase, reason) = state.phase();
            if matches!(phase, Phase::Waiting | Phase::Degraded | Phase::Failed) {
                prop_assert!(reason.is_some(), "{phase} without a reason");
            }
            let retried = |timer: Timer| model.armed.contains(&timer);
            match state.agent {
                AgentState::BackingOff | AgentState::Failed => {
                    prop_assert!(retried(Timer::Agent), "{:?} without a retry", state.agent);
                }
                AgentState::Sought | AgentState::Launching => prop_assert!(model.launching),
                _ => {}
            }
            if state.fitness == Fitness::Unfit && phase == Phase::Failed {
                prop_assert!(model.checking || retried(Timer::Check));
            }
            if state.engine == EngineState::Down && !state.held {
                prop_assert!(retried(Timer::Engine));
            }
            if state.image == Need::Missing {
                prop_assert!(retried(Timer::Image));
            }
            if state.credentials == Need::Missing {
                prop_assert!(retried(Timer::Credentials));
            }
            if state.user_data == Need::Missing {
                prop_assert!(retried(Timer::UserData));
            }
            if state.identity == Need::Missing {
                prop_assert!(retried(Timer::Identity));
            }
        }
    }

    /// A stop ends, whatever came before, if its three steps answer.
    #[test]
    fn a_stop_always_ends(events in proptest::collection::vec(any_event(), 0..60)) {
        let (mut state, _) = State::start(POLICY);
        for event in events {
            state.step(event);
        }
        let stop = state.step(Event::StopRequested);
        prop_assert_eq!(stop, [Action::DisarmAll, Action::StopAgent { hurry: false }]);
        let undo = state.step(Event::Answered(Answer::AgentStopped));
        prop_assert_eq!(undo, [Action::UndoPlan]);
        let stop = state.step(Event::Answered(Answer::PlanUndone));
        prop_assert_eq!(stop, [Action::StopEngine]);
        let exit = state.step(Event::Answered(Answer::EngineStopped));
        prop_assert_eq!(exit, [Action::Exit]);
    }
}
