//! What is seen of a host from outside, all the time: health as it is told, and the truth beside it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use ecs_nanny_lab::host::Host;
use tokio::task::JoinHandle;

use crate::look::{self, Engine, Health};

/// Between two looks at health, dockerd and the agent's process.
const LOOK: Duration = Duration::from_millis(100);
/// Between two questions to the agent.
const ASK: Duration = Duration::from_millis(250);
/// How far two looks may be apart on a busy machine. What is seen by one of them alone is no lie yet.
const SLACK: Duration = Duration::from_millis(1500);

/// Looks at a host until it is ended.
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
    tasks: Vec<JoinHandle<()>>,
}

/// Everything that was seen.
#[derive(Default)]
pub struct Seen {
    /// Health, whenever it changed; `None` while nobody answers.
    pub health: Vec<(SystemTime, Option<Health>)>,
    /// dockerd, whenever it changed.
    pub engine: Vec<(SystemTime, Engine)>,
    /// The agent's processes.
    pub agents: Vec<i32>,
    /// When the agent's container was started, as Docker says, if it runs.
    pub started_at: Option<SystemTime>,
    /// Whether the agent answers with its ARN.
    pub serving: bool,
    /// What must never be.
    pub violations: Vec<String>,
    /// Since when health says that all is well.
    ready: Option<SystemTime>,
    /// How long each lack lasts already.
    lacks: Lacks,
}

/// Since when something is not as it should be.
#[derive(Default)]
struct Lacks {
    agent: Option<SystemTime>,
    answer: Option<SystemTime>,
    engine: Option<SystemTime>,
    engine_answer: Option<SystemTime>,
}

/// How late health may be.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// After the death of a process.
    pub death: Duration,
    /// After the begin of a hang.
    pub hang: Duration,
}

impl Watch {
    /// Begins to look.
    pub fn begin(host: &Arc<Host>, container: &str, deadlines: Deadlines) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let tasks = vec![
            tokio::spawn(follow_health(host.clone(), seen.clone(), deadlines)),
            tokio::spawn(follow_engine(
                host.clone(),
                container.to_owned(),
                seen.clone(),
            )),
            tokio::spawn(follow_processes(host.clone(), seen.clone())),
            tokio::spawn(follow_introspection(host.clone(), seen.clone())),
        ];
        Watch { seen, tasks }
    }

    /// What was seen so far.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }

    /// Ends, and lets go of the host.
    pub async fn end(&mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
            let _ = task.await;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seen {
    /// The last health document, if somebody answers.
    pub fn now(&self) -> Option<&Health> {
        self.health.last()?.1.as_ref()
    }

    /// Whether the agent does its work: alone, serving, and Docker agrees.
    pub fn works(&self) -> bool {
        self.agents.len() == 1
            && self.serving
            && self.started_at.is_some()
            && matches!(self.engine.last(), Some((_, Engine::Answers { .. })))
    }

    /// When dockerd answered for the first time after a moment at which it did not.
    pub fn engine_back_since(&self, moment: SystemTime) -> Option<SystemTime> {
        let mut away = false;
        for (at, engine) in self.engine.iter().filter(|(at, _)| *at >= moment) {
            match engine {
                Engine::Answers { .. } if away => return Some(*at),
                Engine::Answers { .. } => {}
                Engine::Gone | Engine::Silent => away = true,
            }
        }
        None
    }

    /// Takes note of a health document, and of a lie in it.
    fn told(&mut self, health: Option<Health>, deadlines: Deadlines) {
        let now = SystemTime::now();
        lasts(
            &mut self.ready,
            health.as_ref().is_some_and(|health| health.ready),
        );
        if self.ready.is_some_and(|since| now > since + SLACK) {
            let lies = [
                ("no agent runs", self.lacks.agent, deadlines.death),
                (
                    "the agent does not answer",
                    self.lacks.answer,
                    deadlines.hang,
                ),
                ("dockerd is gone", self.lacks.engine, deadlines.death),
                (
                    "dockerd does not answer",
                    self.lacks.engine_answer,
                    deadlines.hang,
                ),
            ];
            for (what, since, deadline) in lies {
                let lasted = since.and_then(|since| now.duration_since(since).ok());
                if let Some(lasted) = lasted.filter(|lasted| *lasted > deadline + SLACK) {
                    self.violation(format!("false healthy: {what} for {lasted:.1?}"));
                }
            }
        }
        if self.health.last().map(|(_, last)| last) != Some(&health) {
            self.health.push((now, health));
        }
    }

    fn engine_is(&mut self, engine: Engine) {
        if let Engine::Answers { started_at } = engine {
            self.started_at = started_at;
        }
        lasts(&mut self.lacks.engine, engine == Engine::Gone);
        lasts(&mut self.lacks.engine_answer, engine == Engine::Silent);
        if self.engine.last().map(|(_, last)| last) != Some(&engine) {
            self.engine.push((SystemTime::now(), engine));
        }
    }

    fn agents_are(&mut self, agents: Vec<i32>) {
        if agents.len() > 1 {
            self.violation(format!("more than one agent: processes {agents:?}"));
        }
        lasts(&mut self.lacks.agent, agents.is_empty());
        self.agents = agents;
    }

    fn agent_serves(&mut self, serving: bool) {
        self.serving = serving;
        lasts(&mut self.lacks.answer, !serving);
    }

    /// One of a kind is enough.
    fn violation(&mut self, words: String) {
        let kind = |words: &str| words.split(" for ").next().map(str::to_owned);
        match self.violations.last_mut() {
            Some(last) if kind(last) == kind(&words) => *last = words,
            _ => self.violations.push(words),
        }
    }
}

/// Since when something is so: kept while it lasts.
fn lasts(since: &mut Option<SystemTime>, is_so: bool) {
    *since = match (*since, is_so) {
        (_, false) => None,
        (None, true) => Some(SystemTime::now()),
        (kept, true) => kept,
    };
}

async fn follow_health(host: Arc<Host>, seen: Arc<Mutex<Seen>>, deadlines: Deadlines) {
    let socket = host.path("/run/ecs-nanny/health.sock");
    loop {
        let health = look::health(&socket).await;
        lock(&seen).told(health, deadlines);
        tokio::time::sleep(LOOK).await;
    }
}

async fn follow_engine(host: Arc<Host>, container: String, seen: Arc<Mutex<Seen>>) {
    let mut client = None;
    loop {
        let socket = engine_socket(&host);
        let engine = look::engine(&mut client, &socket, &container).await;
        lock(&seen).engine_is(engine);
        tokio::time::sleep(LOOK).await;
    }
}

/// dockerd's own socket, also where a fault put it aside.
fn engine_socket(host: &Host) -> PathBuf {
    let aside = host.path(crate::act::SOCKET_ASIDE);
    if aside.exists() {
        return aside;
    }
    host.path("/run/docker.sock")
}

async fn follow_processes(host: Arc<Host>, seen: Arc<Mutex<Seen>>) {
    let proc = host.path("/proc");
    loop {
        lock(&seen).agents_are(look::agents(&proc));
        tokio::time::sleep(LOOK).await;
    }
}

async fn follow_introspection(host: Arc<Host>, seen: Arc<Mutex<Seen>>) {
    loop {
        let serving = look::serving(&host).await;
        lock(&seen).agent_serves(serving);
        tokio::time::sleep(ASK).await;
    }
}
