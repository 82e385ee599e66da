//! The transitions of a probation.

use std::time::Duration;

use super::super::findings::problem;
use super::super::record::{Clock, KnownImage, Record, Stage};
use super::{Action, Event, PREVIOUS_REFERENCE, Rules, Step};
use crate::finding::Severity;

/// The agent's exit status that asks for an update (amazon-ecs-agent, `sighandlers/exitcodes`).
const EXIT_UPDATE: i64 = 42;
/// Its exit status that asks not to be started again.
const EXIT_TERMINAL: i64 = 5;
/// How often putting the current image back is tried: by its tag, then from its tarball.
const ROLL_BACK_TRIES: u32 = 2;

pub(super) struct Machine<'a> {
    record: Record,
    actions: Vec<Action>,
    now: Duration,
    rules: &'a Rules,
}

impl<'a> Machine<'a> {
    pub(super) fn new(record: Record, now: Duration, rules: &'a Rules) -> Self {
        Machine {
            record,
            actions: Vec::new(),
            now,
            rules,
        }
    }

    /// The record after an event, and what is to be done.
    pub(super) fn take(mut self, event: Event) -> (Record, Vec<Action>) {
        // Whatever does not say otherwise settles.
        match std::mem::take(&mut self.record.stage) {
            Stage::Settled => self.settled(event),
            Stage::Loading { candidate } => self.loading(candidate, event),
            Stage::OnProbation {
                candidate,
                starts,
                clock,
            } => self.on_probation(candidate, starts, clock, event),
            Stage::RollingBack {
                candidate,
                failures,
            } => self.rolling_back(candidate, failures, event),
        }
        (self.record, self.actions)
    }

    fn settled(&mut self, event: Event) {
        match event {
            Event::Using(image) => self.record.current = Some(image),
            Event::Exited(EXIT_UPDATE) => self.actions.push(Action::ReadDesiredImage),
            Event::UpdateWanted(candidate) => match self.objection(&candidate) {
                Some(why) => self.refuse(&candidate, &why),
                None => self.load(candidate),
            },
            Event::Healthy(Some(version)) => {
                if let Some(current) = &mut self.record.current {
                    current.version = Some(version);
                }
            }
            _ => {}
        }
    }

    /// Why a candidate is not to be tried.
    fn objection(&self, candidate: &KnownImage) -> Option<String> {
        if let Some(rejected) = self.record.rejection(&candidate.fingerprint) {
            return Some(format!("it was tried before: {}", rejected.why));
        }
        let Some(current) = &self.record.current else {
            return Some("there is no image to go back to".to_owned());
        };
        if current.is(candidate) {
            return Some("it runs already".to_owned());
        }
        let resting = self
            .record
            .gave_up
            .is_some_and(|gave_up| self.now < gave_up + self.rules.pause);
        resting.then(|| "another update was given up a short while ago".to_owned())
    }

    fn refuse(&mut self, candidate: &KnownImage, why: &str) {
        self.report(
            Severity::Recommended,
            candidate,
            format!("the update to {} is refused: {why}", candidate.name()),
        );
        self.actions.push(Action::StartAgain);
    }

    fn load(&mut self, candidate: KnownImage) {
        let (Some(current), Some(tarball)) = (&self.record.current, candidate.tarball.clone())
        else {
            return;
        };
        self.actions.push(Action::Change(vec![
            Step::Untag {
                reference: PREVIOUS_REFERENCE.to_owned(),
            },
            Step::Tag {
                image: current.id.clone(),
                reference: PREVIOUS_REFERENCE.to_owned(),
            },
            Step::Load { tarball },
        ]));
        self.record.previous = None;
        self.record.stage = Stage::Loading { candidate };
    }

    fn loading(&mut self, candidate: KnownImage, event: Event) {
        match event {
            Event::Changed(image) if image.is(&candidate) => {
                self.record.stage = Stage::OnProbation {
                    candidate: KnownImage {
                        id: image.id,
                        ..candidate
                    },
                    starts: 0,
                    clock: self.clock(),
                };
                self.actions.push(Action::StartAnew);
            }
            Event::Changed(image) => {
                let why = format!("Docker made {} of its tarball", image.id);
                self.give_up(candidate, &why, true);
            }
            Event::ChangeFailed(why) => self.give_up(candidate, &why, false),
            Event::Resumed => {
                self.give_up(candidate, "ecs-nanny ended while it was loaded", false);
            }
            _ => self.record.stage = Stage::Loading { candidate },
        }
    }

    fn clock(&self) -> Clock {
        Clock {
            since: Some(self.now),
            healthy_since: None,
        }
    }

    fn on_probation(
        &mut self,
        mut candidate: KnownImage,
        mut starts: u32,
        mut clock: Clock,
        event: Event,
    ) {
        match event {
            Event::Resumed => clock = self.clock(),
            Event::Started => {
                starts = starts.saturating_add(1);
                clock.healthy_since = None;
            }
            Event::Healthy(version) => {
                candidate.version = version.or(candidate.version);
                clock.healthy_since.get_or_insert(self.now);
            }
            Event::Unhealthy => clock.healthy_since = None,
            Event::Exited(EXIT_UPDATE) => {
                return self.give_up(candidate, "it asked for another update at once", true);
            }
            Event::Exited(EXIT_TERMINAL) => {
                return self.give_up(candidate, "it ended terminally (exit status 5)", true);
            }
            Event::Exited(code) if starts >= self.rules.starts => {
                let why = format!("it ended {starts} times, the last time with exit status {code}");
                return self.give_up(candidate, &why, true);
            }
            Event::Exited(_) => clock.healthy_since = None,
            // Somebody, or a package, put another image in its place.
            Event::Using(image) if !image.is(&candidate) => {
                self.record.previous = self.record.current.replace(image);
                return;
            }
            _ => {}
        }
        let since = *clock.since.get_or_insert(self.now);
        match clock.healthy_since {
            Some(healthy) if self.now >= healthy + self.rules.healthy_for => {
                return self.confirm(candidate);
            }
            None if self.now >= since + self.rules.patience => {
                return self.give_up(candidate, "it did not become healthy in time", true);
            }
            _ => {}
        }
        self.record.stage = Stage::OnProbation {
            candidate,
            starts,
            clock,
        };
    }

    fn confirm(&mut self, candidate: KnownImage) {
        self.record.previous = self.record.current.take();
        self.record.current = Some(candidate);
        self.actions.push(Action::Confirmed);
    }

    fn give_up(&mut self, candidate: KnownImage, why: &str, reject: bool) {
        self.report(
            Severity::Recommended,
            &candidate,
            format!("the update to {} is taken back: {why}", candidate.name()),
        );
        if reject {
            self.record.reject(candidate.clone(), why);
        }
        self.record.gave_up = Some(self.now);
        self.roll_back(candidate, 0);
    }

    fn roll_back(&mut self, candidate: KnownImage, failures: u32) {
        let way_back = self.record.current.as_ref().and_then(|current| {
            if failures == 0 {
                Some(vec![
                    Step::Tag {
                        image: current.id.clone(),
                        reference: self.rules.reference.clone(),
                    },
                    Step::Untag {
                        reference: PREVIOUS_REFERENCE.to_owned(),
                    },
                ])
            } else {
                let tarball = current.tarball.clone()?;
                Some(vec![Step::Load { tarball }])
            }
        });
        match way_back.filter(|_| failures < ROLL_BACK_TRIES) {
            Some(steps) => {
                self.actions.push(Action::Change(steps));
                self.record.stage = Stage::RollingBack {
                    candidate,
                    failures,
                };
            }
            None => self.actions.push(Action::DecideAnew),
        }
    }

    fn rolling_back(&mut self, candidate: KnownImage, failures: u32, event: Event) {
        match event {
            Event::Changed(image)
                if self.record.current.as_ref().is_some_and(|it| it.is(&image)) =>
            {
                self.actions.push(Action::StartAnew);
                self.actions.push(Action::Remove(candidate.id));
            }
            Event::Changed(_) => self.roll_back(candidate, failures + 1),
            Event::ChangeFailed(why) => {
                let told = match self.record.current.as_ref() {
                    Some(current) => format!("{} can't be put back: {why}", current.name()),
                    None => why,
                };
                self.report(Severity::Required, &candidate, told);
                self.roll_back(candidate, failures + 1);
            }
            Event::Resumed => self.roll_back(candidate, 0),
            _ => {
                self.record.stage = Stage::RollingBack {
                    candidate,
                    failures,
                };
            }
        }
    }

    fn report(&mut self, severity: Severity, candidate: &KnownImage, observed: String) {
        self.actions.push(Action::Report(problem(
            "agent.update",
            severity,
            candidate.tarball.as_deref(),
            observed,
            "a new image that stays healthy",
            "look at the agent's last lines; to forbid updates, set agent.updates = \"off\"",
        )));
    }
}
