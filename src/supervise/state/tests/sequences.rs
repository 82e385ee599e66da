//! Whatever happens, in whatever order.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// What is under way and armed, as the actions said.
#[derive(Default)]
struct Model {
    armed: BTreeSet<Timer>,
    launching: bool,
    unit_awaited: bool,
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
                Answer::AgentRunning { .. }
                | Answer::LaunchFailed
                | Answer::AgentRefused
                | Answer::NothingToAdopt,
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
                Action::AwaitAgent => self.unit_awaited = true,
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
        Just(Answer::NoEngineRuns),
        Just(Answer::EngineAnswers),
        Just(Answer::EngineSilent),
        Just(Answer::IdentityKnown),
        Just(Answer::IdentityMissing),
        Just(Answer::PlanApplied),
        Just(Answer::CredentialsReady),
        Just(Answer::GpusAwaited),
        Just(Answer::GpusReady),
        Just(Answer::GpusMissing),
        Just(Answer::CredentialsMissing),
        Just(Answer::UserDataEnded),
        any::<bool>().prop_map(|refused| Answer::UserDataFailed { refused }),
        Just(Answer::ImageReady),
        any::<bool>().prop_map(|invalid| Answer::ImageMissing { invalid }),
        any::<bool>().prop_map(|adopted| Answer::AgentRunning { adopted }),
        Just(Answer::LaunchFailed),
        Just(Answer::AgentRefused),
        Just(Answer::NothingToAdopt),
        Just(Answer::AgentProbed(Probe::Registered)),
        Just(Answer::AgentProbed(Probe::Unregistered)),
        Just(Answer::AgentProbed(Probe::Silent)),
        Just(Answer::AgentProbed(Probe::Unasked)),
        Just(Answer::EngineUnasked),
        any::<bool>().prop_map(Answer::AgentConnected),
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
        1 => Just(Event::AgentUnitStopped),
        1 => Just(Event::AgentUnitStarted),
        1 => Just(Event::ImageChanging),
        1 => Just(Event::ImageChanged),
        1 => Just(Event::UpdateRefused),
        1 => Just(Event::ImageGone),
        1 => any::<bool>().prop_map(Event::Held),
        1 => any::<bool>().prop_map(Event::Warm),
        1 => Just(Event::ConfigurationRead),
        1 => Just(Event::ConfigurationChanged),
        1 => Just(Event::ConfigurationRead),
        1 => Just(Event::ReloadAsked),
        1 => Just(Event::ReplacementAsked),
        3 => proptest::sample::select(&Timer::ALL[..]).prop_map(Event::Fired),
        1 => Just(Event::GpusWanted),
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
                Event::Answered(
                    Answer::AgentRunning { .. } | Answer::LaunchFailed | Answer::AgentRefused
                )
            );
            if answers_launch && !model.launching {
                continue;
            }
            // Only a launch is refused; a search ends with what it found.
            let refuses = event == Event::Answered(Answer::AgentRefused);
            if refuses && state.agent != AgentState::Launching {
                continue;
            }
            // And nothing is found missing that is not looked for.
            let answers_search = event == Event::Answered(Answer::NothingToAdopt);
            if answers_search && state.agent != AgentState::Sought {
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
                AgentState::BackingOff | AgentState::Failed | AgentState::Refused => {
                    prop_assert!(retried(Timer::Agent), "{:?} without a retry", state.agent);
                }
                AgentState::Sought | AgentState::Launching => prop_assert!(model.launching),
                AgentState::StoppedByOperator => prop_assert!(model.unit_awaited),
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
            if state.gpus == Need::Missing {
                prop_assert!(retried(Timer::Gpus));
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
