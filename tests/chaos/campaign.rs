//! Many faults, on some hosts at a time. A host is used again as long as nothing was wrong on it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::arguments::Terms;
use crate::judge::{Outcome, judge};
use crate::report;
use crate::scene::Scene;
use crate::table::Fault;
use crate::unit::Supervisor;

/// Does every fault, and answers with what came of each, in their order.
pub async fn run(
    faults: Vec<&'static Fault>,
    supervisor: &Supervisor,
    terms: &Terms,
    hosts: u32,
) -> Vec<Outcome> {
    let order: Vec<&str> = faults.iter().map(|fault| fault.name).collect();
    let total = faults.len();
    let queue = Arc::new(Mutex::new(VecDeque::from(faults)));
    let done = Arc::new(Mutex::new(Vec::new()));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..hosts {
        let (queue, done) = (queue.clone(), done.clone());
        let (supervisor, terms) = (supervisor.clone(), terms.clone());
        workers.spawn(async move {
            let mut scene = None;
            while let Some(fault) = next(&queue) {
                let outcome = one(&mut scene, fault, &supervisor, &terms).await;
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                done.push(outcome);
                if let Some(last) = done.last() {
                    println!("{}/{total} {}", done.len(), report::progress(last));
                }
            }
            if let Some(scene) = scene {
                scene.end().await;
            }
        });
    }
    while workers.join_next().await.is_some() {}
    let mut done = std::mem::take(&mut *done.lock().unwrap_or_else(PoisonError::into_inner));
    done.sort_by_key(|outcome| order.iter().position(|name| *name == outcome.name));
    done
}

fn next(queue: &Mutex<VecDeque<&'static Fault>>) -> Option<&'static Fault> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    queue.pop_front()
}

/// One fault on a host that is well; on a new one where the last was not left so.
async fn one(
    scene: &mut Option<Scene>,
    fault: &'static Fault,
    supervisor: &Supervisor,
    terms: &Terms,
) -> Outcome {
    let failed = |wrong: String| Outcome {
        name: fault.name,
        wrong: vec![wrong],
        ..Outcome::default()
    };
    let mut here = match scene.take() {
        Some(scene) => scene,
        None => match Scene::begin(supervisor, terms).await {
            Ok(scene) => scene,
            Err(error) => return failed(format!("{error:#}")),
        },
    };
    let outcome = judge(&mut here, fault, terms.hold(fault.hold)).await;
    if outcome.wrong.is_empty() {
        *scene = Some(here);
    } else {
        here.end().await;
    }
    outcome
}
