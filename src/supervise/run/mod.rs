//! The loop: one task that owns the state. It hears news, steps the machine, publishes the snapshot and starts what the
//! machine asks for. It never waits for an action.

mod agent;
mod gpus;
mod hear;
mod images;
mod lifecycle;
mod records;
mod saved_state;
mod signals;
mod together;
mod volumes;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tracing::Instrument;

use crate::exit::Exit;
use crate::facts::{HostFacts, share_of};
use crate::finding::Finding;
use crate::host::alarm::Alarm;
use crate::host::files::Root;
use crate::host::notify;
use crate::host::watch::Watch;
use crate::plan::EnginePlan;
use crate::settings::{Loaded, OnFailed, Settings};
use crate::snapshot::{LifecycleView, Phase, Reason, Snapshot};

use super::board::{Board, REFRESH};
use super::engine::Backend;
use super::images::Images;
use super::news::News;
use super::state::{Action, Answer, Event, LONGEST_WAIT, Policy, State, Timer};
use super::tasks::{self, Crew, SettingsSource};
use super::timeline::Timeline;
use records::CurrentSpan;
use signals::Signals;
use together::together;

/// What the loop needs from whoever composes it.
pub struct Setup {
    /// The settings at the start.
    pub loaded: Loaded,
    /// How they are read again.
    pub settings_source: SettingsSource,
    /// The host's files.
    pub root: Root,
    /// How the engine is run.
    pub backend: Backend,
    /// Files whose change is looked at.
    pub watched_files: Vec<PathBuf>,
    /// Directories whose settings files are looked at.
    pub watched_directories: Vec<PathBuf>,
    /// What was read of the host to choose the backend: it is not read twice at the start.
    pub host: HostFacts,
    /// The boot's time line, begun at exec.
    pub timeline: Timeline,
    /// Where settings go that are in force.
    pub in_force: watch::Sender<Arc<Settings>>,
    /// What EC2 and Auto Scaling announce, whole at each change.
    pub announced: mpsc::UnboundedReceiver<LifecycleView>,
    /// Where snapshots go.
    pub snapshots: watch::Sender<Arc<Snapshot>>,
    /// What is to be said of the port that health is served on, whenever that changes.
    pub health_port: mpsc::UnboundedReceiver<Option<Finding>>,
}

/// Runs until a signal or, where the settings say so, a failure ends it. To be run on a `LocalSet`.
///
/// # Errors
/// Those of installing signal handlers.
pub async fn run(setup: Setup) -> std::io::Result<Exit> {
    let (sender, news) = mpsc::unbounded_channel();
    let owns_engine = matches!(setup.backend, Backend::Child { .. });
    let (state, first) = State::start(policy(&setup.loaded.settings, owns_engine));
    let board = Board::new(setup.loaded.clone(), setup.backend.word(), setup.timeline);
    let images = Images::open(&setup.root, &setup.loaded.settings.agent.image);
    let crew = Crew::new(
        sender,
        setup.root,
        Arc::new(setup.loaded.settings),
        setup.settings_source,
        setup.backend,
    )
    .knowing(setup.host);
    let mut supervisor = Supervisor {
        state,
        board,
        crew,
        timers: BTreeMap::new(),
        snapshots: setup.snapshots,
        in_force: setup.in_force,
        told: BTreeMap::new(),
        next_word: None,
        images,
        images_resumed: false,
        moved_state_aside: false,
        noted_instance: None,
        reload_asked: false,
        gpus_asked: false,
        unshown: true,
        span: None,
        ending: None,
    };
    let signals = Signals::install()?;
    let watch = Watch::new(&setup.watched_files, &setup.watched_directories)
        .inspect_err(|error| tracing::warn!("changed files are read on SIGHUP alone: {error}"));
    supervisor.perform(first);
    supervisor.show();
    let ears = Ears {
        news,
        announced: setup.announced,
        health_port: setup.health_port,
        signals,
        watch: watch.ok(),
    };
    supervisor.listen(ears).await
}

struct Supervisor {
    state: State,
    board: Board,
    crew: Crew,
    timers: BTreeMap<Timer, Instant>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    in_force: watch::Sender<Arc<Settings>>,
    /// Failed findings that were recorded, so that each is recorded once.
    told: BTreeMap<String, Finding>,
    next_word: Option<Instant>,
    images: Images,
    images_resumed: bool,
    moved_state_aside: bool,
    /// The instance whose state the agent's is known to be.
    noted_instance: Option<String>,
    reload_asked: bool,
    gpus_asked: bool,
    /// Something may have changed since the document was last shown.
    unshown: bool,
    span: Option<CurrentSpan>,
    ending: Option<Exit>,
}

impl Supervisor {
    async fn listen(mut self, mut ears: Ears) -> std::io::Result<Exit> {
        let beat = notify::watchdog()
            .map_or(REFRESH, |within| within / 2)
            .min(REFRESH);
        let mut alarm = Alarm::new();
        let mut beaten = Instant::now();
        let mut refreshed = Instant::now();
        notify::alive();
        while self.ending.is_none() {
            let wake = self.wake().min(beaten + beat);
            let span = self.span();
            let heard = async {
                tokio::select! {
                    Some(news) = ears.news.recv() => Heard::News(Box::new(news)),
                    Some(view) = ears.announced.recv() => Heard::News(Box::new(News::Announced(view))),
                    Some(finding) = ears.health_port.recv() => Heard::News(Box::new(News::HealthPort(finding))),
                    event = ears.signals.next() => Heard::News(Box::new(News::Plain(event))),
                    () = changed(&mut ears.watch) => Heard::News(Box::new(News::Plain(Event::ConfigurationChanged))),
                    () = alarm.at(wake) => Heard::Time,
                }
            }
            .instrument(span.clone())
            .await;
            let _entered = span.enter();
            match heard {
                Heard::News(news) => self.hear(*news),
                Heard::Time => self.fire(),
            }
            self.show();
            // Early where we are awake anyway: fewer wakings, and never later than the watchdog allows.
            if beaten.elapsed() >= beat / 2 {
                beaten = Instant::now();
                notify::alive();
                self.judge_health();
                if refreshed.elapsed() >= REFRESH {
                    refreshed = Instant::now();
                    self.crew.look_at_volumes();
                    self.renew();
                }
            }
        }
        self.renew();
        Ok(self.ending.unwrap_or(Exit::Done))
    }

    /// When the next timer is due.
    fn wake(&self) -> Instant {
        const NEVER: Duration = Duration::from_secs(24 * 60 * 60);
        self.timers
            .values()
            .copied()
            .chain(self.next_word)
            .min()
            .unwrap_or_else(|| Instant::now() + NEVER)
    }

    fn fire(&mut self) {
        let now = Instant::now();
        let due: Vec<Timer> = self
            .timers
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(timer, _)| *timer)
            .collect();
        for timer in due {
            self.timers.remove(&timer);
            self.step(Event::Fired(timer));
        }
        if self.next_word.is_some_and(|at| at <= now) {
            self.say_what_is_awaited();
        }
    }

    fn step(&mut self, event: Event) {
        let before = self.state.clone();
        let actions = self.state.step(event);
        self.perform(actions);
        let changed = self.board.note(&self.state);
        if changed {
            self.record_phase();
            if self.state.phase().0 == Phase::Healthy {
                self.crew.announce_health();
            }
        }
        // Probes come and go without a trace.
        if self.state != before {
            self.publish();
        }
    }

    fn answer(&mut self, answer: Answer) {
        self.step(Event::Answered(answer));
    }

    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Arm { timer, after } => self.arm(timer, after),
                Action::Disarm(timer) => {
                    self.timers.remove(&timer);
                }
                Action::DisarmAll => {
                    self.timers.clear();
                    self.board.retries.clear();
                }
                Action::Exit => self.ending = Some(self.exit()),
                Action::StopAgent { hurry } => {
                    notify::stopping();
                    tracing::info!(
                        "stopping the agent{}",
                        if hurry { " without grace" } else { "" }
                    );
                    self.crew.perform(action);
                }
                other => self.crew.perform(other),
            }
        }
    }

    /// Arms a timer as it stands, without jitter.
    fn timer(&mut self, timer: Timer, after: Duration) {
        self.timers.insert(timer, Instant::now() + after);
    }

    fn arm(&mut self, timer: Timer, after: Duration) {
        let wait = match timer {
            Timer::Reconnect => after + after.mul_f64(self.share()),
            _ if timer.jittered() => jittered(after),
            _ => after,
        };
        let mut at = Instant::now() + wait;
        if timer.keeps_watch() {
            at = together(self.timers.values().copied(), at, wait);
        }
        self.timers.insert(timer, at);
        if self.board.tried_again(timer, wait, &self.state) {
            self.publish();
        }
    }

    /// Spreads over a fleet that lost its connections at once when its agents are started.
    fn share(&self) -> f64 {
        let instance = self.board.facts.instance.known();
        share_of(instance.map_or("", |instance| &instance.instance_id))
    }

    /// What the process ends with.
    fn exit(&self) -> Exit {
        match self.state.phase() {
            (Phase::Failed, Some(Reason::HostUnfit)) => Exit::HostUnfit,
            (Phase::Failed, _) => Exit::AgentTerminal,
            _ => Exit::Done,
        }
    }

    /// The document is made anew once all of what was heard is taken in.
    fn publish(&mut self) {
        self.unshown = true;
    }

    /// Shows what changed; a document in which nothing but its clock moved on waits for [`Self::renew`].
    fn show(&mut self) {
        if !std::mem::take(&mut self.unshown) {
            return;
        }
        let mut snapshot = self.board.snapshot();
        self.snapshots.send_if_modified(|shown| {
            let clock = (snapshot.updated_at, snapshot.valid_until);
            (snapshot.updated_at, snapshot.valid_until) = (shown.updated_at, shown.valid_until);
            if snapshot == **shown {
                return false;
            }
            (snapshot.updated_at, snapshot.valid_until) = clock;
            *shown = Arc::new(snapshot);
            true
        });
    }

    /// Makes the document anew, so that it does not expire.
    fn renew(&mut self) {
        self.show();
        self.snapshots
            .send_modify(|shown| *shown = Arc::new(self.board.renewed(shown)));
    }
}

/// What the loop hears from, beside its timers.
struct Ears {
    news: mpsc::UnboundedReceiver<News>,
    announced: mpsc::UnboundedReceiver<LifecycleView>,
    health_port: mpsc::UnboundedReceiver<Option<Finding>>,
    signals: Signals,
    watch: Option<Watch>,
}

enum Heard {
    News(Box<News>),
    Time,
}

/// Waits for a change; for ever where nothing can be watched.
async fn changed(watch: &mut Option<Watch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

/// A random part of a wait: full jitter within the budget; in the slow lane at least half, so that it stays slow.
pub fn jittered(after: Duration) -> Duration {
    if after > LONGEST_WAIT {
        after.mul_f64(0.5 + fastrand::f64() / 2.0)
    } else {
        after.mul_f64(fastrand::f64())
    }
}

/// What the settings decide for the machine.
fn policy(settings: &Settings, owns_engine: bool) -> Policy {
    Policy {
        slow_retry: settings.run.slow_retry,
        exit_on_failed: settings.run.on_failed == OnFailed::Exit,
        owns_engine,
        restart_silent_agent: settings.agent.restart_silent_after,
        disconnected_after: settings.agent.disconnected_after,
        restart_disconnected: settings.agent.restart_disconnected_after,
        restart_hung_engine: settings.engine.restart_hung_after,
    }
}

/// What is shown before anything is known.
pub fn first_snapshot(loaded: &Loaded, backend: &str, timeline: &Timeline) -> Snapshot {
    Board::new(loaded.clone(), backend, timeline.clone()).snapshot()
}

/// How the engine is run on this host, as the plan says.
pub fn backend(settings: &Settings, engine: &EnginePlan) -> Backend {
    match &engine.unit {
        Some(unit) => Backend::unit(unit),
        None => Backend::child(
            engine.command.clone(),
            PathBuf::from(&settings.engine.pid_file),
            tasks::engine_log(),
        ),
    }
}
