use super::*;
use crate::supervise::state::Policy;

fn policy() -> Policy {
    Policy {
        slow_retry: std::time::Duration::from_secs(300),
        exit_on_failed: false,
        owns_engine: false,
        restart_silent_agent: None,
        restart_hung_engine: None,
        disconnected_after: std::time::Duration::from_secs(180),
        restart_disconnected: None,
    }
}

fn at(state: &State, timeline: &mut Timeline, moment: i64) {
    timeline.note_at(state, moment);
}

fn line(timeline: &Timeline) -> Vec<String> {
    let spans = timeline.view().spans.iter();
    spans
        .map(|span| {
            let end = span.end_ms.map_or("?".to_owned(), |end| end.to_string());
            let critical = if span.critical { " critical" } else { "" };
            format!("{} {}-{end}{critical}", span.name.word(), span.start_ms)
        })
        .collect()
}

/// A machine after the rules ran, without the waits that its own tests are about.
fn begun() -> (State, Timeline) {
    let (mut state, _) = State::start(policy());
    let mut timeline = Timeline::begin(&Root::host());
    at(&state, &mut timeline, 1);
    state.fitness = Fitness::Fit;
    state.cluster = true;
    state.engine = EngineState::Starting;
    state.identity = Need::Busy;
    state.user_data = Need::Busy;
    at(&state, &mut timeline, 50);
    (state, timeline)
}

fn registered(registered: bool) -> AgentState {
    AgentState::Running {
        registered,
        silent: 0,
        probes: 0,
    }
}

#[test]
fn what_was_waited_for_is_critical() {
    let (mut state, mut timeline) = begun();
    state.identity = Need::Met;
    state.credentials = Need::Busy;
    at(&state, &mut timeline, 300);
    state.credentials = Need::Met;
    state.user_data = Need::Met;
    at(&state, &mut timeline, 400);
    state.engine = EngineState::Up;
    state.network = Need::Busy;
    state.image = Need::Busy;
    at(&state, &mut timeline, 900);
    state.network = Need::Met;
    at(&state, &mut timeline, 950);
    state.image = Need::Met;
    state.agent = AgentState::Launching;
    at(&state, &mut timeline, 2000);
    state.agent = registered(false);
    at(&state, &mut timeline, 2200);
    state.agent = registered(true);
    at(&state, &mut timeline, 2600);
    assert_eq!(
        line(&timeline),
        [
            "facts 0-50 critical",
            "user_data 50-400",
            "identity 50-300",
            "engine 50-900 critical",
            "credentials 300-400",
            "network 900-950",
            "image 900-2000 critical",
            "launch 2000-2200 critical",
            "registration 2200-2600 critical",
        ]
    );
    assert_eq!(timeline.view().healthy_ms, Some(2600));

    // What comes after is no part of the boot.
    state.engine = EngineState::Down;
    let before = timeline.view().clone();
    at(&state, &mut timeline, 9000);
    assert_eq!(timeline.view(), &before);
}

#[test]
fn a_cluster_that_came_late_was_waited_for() {
    let (mut state, _) = State::start(policy());
    let mut timeline = Timeline::begin(&Root::host());
    state.fitness = Fitness::Fit;
    state.user_data = Need::Met;
    at(&state, &mut timeline, 40);
    state.engine = EngineState::Up;
    state.network = Need::Met;
    state.image = Need::Met;
    state.identity = Need::Met;
    state.credentials = Need::Met;
    at(&state, &mut timeline, 500);
    state.cluster = true;
    state.agent = AgentState::Launching;
    at(&state, &mut timeline, 7000);
    state.agent = registered(true);
    at(&state, &mut timeline, 7100);
    let critical: Vec<String> = line(&timeline)
        .into_iter()
        .filter(|span| span.ends_with("critical"))
        .collect();
    assert_eq!(
        critical,
        [
            "facts 0-40 critical",
            "user_data 40-40 critical",
            "cluster 40-7000 critical",
            "launch 7000-7100 critical",
            "registration 7100-7100 critical",
        ]
    );
}

#[test]
fn gpus_are_a_part_of_the_boot_only_where_they_were_awaited() {
    let (mut state, mut timeline) = begun();
    state.gpus = Need::Busy;
    at(&state, &mut timeline, 60);
    state.engine = EngineState::Up;
    state.identity = Need::Met;
    state.user_data = Need::Met;
    at(&state, &mut timeline, 500);
    // The driver is late: they are missing, and looked for again.
    state.gpus = Need::Missing;
    at(&state, &mut timeline, 900);
    state.gpus = Need::Met;
    state.agent = AgentState::Launching;
    at(&state, &mut timeline, 3000);
    state.agent = registered(true);
    at(&state, &mut timeline, 3200);
    let line = line(&timeline);
    assert!(
        line.contains(&"gpu 60-3000 critical".to_owned()),
        "{line:?}"
    );
    assert!(line.contains(&"engine 50-500".to_owned()), "{line:?}");

    let (mut state, mut timeline) = begun();
    state.agent = registered(true);
    at(&state, &mut timeline, 3200);
    let spans = &timeline.view().spans;
    assert!(spans.iter().all(|span| span.name != SpanName::Gpu));
}

#[test]
fn an_agent_that_fails_at_first_is_one_long_launch() {
    let (mut state, mut timeline) = begun();
    state.agent = AgentState::Launching;
    at(&state, &mut timeline, 100);
    state.agent = AgentState::BackingOff;
    at(&state, &mut timeline, 200);
    state.agent = AgentState::Launching;
    at(&state, &mut timeline, 700);
    state.agent = registered(false);
    at(&state, &mut timeline, 800);
    let launch = line(&timeline)
        .into_iter()
        .find(|span| span.starts_with("launch"));
    assert_eq!(launch.as_deref(), Some("launch 100-800"));
}

#[test]
fn only_a_whole_line_of_this_boot_is_taken_over() {
    let mut timeline = Timeline::begin(&Root::host());
    let own = timeline.view().clone();
    let kept = BootView {
        healthy_ms: Some(5),
        exec_after_kernel_ms: 7,
        ..own.clone()
    };
    for other in [
        BootView {
            boot_id: Some("another".to_owned()),
            ..kept.clone()
        },
        BootView {
            boot_id: None,
            ..kept.clone()
        },
        BootView {
            healthy_ms: None,
            ..kept.clone()
        },
    ] {
        timeline.resume(other);
        assert_eq!(timeline.view(), &own);
    }
    timeline.resume(kept.clone());
    assert_eq!(timeline.view(), &kept);
}
