//! Many faults, on some hosts at a time. A host is used again as long as nothing was wrong on it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::arguments::Terms;
use crate::judge::{Manner, Outcome, judge};
use crate::report;
use crate::scene::Scene;
use crate::table::Fault;
use crate::unit::Supervisor;

/// What is done so far, told as it is done.
#[derive(Clone)]
pub struct Progress {
    done: Arc<Mutex<Vec<Outcome>>>,
    total: usize,
}

impl Progress {
    /// Nothing is done of so many.
    pub fn of(total: usize) -> Self {
        Progress {
            done: Arc::default(),
            total,
        }
    }

    /// One more.
    pub fn done(&self, outcome: Outcome) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        println!(
            "{}/{} {}",
            done.len() + 1,
            self.total,
            report::progress(&outcome)
        );
        done.push(outcome);
    }

    /// All of them.
    pub fn outcomes(&self) -> Vec<Outcome> {
        std::mem::take(&mut *self.done.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Does every fault, and answers with what came of each, in their order.
pub async fn run(
    faults: Vec<&'static Fault>,
    supervisor: &Supervisor,
    terms: &Terms,
    hosts: u32,
) -> Vec<Outcome> {
    let order: Vec<&str> = faults.iter().map(|fault| fault.name).collect();
    let progress = Progress::of(faults.len());
    let queue = Arc::new(Mutex::new(VecDeque::from(faults)));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..hosts {
        let (queue, progress) = (queue.clone(), progress.clone());
        let mut slot = Slot::new(supervisor, terms);
        let terms = terms.clone();
        workers.spawn(async move {
            while let Some(fault) = next(&queue) {
                let manner = Manner::ByTheTable {
                    hold: terms.hold(fault.hold),
                };
                progress.done(slot.meet(fault, manner).await);
            }
            slot.end().await;
        });
    }
    while workers.join_next().await.is_some() {}
    let mut done = progress.outcomes();
    done.sort_by_key(|outcome| order.iter().position(|name| *name == outcome.name));
    done
}

fn next(queue: &Mutex<VecDeque<&'static Fault>>) -> Option<&'static Fault> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    queue.pop_front()
}

/// A host for one fault after another; a new one where the last was not left as it should be.
pub struct Slot {
    scene: Option<Scene>,
    supervisor: Supervisor,
    terms: Terms,
}

impl Slot {
    /// No host yet.
    pub fn new(supervisor: &Supervisor, terms: &Terms) -> Self {
        Slot {
            scene: None,
            supervisor: supervisor.clone(),
            terms: terms.clone(),
        }
    }

    /// Does one fault.
    pub async fn meet(&mut self, fault: &'static Fault, manner: Manner) -> Outcome {
        let mut scene = match self.scene.take() {
            Some(scene) => scene,
            None => match Scene::begin(&self.supervisor, &self.terms).await {
                Ok(scene) => scene,
                Err(error) => return Outcome::failed(fault.name, format!("{error:#}")),
            },
        };
        let outcome = judge(&mut scene, fault, manner).await;
        if outcome.wrong.is_empty() {
            self.scene = Some(scene);
        } else {
            scene.end().await;
        }
        outcome
    }

    /// Ends the host.
    pub async fn end(self) {
        if let Some(scene) = self.scene {
            scene.end().await;
        }
    }
}
