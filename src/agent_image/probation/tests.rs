use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::agent_image::Origin;

const REFERENCE: &str = "amazon/amazon-ecs-agent:latest";
const MINUTE: Duration = Duration::from_secs(60);

fn image(name: &str) -> KnownImage {
    KnownImage {
        id: format!("sha256:{name}"),
        fingerprint: name.to_owned(),
        version: None,
        created: String::new(),
        origin: Origin::Update,
        tarball: Some(format!("/var/cache/ecs/{name}.tar")),
    }
}

/// A supervisor and its Docker, as simple as can be: what is asked is done, unless it is told to fail.
struct Host {
    record: Record,
    rules: Rules,
    now: Duration,
    tags: BTreeMap<String, String>,
    images: Vec<String>,
    running: Option<String>,
    starts: Vec<String>,
    desired: String,
    /// Steps left until one fails.
    failing_step: Option<usize>,
    decided_anew: u32,
    reports: Vec<String>,
}

impl Host {
    fn new() -> Self {
        let mut host = Host {
            record: Record::default(),
            rules: Rules::new(REFERENCE),
            now: Duration::ZERO,
            tags: BTreeMap::from([(REFERENCE.to_owned(), "old".to_owned())]),
            images: vec!["old".to_owned()],
            running: None,
            starts: Vec::new(),
            desired: "new".to_owned(),
            failing_step: None,
            decided_anew: 0,
            reports: Vec::new(),
        };
        host.event(Event::Using(image("old")));
        host.start();
        host
    }

    fn event(&mut self, event: Event) {
        // What is recorded survives, the clocks do not.
        if event == Event::Resumed {
            self.record = serde_json::from_slice(&self.record.bytes()).unwrap();
        }
        let (record, actions) = step(self.record.clone(), event, self.now, &self.rules);
        self.record = record;
        for action in actions {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::ReadDesiredImage => {
                let candidate = image(&self.desired.clone());
                self.event(Event::UpdateWanted(candidate));
            }
            Action::Change(steps) => {
                let failed = steps.into_iter().find_map(|step| self.docker(step).err());
                self.event(match failed {
                    Some(why) => Event::ChangeFailed(why),
                    None => Event::Changed(image(&self.tags[REFERENCE])),
                });
            }
            Action::StartAnew => {
                self.running = None;
                self.start();
            }
            Action::StartAgain => self.start(),
            Action::DecideAnew => self.decided_anew += 1,
            Action::Confirmed => {}
            Action::Remove(id) => self.images.retain(|name| image(name).id != id),
            Action::Report(finding) => self.reports.push(finding.observed),
        }
    }

    fn docker(&mut self, step: Step) -> Result<(), String> {
        if let Some(left) = self.failing_step.as_mut() {
            if *left == 0 {
                self.failing_step = None;
                return Err("Docker is away".to_owned());
            }
            *left -= 1;
        }
        match step {
            Step::Tag {
                image: id,
                reference,
            } => {
                let found = self.images.iter().find(|name| image(name).id == id);
                let name = found.ok_or("no such image")?;
                self.tags.insert(reference, name.clone());
            }
            Step::Untag { reference } => {
                if let Some(name) = self.tags.remove(&reference)
                    && !self.tags.values().any(|tagged| *tagged == name)
                {
                    self.images.retain(|image| *image != name);
                }
            }
            Step::Load { tarball } => {
                let name = tarball.rsplit('/').next().unwrap().trim_end_matches(".tar");
                self.images.push(name.to_owned());
                self.tags.insert(REFERENCE.to_owned(), name.to_owned());
            }
        }
        Ok(())
    }

    fn start(&mut self) {
        if self.running.is_none() && !self.record.is_changing() {
            let name = self.tags[REFERENCE].clone();
            self.starts.push(name.clone());
            self.running = Some(name);
            self.event(Event::Started);
        }
    }

    /// The agent ends; an ordinary supervisor starts it again.
    fn exit(&mut self, code: i64) {
        if self.running.take().is_some() {
            self.event(Event::Exited(code));
            self.start();
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.event(Event::Tick);
    }

    fn starts_of(&self, name: &str) -> usize {
        self.starts
            .iter()
            .filter(|started| *started == name)
            .count()
    }
}

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
