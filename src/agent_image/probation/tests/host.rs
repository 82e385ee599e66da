//! A supervisor and its Docker, as simple as can be.

use std::collections::BTreeMap;

use super::super::*;
use crate::agent_image::Origin;

pub const REFERENCE: &str = "amazon/amazon-ecs-agent:latest";
pub fn image(name: &str) -> KnownImage {
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
pub struct Host {
    pub record: Record,
    pub rules: Rules,
    pub now: Duration,
    pub tags: BTreeMap<String, String>,
    pub images: Vec<String>,
    pub running: Option<String>,
    pub starts: Vec<String>,
    pub desired: String,
    /// Steps left until one fails.
    pub failing_step: Option<usize>,
    pub decided_anew: u32,
    pub reports: Vec<String>,
}

impl Host {
    pub fn new() -> Self {
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

    pub fn event(&mut self, event: Event) {
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

    pub fn start(&mut self) {
        if self.running.is_none() && !self.record.is_changing() {
            let name = self.tags[REFERENCE].clone();
            self.starts.push(name.clone());
            self.running = Some(name);
            self.event(Event::Started);
        }
    }

    /// The agent ends; an ordinary supervisor starts it again.
    pub fn exit(&mut self, code: i64) {
        if self.running.take().is_some() {
            self.event(Event::Exited(code));
            self.start();
        }
    }

    pub fn pass(&mut self, time: Duration) {
        self.now += time;
        self.event(Event::Tick);
    }

    pub fn starts_of(&self, name: &str) -> usize {
        self.starts
            .iter()
            .filter(|started| *started == name)
            .count()
    }
}
