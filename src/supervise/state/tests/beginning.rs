//! From exec to an agent that is started or taken over.

use super::*;

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

/// A machine on a host that is not fit, and what it does first.
fn unfit(policy: Policy) -> (State, Vec<Action>) {
    let (mut state, _) = State::start(policy);
    let actions = state.step(Event::Answered(Answer::Checked {
        unfit: true,
        cluster: true,
    }));
    (state, actions)
}

#[test]
fn an_unfit_host_starts_nothing_and_is_checked_again() {
    let (mut state, actions) = unfit(POLICY);
    assert_eq!(armed(&actions, Timer::Check), Some(SLOW_WAIT));
    assert!(actions.contains(&Action::SeekEngine) && actions.len() == 2);
    assert_eq!(state.step(Event::Answered(Answer::NoEngineRuns)), []);
    assert_eq!(state.phase(), (Phase::Failed, Some(Reason::HostUnfit)));
    assert_eq!(state.step(Event::Fired(Timer::Check)), [Action::Check]);
}

#[test]
fn an_agent_that_runs_on_an_unfit_host_is_taken_over() {
    let (mut state, _) = unfit(Policy {
        exit_on_failed: true,
        ..POLICY
    });
    let actions = state.step(Event::Answered(Answer::EngineUp));
    assert!(actions.contains(&Action::AdoptAgent));
    assert!(!actions.contains(&Action::PrepareImage));
    let mut without = state.clone();
    let actions = without.step(Event::Answered(Answer::NothingToAdopt));
    assert_eq!(actions, [Action::Exit]);
    for answer in [
        Answer::AgentRunning { adopted: true },
        Answer::AgentProbed(Probe::Registered),
    ] {
        state.step(Event::Answered(answer));
    }
    assert_eq!(state.phase(), (Phase::Healthy, None));
}

#[test]
fn an_engine_that_goes_away_on_an_unfit_host_is_not_started() {
    let (mut state, _) = unfit(POLICY);
    state.step(Event::Answered(Answer::EngineUp));
    state.step(Event::Answered(Answer::NothingToAdopt));
    let actions = state.step(Event::EngineLost);
    assert!(!actions.contains(&Action::StartEngine));
    assert_eq!(state.phase(), (Phase::Failed, Some(Reason::HostUnfit)));
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
fn in_a_warm_pool_everything_but_the_agent_is_brought_up() {
    let (mut state, _) = State::start(POLICY);
    user_data_ended(&mut state);
    state.step(Event::Warm(true));
    let mut actions = Vec::new();
    for answer in ALL_READY {
        actions.extend(state.step(Event::Answered(answer)));
    }
    assert!(actions.contains(&Action::ApplyPlan) && actions.contains(&Action::PrepareImage));
    assert!(!launches(&actions));
    assert_eq!(state.phase(), (Phase::Waiting, Some(Reason::WarmPool)));
    assert!(launches(&state.step(Event::Warm(false))));
}

#[test]
fn an_agent_that_runs_when_its_instance_goes_back_to_the_warm_pool_is_left() {
    let mut state = healthy();
    assert_eq!(state.step(Event::Warm(true)), []);
    assert_eq!(state.phase(), (Phase::Healthy, None));
}

#[test]
fn gpus_are_awaited_only_where_the_plan_has_them() {
    let (mut state, _) = State::start(POLICY);
    user_data_ended(&mut state);
    state.step(Event::GpusWanted);
    for answer in ALL_READY {
        assert!(!launches(&state.step(Event::Answered(answer))));
    }
    state.step(Event::Answered(Answer::GpusAwaited));
    assert_eq!(state.phase(), (Phase::Waiting, Some(Reason::Gpu)));
    let actions = state.step(Event::Answered(Answer::GpusMissing));
    assert_eq!(armed(&actions, Timer::Gpus), Some(LONGEST_WAIT));
    assert_eq!(state.phase(), (Phase::Waiting, Some(Reason::Gpu)));
    assert_eq!(state.step(Event::Fired(Timer::Gpus)), [Action::AwaitGpus]);
    assert!(launches(&state.step(Event::Answered(Answer::GpusReady))));

    // An agent that runs is left as it is, and a host without any asks for nothing.
    let mut state = healthy();
    assert_eq!(state.step(Event::GpusWanted), []);
    assert_eq!(state.phase(), (Phase::Healthy, None));
}
