mod host;

use proptest::prelude::*;

use super::*;
use crate::agent_image::{Clock, Stage};
use host::{Host, REFERENCE, image};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_candidate_that_stays_healthy_is_kept() {
    let mut host = Host::new();
    host.exit(42);
    assert!(host.record.on_probation());
    assert_eq!(host.tags[PREVIOUS_REFERENCE], "old");
    host.pass(5 * MINUTE);
    host.event(Event::Healthy(AgentVersion::find("v1.106.0")));
    host.pass(9 * MINUTE);
    assert!(host.record.on_probation());
    host.pass(MINUTE);
    let current = host.record.current.clone().unwrap();
    assert_eq!(current.fingerprint, "new");
    assert_eq!(current.version, AgentVersion::find("v1.106.0"));
    assert_eq!(host.record.previous, Some(image("old")));
    assert_eq!(host.starts, ["old", "new"]);
    assert!(host.reports.is_empty());

    // The next update removes the image before the previous one.
    host.desired = "newer".to_owned();
    host.exit(42);
    assert_eq!(host.images, ["new", "newer"]);
}

#[test]
fn an_image_that_exits_with_42_for_ever_ends_with_the_one_before_it() {
    let mut host = Host::new();
    for _ in 0..100 {
        if host.running.as_deref() == Some("new") || host.starts.len() == 1 {
            host.exit(42);
        }
    }
    assert_eq!(host.starts, ["old", "new", "old"]);
    assert_eq!(host.running.as_deref(), Some("old"));
    assert_eq!(host.images, ["old"]);
    assert_eq!(host.record.stage, Stage::Settled);
    assert_eq!(
        host.reports,
        ["the update to sha256:new is taken back: it asked for another update at once"]
    );

    host.now += 24 * 60 * MINUTE;
    host.exit(42);
    assert_eq!(
        host.starts_of("new"),
        1,
        "a rejected image is not tried again"
    );
}

#[test]
fn a_candidate_that_crashes_is_started_three_times() {
    let mut host = Host::new();
    host.exit(42);
    for _ in 0..10 {
        if host.running.as_deref() == Some("new") {
            host.exit(139);
        }
    }
    assert_eq!(host.starts, ["old", "new", "new", "new", "old"]);
    assert_eq!(
        host.record.rejected[0].why,
        "it ended 3 times, the last time with exit status 139"
    );
}

#[test]
fn a_candidate_that_ends_terminally_is_started_once() {
    let mut host = Host::new();
    host.exit(42);
    host.exit(5);
    assert_eq!(host.starts, ["old", "new", "old"]);
}

#[test]
fn a_candidate_that_does_not_get_healthy_in_time_is_taken_back() {
    let mut host = Host::new();
    host.exit(42);
    host.pass(14 * MINUTE);
    assert_eq!(host.running.as_deref(), Some("new"));
    host.pass(MINUTE);
    assert_eq!(host.running.as_deref(), Some("old"));

    let mut flapping = Host::new();
    flapping.exit(42);
    for _ in 0..5 {
        flapping.event(Event::Healthy(None));
        flapping.pass(3 * MINUTE);
        flapping.event(Event::Unhealthy);
    }
    assert_eq!(flapping.running.as_deref(), Some("old"));
}

#[test]
fn after_a_failed_update_the_next_one_waits() {
    let mut host = Host::new();
    host.exit(42);
    host.exit(42);
    host.desired = "newer".to_owned();
    host.exit(42);
    assert_eq!(host.starts_of("newer"), 0);
    assert!(host.reports[1].contains("given up a short while ago"));
    host.pass(60 * MINUTE);
    host.exit(42);
    assert_eq!(host.running.as_deref(), Some("newer"));
}

#[test]
fn a_load_that_fails_is_taken_back_and_may_be_tried_again() {
    for step in 0..3 {
        let mut host = Host::new();
        host.failing_step = Some(step);
        host.exit(42);
        assert_eq!(host.running.as_deref(), Some("old"), "step {step}");
        assert_eq!(host.tags[REFERENCE], "old");
        assert!(host.record.rejected.is_empty());
        host.pass(60 * MINUTE);
        host.exit(42);
        assert_eq!(host.running.as_deref(), Some("new"), "step {step}");
    }
}

#[test]
fn what_can_t_be_tagged_back_is_loaded_from_its_tarball_or_decided_anew() {
    let mut host = Host::new();
    host.exit(42);
    host.failing_step = Some(0);
    host.exit(42);
    assert_eq!(host.running.as_deref(), Some("old"));
    assert_eq!(host.decided_anew, 0);

    let mut host = Host::new();
    if let Some(current) = &mut host.record.current {
        current.tarball = None;
    }
    host.exit(42);
    host.failing_step = Some(0);
    host.exit(42);
    assert_eq!(host.decided_anew, 1);
    assert!(host.record.rejection("new").is_some());
}

#[test]
fn an_update_to_what_runs_is_refused() {
    let mut host = Host::new();
    host.desired = "old".to_owned();
    host.exit(42);
    assert_eq!(host.starts, ["old", "old"]);
    assert_eq!(
        host.reports,
        ["the update to sha256:old is refused: it runs already"]
    );
}

#[test]
fn a_probation_outlives_this_process() {
    let mut host = Host::new();
    host.exit(42);
    host.exit(1);
    host.now = Duration::ZERO;
    host.event(Event::Resumed);
    assert!(host.record.on_probation());
    host.exit(1);
    host.exit(1);
    assert_eq!(host.starts, ["old", "new", "new", "new", "old"]);
}

#[test]
fn an_interrupted_change_is_taken_back() {
    let mut host = Host::new();
    host.exit(42);
    host.running = None;
    for stage in [
        Stage::Loading {
            candidate: image("new"),
        },
        Stage::RollingBack {
            candidate: image("new"),
            failures: 1,
        },
    ] {
        host.record.stage = stage;
        host.event(Event::Resumed);
        assert_eq!(host.record.stage, Stage::Settled);
        assert_eq!(host.running.as_deref(), Some("old"));
        assert!(host.record.rejected.is_empty());
    }
}

#[test]
fn the_record_is_read_as_it_was_written() {
    let mut host = Host::new();
    host.exit(42);
    host.exit(42);
    let mut record = host.record.clone();
    record.stage = Stage::OnProbation {
        candidate: image("newer"),
        starts: 2,
        clock: Clock::default(),
    };
    record.gave_up = None;
    let again: Record = serde_json::from_slice(&record.bytes()).unwrap();
    assert_eq!(again, record);
}

#[derive(Debug, Clone)]
enum Happening {
    Exit(i64),
    Pass(u64),
    Healthy,
    Unhealthy,
    Crash,
    Desire(u8),
    Fail(usize),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => prop_oneof![Just(42), Just(1), Just(5), Just(137), Just(0)].prop_map(Happening::Exit),
        3 => (0..30u64).prop_map(Happening::Pass),
        2 => Just(Happening::Healthy),
        1 => Just(Happening::Unhealthy),
        1 => Just(Happening::Crash),
        1 => (0..4u8).prop_map(Happening::Desire),
        1 => (0..3usize).prop_map(Happening::Fail),
    ]
}

proptest! {
    #[test]
    fn no_history_starts_a_rejected_image_or_loses_the_way_back(
        history in prop::collection::vec(happening(), 0..200)
    ) {
        let mut host = Host::new();
        for happening in history {
            match happening {
                Happening::Exit(code) => host.exit(code),
                Happening::Pass(minutes) => host.pass(minutes as u32 * MINUTE),
                Happening::Healthy => host.event(Event::Healthy(None)),
                Happening::Unhealthy => host.event(Event::Unhealthy),
                Happening::Crash => host.event(Event::Resumed),
                Happening::Desire(number) => host.desired = format!("update{number}"),
                Happening::Fail(step) => host.failing_step = Some(step),
            }
            // Nothing runs that was rejected, but where Docker failed twice and there is nothing else.
            if let (Some(running), 0) = (host.running.clone(), host.decided_anew) {
                prop_assert!(host.record.rejection(&running).is_none(), "{running} runs");
            }
            if let Stage::OnProbation { starts, .. } = host.record.stage {
                prop_assert!(starts <= host.rules.starts);
            }
            let current = host.record.current.clone().unwrap();
            prop_assert!(host.images.contains(&current.fingerprint), "{} is lost", current.fingerprint);
            if host.record.on_probation() {
                prop_assert_eq!(&host.tags[PREVIOUS_REFERENCE], &current.fingerprint);
            }
            prop_assert!(!host.record.is_changing());
            host.start();
        }
    }
}
