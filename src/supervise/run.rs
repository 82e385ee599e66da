//! The loop: one task that owns the state. It hears news, steps the machine, publishes the snapshot and starts what the
//! machine asks for. It never waits for an action.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tracing::Instrument;

use crate::agent_image::{self as image, AgentVersion};
use crate::exit::Exit;
use crate::facts::Fact;
use crate::finding::{Finding, Outcome, Severity};
use crate::host::files::Root;
use crate::host::notify;
use crate::host::watch::Watch;
use crate::settings::{Loaded, OnFailed, Settings, Switch};
use crate::snapshot::{Phase, Reason, RetryView, Snapshot, Timestamp};

use super::board::{Board, REFRESH};
use super::engine::{Backend, NotUp};
use super::exit_reason::{Class, ExitReason, exit_reason};
use super::images::{Images, Told};
use super::news::{Identity, News};
use super::state::{
    Action, AgentState, Answer, Ending, Event, LONGEST_WAIT, Probe, SILENT_PROBES, State, Timer,
    Verdict,
};
use super::tasks::{Crew, SettingsSource};

/// How often a wait says what it waits for: after 5 s, then every ten seconds for a minute, then every minute.
const FIRST_WORD: Duration = Duration::from_secs(5);
const EARLY_WORD: Duration = Duration::from_secs(10);
const LATE_WORD: Duration = Duration::from_secs(60);

/// The agent's exit status that asks not to be started again (amazon-ecs-agent, `ExitTerminal`).
const TERMINAL: i64 = 5;
/// The agent's exit status that asks for the image it has downloaded (`ExitUpdate`).
const UPDATE: i64 = 42;

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
    /// Where snapshots go.
    pub snapshots: watch::Sender<Arc<Snapshot>>,
}

/// Runs until a signal or, where the settings say so, a failure ends it. To be run on a `LocalSet`.
///
/// # Errors
/// Those of installing signal handlers.
pub async fn run(setup: Setup) -> std::io::Result<Exit> {
    let (sender, news) = mpsc::unbounded_channel();
    let owns_engine = matches!(setup.backend, Backend::Child { .. });
    let on_failed = setup.loaded.settings.run.on_failed;
    let (state, first) = State::start(on_failed == OnFailed::Exit, owns_engine);
    let board = Board::new(setup.loaded.clone(), setup.backend.word());
    let images = Images::open(&setup.root, &setup.loaded.settings.agent.image);
    let crew = Crew::new(
        sender,
        setup.root,
        Arc::new(setup.loaded.settings),
        setup.settings_source,
        setup.backend,
    );
    let mut supervisor = Supervisor {
        state,
        board,
        crew,
        timers: BTreeMap::new(),
        snapshots: setup.snapshots,
        told: BTreeMap::new(),
        next_word: None,
        images,
        images_resumed: false,
        moved_state_aside: false,
        ending: None,
    };
    let signals = Signals::install()?;
    let watch = Watch::new(&setup.watched_files, &setup.watched_directories);
    supervisor.perform(first);
    supervisor.publish();
    supervisor.listen(news, signals, watch.ok()).await
}

struct Supervisor {
    state: State,
    board: Board,
    crew: Crew,
    timers: BTreeMap<Timer, Instant>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    /// Failed findings that were recorded, so that each is recorded once.
    told: BTreeMap<String, Finding>,
    next_word: Option<Instant>,
    images: Images,
    images_resumed: bool,
    moved_state_aside: bool,
    ending: Option<Exit>,
}

impl Supervisor {
    async fn listen(
        mut self,
        mut news: mpsc::UnboundedReceiver<News>,
        mut signals: Signals,
        mut watch: Option<Watch>,
    ) -> std::io::Result<Exit> {
        let beat = notify::watchdog()
            .map_or(REFRESH, |within| within / 2)
            .min(REFRESH);
        let mut beats = tokio::time::interval(beat);
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut refreshed = Instant::now();
        while self.ending.is_none() {
            let wake = self.wake();
            let span = self.span();
            let heard = async {
                tokio::select! {
                    Some(news) = news.recv() => Heard::News(news),
                    event = signals.next() => Heard::News(News::Plain(event)),
                    () = changed(&mut watch) => Heard::News(News::Plain(Event::ConfigurationChanged)),
                    () = tokio::time::sleep_until(wake) => Heard::Time,
                    _ = beats.tick() => Heard::Beat,
                }
            }
            .instrument(span.clone())
            .await;
            let _entered = span.enter();
            match heard {
                Heard::News(news) => self.hear(news),
                Heard::Time => self.fire(),
                Heard::Beat => {
                    notify::alive();
                    self.judge_health();
                    if refreshed.elapsed() >= REFRESH {
                        refreshed = Instant::now();
                        self.publish();
                    }
                }
            }
        }
        self.publish();
        Ok(self.ending.unwrap_or(Exit::Done))
    }

    /// The fields that every record carries.
    fn span(&self) -> tracing::Span {
        let (phase, _) = self.state.phase();
        let known = self.board.facts.instance.known();
        let span = tracing::info_span!(
            "host",
            NANNY_PHASE = phase.word(),
            EC2_INSTANCE_ID = tracing::field::Empty,
            EC2_INSTANCE_TYPE = tracing::field::Empty,
            EC2_AZ = tracing::field::Empty,
            EC2_AMI_ID = tracing::field::Empty,
        );
        if let Some(instance) = known {
            span.record("EC2_INSTANCE_ID", instance.instance_id.as_str());
            span.record("EC2_INSTANCE_TYPE", instance.instance_type.as_str());
            if let Some(zone) = &instance.availability_zone {
                span.record("EC2_AZ", zone.as_str());
            }
            if let Some(ami) = &instance.ami_id {
                span.record("EC2_AMI_ID", ami.as_str());
            }
        }
        span
    }

    /// When the next timer fires, or the next word is due.
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
        let actions = self.state.step(event);
        self.perform(actions);
        let changed = self.board.note(&self.state);
        if changed {
            self.record_phase();
        }
        self.publish();
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
                    self.forget_retry(timer);
                }
                Action::DisarmAll => {
                    self.timers.clear();
                    self.board.retry = None;
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

    fn arm(&mut self, timer: Timer, after: Duration) {
        let wait = if timer.jittered() {
            jittered(after)
        } else {
            after
        };
        self.timers.insert(timer, Instant::now() + wait);
        if timer == Timer::Agent {
            self.board.retry = Some(RetryView {
                attempts: self.state.failures,
                next_try_at: Timestamp::now().after(wait),
                why: self.board.why.agent.clone(),
            });
        }
    }

    fn forget_retry(&mut self, timer: Timer) {
        if timer == Timer::Agent {
            self.board.retry = None;
        }
    }

    /// What the process ends with.
    fn exit(&self) -> Exit {
        match self.state.phase() {
            (Phase::Failed, Some(Reason::HostUnfit)) => Exit::HostUnfit,
            (Phase::Failed, _) => Exit::AgentTerminal,
            _ => Exit::Done,
        }
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Plain(event) => self.plain(event),
            News::HostRead {
                host,
                settings,
                lint,
            } => {
                self.board.facts.host = *host;
                self.board.facts.schema = crate::facts::SCHEMA;
                self.take_settings(settings, lint);
                self.recomputed();
            }
            News::EngineUp { docker, facts } => {
                tracing::info!(
                    "the Docker daemon answers: version {}, API {}",
                    facts.version,
                    facts.api_version
                );
                self.board.engine.version = Some(facts.version.clone());
                self.board.engine.api_version = Some(facts.api_version.clone());
                self.board.facts.engine = Fact::Known(*facts);
                self.board.why.engine.clear();
                self.crew.docker = Some(docker);
                self.crew.engine_was_up = true;
                self.recomputed();
                if !std::mem::replace(&mut self.images_resumed, true) {
                    self.tell_images(image::Event::Resumed);
                }
                self.answer(Answer::EngineUp);
            }
            News::EngineNotUp(not_up) => self.engine_not_up(not_up),
            News::EnginePinged(Ok(())) => self.answer(Answer::EngineAnswers),
            News::EnginePinged(Err(why)) => {
                self.board.why.engine = why;
                self.answer(Answer::EngineSilent);
            }
            News::Identity(identity) => self.identified(identity),
            News::PlanApplied { findings, repaired } => {
                if repaired > 0 {
                    tracing::warn!("{repaired} network settings had gone and were put back");
                    self.board.repairs += repaired as u64;
                }
                self.board.apply_findings = findings;
                self.record_findings();
                self.answer(Answer::PlanApplied);
            }
            News::ImageReady { image, noticed } => {
                self.board.why.image.clear();
                self.images.findings.extend(noticed);
                self.tell_images(image::Event::Using(*image));
                self.answer(Answer::ImageReady);
            }
            News::UpdateWanted(image) => {
                tracing::info!("the agent wants to run {}", image.name());
                self.tell_images(image::Event::UpdateWanted(*image));
            }
            News::NoUpdate(finding) => {
                self.images.findings.push(*finding);
                self.show_image_findings();
                self.step(Event::UpdateRefused);
            }
            News::ImageChanged(Ok(image)) => self.tell_images(image::Event::Changed(*image)),
            News::ImageChanged(Err(why)) => self.tell_images(image::Event::ChangeFailed(why)),
            News::ImageMissing { invalid, why } => {
                self.board.why.image = why;
                self.answer(Answer::ImageMissing { invalid });
            }
            News::AgentRunning(run) => self.agent_runs(run),
            News::LaunchFailed(why) => {
                tracing::warn!("the agent's container could not be started: {why}");
                self.board.why.agent = why;
                // A start that Docker refuses counts as one that ended at once.
                const REFUSED: i64 = 127;
                self.tell_images(image::Event::Started);
                self.tell_images(image::Event::Exited(REFUSED));
                self.answer(Answer::LaunchFailed);
            }
            News::AgentEnded { code } => self.agent_ended(code),
            News::AgentProbed(answer) => self.agent_probed(answer),
            News::ExitExamined { reason, last_lines } => self.examined(&reason, last_lines),
            News::AgentStopped(stopped) => {
                match stopped {
                    Ok(()) => tracing::info!("the agent is stopped"),
                    Err(why) => tracing::warn!("the agent could not be stopped: {why}"),
                }
                self.answer(Answer::AgentStopped);
            }
            News::PlanUndone { findings } => {
                for finding in &findings {
                    tracing::warn!("{}", finding.sentence());
                }
                self.answer(Answer::PlanUndone);
            }
            News::EngineStopped => {
                tracing::info!("the Docker daemon is stopped");
                self.answer(Answer::EngineStopped);
            }
        }
    }

    fn plain(&mut self, event: Event) {
        match event {
            Event::StopRequested if self.state.goal == super::state::Goal::Run => {
                tracing::info!("stopping");
            }
            Event::StopRequested => tracing::info!("hurrying"),
            Event::LeaveRequested => tracing::info!("leaving; the agent runs on"),
            Event::ConfigurationChanged => tracing::debug!("a configuration file changed"),
            Event::EngineLost => {
                tracing::warn!("the Docker daemon went away");
                self.crew.docker = None;
                self.board.agent_gone();
            }
            _ => {}
        }
        self.step(event);
    }

    fn take_settings(
        &mut self,
        settings: Result<Box<Loaded>, crate::settings::SettingsError>,
        lint: Vec<Finding>,
    ) {
        self.board.read_findings = lint;
        match settings {
            Ok(loaded) => {
                self.crew.settings = Arc::new(loaded.settings.clone());
                self.board.loaded = *loaded;
            }
            Err(error) => {
                if !error.problems.is_empty() {
                    tracing::error!("the settings in force stay: {error}");
                }
                self.board.read_findings.extend(error.problems);
            }
        }
    }

    /// Rules and plan follow the facts; then the machine hears of it.
    fn recomputed(&mut self) {
        self.board.recompute();
        self.crew.plan = self.board.plan.clone().map(Arc::new);
        self.record_findings();
        self.answer(Answer::Checked {
            unfit: self.board.unfit(),
            cluster: self.board.has_cluster(),
        });
    }

    fn engine_not_up(&mut self, not_up: NotUp) {
        match not_up {
            NotUp::StoppedByOperator => {
                self.board.why.engine = format!(
                    "start it with: systemctl start {}",
                    self.crew.settings.engine.unit
                );
                self.answer(Answer::EngineStoppedByOperator);
            }
            NotUp::Failed(why) => {
                tracing::warn!("the Docker daemon is not up: {why}");
                self.board.why.engine = why;
                self.answer(Answer::EngineFailed);
            }
        }
    }

    fn identified(&mut self, identity: Identity) {
        match identity {
            Identity::Known(instance) => {
                tracing::info!(
                    "this is {}, a {} in {}",
                    instance.instance_id,
                    instance.instance_type,
                    instance.availability_zone.as_deref().unwrap_or("?"),
                );
                self.board.instance(Fact::Known(*instance));
                self.recomputed();
                self.answer(Answer::IdentityKnown);
            }
            Identity::None(why) => {
                tracing::info!("going on without instance metadata: {why}");
                self.board.instance(Fact::Unreadable(why));
                self.recomputed();
                self.answer(Answer::IdentityKnown);
            }
            Identity::Missing(why) => {
                self.board.why.metadata = why;
                self.answer(Answer::IdentityMissing);
            }
        }
    }

    fn agent_runs(&mut self, run: super::news::AgentRun) {
        let word = if run.adopted { "taken over" } else { "started" };
        let short = run.container_id.get(..12).unwrap_or(&run.container_id);
        tracing::info!("the agent's container is {word}: {short}");
        if run.plan_pending {
            tracing::info!("it was made from another plan and is replaced when it next ends");
        }
        self.crew.agent = Some((run.container_id.clone(), SystemTime::now()));
        let view = &mut self.board.agent;
        view.container_id = Some(run.container_id);
        view.image_id = Some(run.image_id);
        view.started_at = run.started_at;
        view.adopted = run.adopted;
        view.plan_pending = run.plan_pending;
        self.board.retry = None;
        if !run.adopted {
            self.tell_images(image::Event::Started);
        }
        self.answer(Answer::AgentRunning {
            adopted: run.adopted,
        });
    }

    fn agent_ended(&mut self, code: i64) {
        self.crew.last_exit = code;
        let reason = exit_reason(code, &[] as &[&str]);
        tracing::warn!(
            AGENT_EXIT_CODE = code,
            "the agent ended with status {code}: {}",
            reason.words
        );
        self.board.agent_ended(code, reason.words, Vec::new());
        self.board.agent_gone();
        let updates = self.crew.settings.agent.updates == Switch::On;
        let told = match code {
            // Where updates are forbidden, asking for one is a failure like any other.
            UPDATE if !updates => self.images.tell(image::Event::Exited(1)),
            code => self.images.tell(image::Event::Exited(code)),
        };
        let for_another_image = told.actions.iter().any(|action| {
            matches!(
                action,
                image::Action::ReadDesiredImage | image::Action::Change(_)
            )
        });
        let ending = match code {
            _ if for_another_image => Ending::ForAnotherImage,
            TERMINAL => Ending::Terminal,
            _ => Ending::Failure,
        };
        self.step(Event::AgentEnded(ending));
        self.follow_images(told);
    }

    fn examined(&mut self, reason: &ExitReason, last_lines: Vec<String>) {
        tracing::warn!("the agent's own words: {}", reason.words);
        self.board
            .agent_ended(reason.code, reason.words.clone(), last_lines);
        let verdict = match reason.class {
            Class::CorruptState if !self.moved_state_aside => {
                self.moved_state_aside = true;
                self.crew.move_state_aside = true;
                Verdict::Mended
            }
            Class::CorruptState | Class::Terminal { .. } => Verdict::Terminal,
            Class::Curable { .. } => Verdict::Curable,
            Class::Failure | Class::Update => Verdict::Mended,
        };
        self.answer(Answer::ExitExamined(verdict));
    }

    /// Tells the machine of images of an event, and does what it asks for.
    fn tell_images(&mut self, event: image::Event) {
        let told = self.images.tell(event);
        self.follow_images(told);
    }

    fn follow_images(&mut self, told: Told) {
        self.crew.image_record = self.images.record().clone();
        if let Some(bytes) = told.record {
            self.crew.write_image_record(bytes);
        }
        if told.rejected {
            self.step(Event::UpdateTakenBack(true));
        }
        for action in told.actions {
            match action {
                image::Action::ReadDesiredImage => self.crew.read_desired_image(),
                image::Action::Change(steps) => {
                    self.step(Event::ImageChanging);
                    self.crew.change_image(steps);
                }
                image::Action::StartAnew => {
                    self.crew.launch_anew = true;
                    self.step(Event::ImageChanged);
                }
                image::Action::StartAgain => self.step(Event::UpdateRefused),
                image::Action::DecideAnew => self.step(Event::ImageGone),
                image::Action::Confirmed => {
                    tracing::info!("the agent's update has proved itself and is kept");
                    self.crew.prune_updates();
                    self.step(Event::UpdateTakenBack(false));
                }
                image::Action::Remove(id) => self.crew.remove_image(id),
                image::Action::Report(finding) => {
                    self.images.findings.push(finding);
                    self.show_image_findings();
                }
            }
        }
    }

    fn show_image_findings(&mut self) {
        // The newest say it all; a host that updates for years must not grow.
        const KEPT: usize = 8;
        let surplus = self.images.findings.len().saturating_sub(KEPT);
        self.images.findings.drain(..surplus);
        self.board.image_findings.clone_from(&self.images.findings);
        self.record_findings();
    }

    fn agent_probed(&mut self, answer: Result<crate::host::introspection::Metadata, String>) {
        let probe = match answer {
            Ok(metadata) => {
                let view = &mut self.board.agent;
                view.version = metadata.version.or(view.version.take());
                view.cluster = metadata.cluster.or(view.cluster.take());
                let registered = metadata.container_instance_arn.is_some();
                if registered && view.container_instance_arn.is_none() {
                    view.registered_since = Some(Timestamp::now());
                }
                view.container_instance_arn = metadata.container_instance_arn;
                if registered {
                    Probe::Registered
                } else {
                    Probe::Unregistered
                }
            }
            Err(why) => {
                self.board.why.agent = why;
                Probe::Silent
            }
        };
        self.answer(Answer::AgentProbed(probe));
        self.judge_health();
    }

    /// Tells the machine of images how the agent is.
    fn judge_health(&mut self) {
        let event = match self.state.agent {
            AgentState::Running { silent, .. } if silent >= SILENT_PROBES => {
                image::Event::Unhealthy
            }
            AgentState::Running {
                registered: true, ..
            } => {
                let version = self.board.agent.version.as_deref();
                image::Event::Healthy(version.and_then(AgentVersion::find))
            }
            _ => image::Event::Tick,
        };
        self.tell_images(event);
    }

    fn publish(&mut self) {
        let snapshot = Arc::new(self.board.snapshot());
        self.snapshots.send_replace(snapshot);
    }

    fn record_phase(&mut self) {
        let snapshot = self.board.snapshot();
        let line = snapshot.line();
        match snapshot.phase {
            Phase::Failed => {
                tracing::error!(MESSAGE_ID = crate::telemetry::message::PHASE, "{line}")
            }
            Phase::Degraded => {
                tracing::warn!(MESSAGE_ID = crate::telemetry::message::PHASE, "{line}")
            }
            _ => tracing::info!(MESSAGE_ID = crate::telemetry::message::PHASE, "{line}"),
        }
        let waits = matches!(
            snapshot.phase,
            Phase::Waiting | Phase::Launching | Phase::Registering | Phase::Degraded
        );
        self.next_word = waits.then(|| Instant::now() + FIRST_WORD);
    }

    fn say_what_is_awaited(&mut self) {
        let age = self.board.age();
        let snapshot = self.board.snapshot();
        let waited = humantime::format_duration(Duration::from_secs(age.as_secs()));
        tracing::info!("still {} after {waited}", snapshot.line());
        self.publish();
        let next = if age < LONGEST_WAIT {
            EARLY_WORD
        } else {
            LATE_WORD
        };
        self.next_word = Some(Instant::now() + next);
    }

    /// Records each failed finding once, and once more when it is mended.
    fn record_findings(&mut self) {
        let failed: BTreeMap<String, Finding> = self
            .board
            .snapshot()
            .findings
            .into_iter()
            .filter(|finding| finding.outcome == Outcome::Failed)
            .map(|finding| (finding.sentence(), finding))
            .collect();
        for (sentence, finding) in &failed {
            if self.told.contains_key(sentence) {
                continue;
            }
            let rule = finding.rule.as_ref();
            match finding.severity {
                Severity::Required => tracing::error!(
                    MESSAGE_ID = crate::telemetry::message::FINDING,
                    NANNY_RULE = rule,
                    "{sentence}"
                ),
                Severity::Recommended => tracing::warn!(
                    MESSAGE_ID = crate::telemetry::message::FINDING,
                    NANNY_RULE = rule,
                    "{sentence}"
                ),
                Severity::Informational => tracing::debug!(
                    MESSAGE_ID = crate::telemetry::message::FINDING,
                    NANNY_RULE = rule,
                    "{sentence}"
                ),
            }
        }
        for (sentence, finding) in &self.told {
            if !failed.contains_key(sentence) {
                tracing::info!(NANNY_RULE = finding.rule.as_ref(), "mended: {sentence}");
            }
        }
        self.told = failed;
    }
}

enum Heard {
    News(News),
    Time,
    Beat,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
    leave: Signal,
}

impl Signals {
    fn install() -> std::io::Result<Self> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            reload: signal(SignalKind::hangup())?,
            leave: signal(SignalKind::user_defined2())?,
        })
    }

    async fn next(&mut self) -> Event {
        tokio::select! {
            _ = self.terminate.recv() => Event::StopRequested,
            _ = self.interrupt.recv() => Event::StopRequested,
            _ = self.reload.recv() => Event::ConfigurationChanged,
            _ = self.leave.recv() => Event::LeaveRequested,
        }
    }
}

/// Waits for a change; for ever where nothing can be watched.
async fn changed(watch: &mut Option<Watch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

/// Full jitter within the budget; in the slow lane at least half, so that it stays slow.
fn jittered(after: Duration) -> Duration {
    if after > LONGEST_WAIT {
        after.mul_f64(0.5 + fastrand::f64() / 2.0)
    } else {
        after.mul_f64(fastrand::f64())
    }
}

/// What is shown before anything is known.
pub fn first_snapshot(loaded: &Loaded, backend: &str) -> Snapshot {
    Board::new(loaded.clone(), backend).snapshot()
}

/// How the engine is run on this host, as the plan says.
pub fn backend(settings: &Settings, engine: &crate::plan::EnginePlan) -> Backend {
    match &engine.unit {
        Some(unit) => Backend::unit(unit),
        None => Backend::child(
            engine.command.clone(),
            PathBuf::from(&settings.engine.pid_file),
            super::tasks::engine_log(),
        ),
    }
}
