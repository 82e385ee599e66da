//! Follows the snapshot and has done what the machine asks for, beside the supervision and never in its way.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::acting::{Act, Outcome, Seen, State};
use super::perform::{Ended, Target, Tools, perform};
use crate::host::files::{Kind, replace};
use crate::settings::Settings;
use crate::snapshot::{ActionView, LifecycleView, Phase, Snapshot, Timestamp};

/// While this file is there, nothing is done.
pub const KILL_SWITCH: &str = "/etc/ecs-nanny/no-actions";
/// What was done in this boot: it goes with `/run`.
pub const RECORD: &str = "/run/ecs-nanny/acted.json";
const MODE: u32 = 0o644;
/// How often spans are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What was done in this boot, for this instance.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Record {
    instance_id: String,
    done: Vec<String>,
}

/// Acts until the supervision ends. Passes what is announced on, with what was done.
pub async fn act(
    tools: Tools,
    mut announced: mpsc::UnboundedReceiver<LifecycleView>,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    mut settings: watch::Receiver<Arc<Settings>>,
    views: mpsc::UnboundedSender<LifecycleView>,
) {
    let (sender, mut ended) = mpsc::unbounded_channel();
    let mut acting = Acting::new(tools);
    loop {
        let on = settings.borrow_and_update().acting.any();
        tokio::select! {
            Some(view) = announced.recv() => acting.announced = Some(view),
            Some((act, came)) = ended.recv() => acting.ended(act, came),
            seen = snapshots.changed() => if seen.is_err() { return },
            Ok(()) = settings.changed() => {}
            () = tokio::time::sleep(EVERY), if on => {}
        }
        let in_force = settings.borrow().clone();
        let snapshot = snapshots.borrow_and_update().clone();
        for (act, target) in acting.look(&snapshot, &in_force) {
            let (tools, sender) = (acting.tools.clone(), sender.clone());
            tokio::task::spawn_local(async move {
                // Whoever would hear it may have ended.
                let _ = sender.send((act, perform(act, target, tools).await));
            });
        }
        if let Some(view) = acting.changed(&snapshot, &in_force) {
            let _ = views.send(view);
        }
    }
}

struct Acting {
    tools: Tools,
    begun: Instant,
    /// The machine of the instance with this id; an empty one before it is known.
    machine: (String, State),
    /// What is announced, once something was.
    announced: Option<LifecycleView>,
    actions: BTreeMap<Act, ActionView>,
    off: Option<String>,
    drained: Option<Instant>,
    told: LifecycleView,
}

impl Acting {
    fn new(tools: Tools) -> Self {
        Acting {
            tools,
            begun: Instant::now(),
            machine: (String::new(), State::new("", [])),
            announced: None,
            actions: BTreeMap::new(),
            off: None,
            drained: None,
            told: LifecycleView::default(),
        }
    }

    /// What is to be done now, and about whom.
    fn look(&mut self, snapshot: &Snapshot, settings: &Settings) -> Vec<(Act, Target)> {
        let instance = snapshot.instance.as_ref();
        if let Some(id) = instance.map(|it| it.instance_id.as_str())
            && self.machine.0 != id
        {
            let done = self.done_before(id);
            self.machine = (id.to_owned(), State::new(id, done));
        }
        let batch = owned_by_batch(snapshot);
        self.off = self.why_off(snapshot, settings, batch);
        let agent = &snapshot.agent;
        let notices = self.announced.iter().flat_map(|view| &view.notices);
        let seen = Seen {
            phase: snapshot.phase,
            reason: snapshot.reason,
            ready: snapshot.ready(),
            notices: notices.map(|it| it.name).collect(),
            target_state: snapshot.lifecycle.target_state.clone(),
            registered: agent.container_instance_arn.is_some(),
            batch,
            off: self.off.is_some() && !batch,
        };
        let acts = self
            .machine
            .1
            .look(&seen, &settings.acting, self.begun.elapsed());
        let target = Target {
            instance: self.machine.0.clone(),
            region: instance.and_then(|it| it.region.clone()),
            group: settings
                .acting
                .group
                .clone()
                .or_else(|| instance?.auto_scaling_group.clone()),
            hook: settings.acting.launch_hook.clone().unwrap_or_default(),
            cluster: agent.cluster.clone().unwrap_or_default(),
            container_instance: agent.container_instance_arn.clone().unwrap_or_default(),
        };
        for act in &acts {
            self.note(*act, "busy", "under way".to_owned(), String::new());
        }
        acts.into_iter().map(|act| (act, target.clone())).collect()
    }

    fn ended(&mut self, act: Act, ended: Ended) {
        let state = match ended.outcome {
            Outcome::Done => "done",
            Outcome::Failed | Outcome::Refused => "failed",
        };
        self.note(act, state, ended.detail, ended.remedy);
        self.machine
            .1
            .ended(act, ended.outcome, self.begun.elapsed());
        if ended.outcome == Outcome::Done {
            self.drained = self.drained.or((act == Act::Drain).then(Instant::now));
            self.keep();
        }
    }

    fn note(&mut self, act: Act, state: &str, detail: String, remedy: String) {
        let view = ActionView {
            name: act.word().to_owned(),
            state: state.to_owned(),
            detail,
            at: Timestamp::now(),
            remedy,
        };
        self.actions.insert(act, view);
    }

    /// The view, where it is another than the one that was told.
    fn changed(&mut self, snapshot: &Snapshot, settings: &Settings) -> Option<LifecycleView> {
        self.follow_drain(snapshot.agent.tasks_running, settings.acting.drain_budget);
        // What the group wants is known before anything is announced.
        let announced = self.announced.clone().unwrap_or_else(|| LifecycleView {
            target_state: snapshot.lifecycle.target_state.clone(),
            ..LifecycleView::default()
        });
        let view = LifecycleView {
            actions: self.actions.values().cloned().collect(),
            actions_off: self.off.clone(),
            ..announced
        };
        (view != self.told).then(|| {
            self.told = view.clone();
            view
        })
    }

    /// Says how many tasks are left, and after the budget that they did not end.
    fn follow_drain(&mut self, tasks: Option<u64>, budget: Duration) {
        let Some(since) = self.drained else { return };
        let (state, detail, remedy) = match tasks {
            Some(0) => ("done", "DRAINING, and no task runs any more".to_owned(), ""),
            Some(left) if since.elapsed() >= budget => (
                "failed",
                format!("{left} tasks still ran after acting.drain_budget"),
                "give tasks less time to stop (ECS_CONTAINER_STOP_TIMEOUT), or the budget more",
            ),
            Some(left) => ("done", format!("DRAINING, {left} tasks still run"), ""),
            None => return,
        };
        let known = self.actions.get(&Act::Drain);
        if known.is_none_or(|known| known.detail != detail) {
            self.note(Act::Drain, state, detail, remedy.to_owned());
        }
    }

    fn why_off(&self, snapshot: &Snapshot, settings: &Settings, batch: bool) -> Option<String> {
        if !settings.acting.any() {
            return None;
        }
        if self.tools.root.kind(KILL_SWITCH) != Kind::Absent {
            return Some(format!("{KILL_SWITCH} is there"));
        }
        if snapshot.phase == Phase::Held {
            return Some("an operator holds the supervision".to_owned());
        }
        batch.then(|| "AWS Batch owns the instance: AWS is not called".to_owned())
    }

    fn done_before(&self, id: &str) -> Vec<Act> {
        let bytes = std::fs::read(self.tools.root.path(RECORD)).unwrap_or_default();
        let record: Record = serde_json::from_slice(&bytes).unwrap_or_default();
        let of_this = record.instance_id == id;
        let words = record.done.into_iter().filter(|_| of_this);
        words.filter_map(|word| Act::of_word(&word)).collect()
    }

    /// `/run` is memory: this write does not wait for a disk.
    fn keep(&self) {
        // A command may end before it is known which instance this is: what an earlier process noted of it stays.
        if self.machine.0.is_empty() {
            return;
        }
        let record = Record {
            instance_id: self.machine.0.clone(),
            done: self
                .machine
                .1
                .done()
                .map(|act| act.word().to_owned())
                .collect(),
        };
        let bytes = serde_json::to_vec(&record).unwrap_or_default();
        let path = self.tools.root.path(RECORD);
        if let Err(error) = replace(Path::new(&path), MODE, &bytes) {
            tracing::warn!("{RECORD} could not be written: {error}");
        }
    }
}

/// By a tag of the instance, or by how AWS Batch names its groups and clusters: `AWSBatch-NAME-…`, and of old
/// `NAME_Batch_…`.
fn owned_by_batch(snapshot: &Snapshot) -> bool {
    let instance = snapshot.instance.as_ref();
    let group = instance.and_then(|it| it.auto_scaling_group.as_deref());
    let cluster = snapshot.agent.cluster.as_deref();
    instance.is_some_and(|it| it.aws_batch)
        || group.is_some_and(|name| name.starts_with("AWSBatch-"))
        || cluster.is_some_and(|name| name.starts_with("AWSBatch-") || name.contains("_Batch_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::files::Root;
    use crate::snapshot::sample;

    #[test]
    fn what_ends_before_the_instance_is_known_takes_nothing_from_the_record() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        let tools = Tools {
            root: root.clone(),
            aws: String::new(),
            nanny: String::new(),
        };
        let snapshot = sample::full();
        let id = snapshot.instance.as_ref().unwrap().instance_id.clone();
        let mut before = Acting::new(tools.clone());
        before.look(&snapshot, &Settings::default());
        let done = |detail: &str| Ended {
            outcome: Outcome::Done,
            detail: detail.to_owned(),
            remedy: String::new(),
        };
        before.ended(Act::Drain, done("drained"));
        assert_eq!(before.done_before(&id), [Act::Drain]);

        let mut after = Acting::new(tools);
        after.ended(Act::Command, done("the command has run"));
        assert_eq!(after.done_before(&id), [Act::Drain]);
    }
}
