//! What is known, beside where the machine stands: the data behind the snapshot.

mod detail;
mod retries;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, SystemTime};

use crate::checks::{self, Demands, Report};
use crate::facts::{Fact, Facts};
use crate::finding::{Finding, Outcome};
use crate::plan::{self, Plan};
use crate::settings::{BakedState, Loaded, OnUnfit};
use crate::snapshot::{
    AgentView, EngineView, HostView, LastExit, LifecycleView, NannyView, Phase, Reason,
    RepairsView, RetryView, SCHEMA, Snapshot, Timestamp, VolumesView,
};

use super::hold::Hold;
use super::state::{AgentState, EngineState, Fitness, State, Timer};
use super::timeline::Timeline;

/// How often the document is made anew though nothing changed.
pub const REFRESH: Duration = Duration::from_secs(15);
/// How long it may be believed: three refreshes, so that one late one raises no alarm.
const VALID: Duration = Duration::from_secs(45);
/// More than the rules of a profile say, so that the set of them need not grow.
const EXPECTED_FINDINGS: usize = 128;

/// Everything known.
#[derive(Debug)]
pub struct Board {
    /// The settings in force.
    pub loaded: Loaded,
    /// What is wrong with newer settings, and the lint of the agent's files.
    pub read_findings: Vec<Finding>,
    /// The facts, layer by layer.
    pub facts: Facts,
    /// What the rules say of them.
    pub report: Option<Report>,
    /// What follows from them.
    pub plan: Option<Plan>,
    /// What applying the plan said.
    pub apply_findings: Vec<Finding>,
    /// What the machine of images said.
    pub image_findings: Vec<Finding>,
    /// What is to be said of the port that health is served on.
    pub health_port_finding: Option<Finding>,
    /// What is to be said of the GPUs.
    pub gpu_finding: Option<Finding>,
    /// An operator's hold.
    pub hold: Option<Hold>,
    /// What had gone from the host and was put back.
    pub repairs: RepairsView,
    /// What EC2 and Auto Scaling have announced.
    pub lifecycle: LifecycleView,
    /// The volumes of tasks.
    pub volumes: VolumesView,
    /// What the boot's time was spent on.
    pub timeline: Timeline,
    /// The engine.
    pub engine: EngineView,
    /// The agent.
    pub agent: AgentView,
    /// The last words on each thing that is awaited.
    pub why: Why,
    /// What is tried again, and when.
    pub retries: BTreeMap<Timer, RetryView>,
    /// What the running container was made from: the hash of its plan, and whether its image is another one.
    pub running: Option<(Option<String>, bool)>,
    /// When the agent's own files were changed last.
    pub agent_files_changed: Option<SystemTime>,
    nanny: NannyView,
    phase: (Phase, Option<Reason>),
    since: Timestamp,
}

/// The last words on each thing that is awaited.
#[derive(Debug, Default)]
pub struct Why {
    /// On the engine.
    pub engine: String,
    /// On what ecs-nanny itself lacks.
    pub nanny: String,
    /// On the metadata service.
    pub metadata: String,
    /// On the credentials.
    pub credentials: String,
    /// On the GPUs.
    pub gpus: String,
    /// On the user data.
    pub user_data: String,
    /// On the image.
    pub image: String,
    /// On the agent.
    pub agent: String,
}

impl Board {
    /// Nothing known but the settings.
    pub fn new(loaded: Loaded, backend: &str, timeline: Timeline) -> Self {
        let now = Timestamp::now();
        Board {
            loaded,
            read_findings: Vec::new(),
            facts: Facts::default(),
            report: None,
            plan: None,
            apply_findings: Vec::new(),
            image_findings: Vec::new(),
            health_port_finding: None,
            gpu_finding: None,
            hold: None,
            repairs: RepairsView::default(),
            lifecycle: LifecycleView::default(),
            volumes: VolumesView::default(),
            timeline,
            engine: EngineView {
                backend: backend.to_owned(),
                ..EngineView::default()
            },
            agent: AgentView::default(),
            why: Why::default(),
            retries: BTreeMap::new(),
            running: None,
            agent_files_changed: None,
            nanny: NannyView {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                pid: std::process::id(),
                started_at: now,
            },
            phase: (Phase::Starting, None),
            since: now,
        }
    }

    /// Runs the rules and makes the plan again; after a layer of facts arrived.
    pub fn recompute(&mut self) {
        let settings = &self.loaded.settings;
        let demands = Demands::of(&settings.checks);
        self.report = Some(checks::evaluate(&self.facts, &demands));
        let plan = plan::build(settings, &self.facts);
        self.agent.cluster = self.agent.cluster.take().or_else(|| plan.cluster.clone());
        self.plan = Some(plan);
    }

    /// Whether a container runs that was made from another plan or image than those in force; one of Amazon's unit, which
    /// reads the agent's files itself, from files that were changed since.
    pub fn runs_otherwise(&self) -> bool {
        let plan = self.plan.as_ref();
        if plan.is_some_and(|plan| plan.agent_unit.is_some()) {
            let started = self.agent.started_at.as_deref();
            let started = started.and_then(|at| humantime::parse_rfc3339(at).ok());
            return started
                .zip(self.agent_files_changed)
                .is_some_and(|(started, changed)| changed > started);
        }
        // The plan may change with what the metadata service will tell.
        if self.facts.instance == Fact::NotYet {
            return false;
        }
        let planned = plan.and_then(|plan| plan.agent.as_ref());
        match (&self.running, planned) {
            (Some((hash, other_image)), Some(planned)) => {
                *other_image || hash.is_none() || hash.as_deref() != planned.hash()
            }
            _ => false,
        }
    }

    /// Whether the agent must not be started: for a rule that failed, or because the host is Amazon EMR's.
    pub fn unfit(&self) -> bool {
        let blocks = self.loaded.settings.checks.on_unfit == OnUnfit::Block;
        let mut reports = self.report.iter();
        self.for_emr().is_some()
            || (blocks && reports.any(|report| self.refused_over(report).next().is_some()))
    }

    /// What the agent is not started for: not state that is moved out of its way.
    fn refused_over<'a>(&self, report: &'a Report) -> impl Iterator<Item = &'a Finding> {
        let moved = self.loaded.settings.agent.baked_state == BakedState::Aside;
        report
            .blocking()
            .filter(move |finding| !(moved && finding.rule == "ecs.no_baked_state"))
    }

    /// Why the host is taken for Amazon EMR's, which brings its own daemons: on it nothing is started, whatever
    /// `checks.on_unfit` says.
    fn for_emr(&self) -> Option<&'static str> {
        let profiles = &self.loaded.settings.checks.profiles;
        if profiles.iter().any(|profile| profile == "emr") {
            Some("checks.profiles has emr")
        } else if checks::is_emr_node(&self.facts) {
            Some("this is a node of an EMR cluster, or an image made of one")
        } else {
            None
        }
    }

    /// Whether a cluster is known, or joining `default` is meant.
    pub fn has_cluster(&self) -> bool {
        self.loaded.settings.agent.allow_default_cluster
            || self
                .plan
                .as_ref()
                .is_some_and(|plan| plan.cluster.is_some())
    }

    /// Notes where the machine stands; true when phase or reason changed.
    pub fn note(&mut self, state: &State) -> bool {
        let engine = match state.engine {
            EngineState::Unknown | EngineState::Sought => "unknown",
            EngineState::Starting => "starting",
            EngineState::Up => "up",
            EngineState::Down => "down",
            EngineState::StoppedByOperator => "stopped",
            EngineState::Hung => "hung",
        };
        if self.engine.state != engine {
            engine.clone_into(&mut self.engine.state);
            self.engine.since = Some(Timestamp::now());
        }
        let up = state.engine == EngineState::Up;
        self.engine.why = (!up && !self.why.engine.is_empty()).then(|| self.why.engine.clone());
        let agent = match state.agent {
            AgentState::Idle | AgentState::Sought => "absent",
            AgentState::Launching => "launching",
            AgentState::Running { .. } => "running",
            AgentState::BackingOff | AgentState::Examining => "backing_off",
            AgentState::Failed => "failed",
            AgentState::Refused => "absent",
            AgentState::Stopping => "stopping",
            AgentState::Stopped | AgentState::StoppedByOperator => "stopped",
        };
        agent.clone_into(&mut self.agent.state);
        self.agent.restarts = state.restarts;
        if state.fitness == Fitness::Unknown {
            self.report = None;
        }
        self.timeline.note(state);
        self.forget_retries(state);
        let phase = state.phase();
        let changed = phase != self.phase;
        if changed {
            self.phase = phase;
            self.since = Timestamp::now();
        }
        changed
    }

    /// How long phase and reason have been what they are.
    pub fn age(&self) -> Duration {
        self.since.age()
    }

    /// The same document, of this moment; of a board on which nothing has changed since it was made.
    pub fn renewed(&self, shown: &Snapshot) -> Snapshot {
        let now = Timestamp::now();
        Snapshot {
            updated_at: now,
            valid_until: now.after(VALID),
            // It may tell how long.
            detail: self.detail(),
            ..shown.clone()
        }
    }

    /// The document.
    pub fn snapshot(&self) -> Snapshot {
        let now = Timestamp::now();
        let (phase, reason) = self.phase;
        Snapshot {
            schema: SCHEMA,
            phase,
            reason,
            detail: self.detail(),
            since: self.since,
            updated_at: now,
            valid_until: now.after(VALID),
            nanny: self.nanny.clone(),
            instance: self.facts.instance.known().cloned(),
            host: self.host(),
            engine: self.engine.clone(),
            agent: self.agent.clone(),
            retry: self.retry().cloned(),
            repairs: self.repairs.clone(),
            lifecycle: self.lifecycle.clone(),
            volumes: self.volumes.clone(),
            boot: self.timeline.view().clone(),
            findings: self.findings(),
        }
    }

    /// What is wrong first; what passed last.
    pub fn findings(&self) -> Vec<Finding> {
        let announced: Vec<Finding> = self.lifecycle.findings().collect();
        let runs_unfit = self.runs_unfit();
        let report = self.report.iter().flat_map(|report| &report.findings);
        let plan = self.plan.iter().flat_map(Plan::all_findings);
        let all = announced
            .iter()
            .chain(report)
            .chain(&self.read_findings)
            .chain(plan)
            .chain(&self.apply_findings)
            .chain(&self.image_findings)
            .chain(&self.health_port_finding)
            .chain(&self.gpu_finding)
            .chain(&runs_unfit);
        // The lint and the plan read the same files.
        let mut seen = HashSet::with_capacity(all.size_hint().0.max(EXPECTED_FINDINGS));
        let mut findings: Vec<Finding> = all
            .filter(|finding| {
                seen.insert((
                    &finding.rule,
                    &finding.place,
                    &finding.observed,
                    finding.outcome,
                ))
            })
            .cloned()
            .collect();
        findings.sort_by_key(|finding| {
            (
                finding.outcome != Outcome::Failed,
                finding.severity,
                finding.outcome,
            )
        });
        findings
    }

    fn host(&self) -> HostView {
        let host = &self.facts.host;
        let platform = self
            .report
            .as_ref()
            .map(|_| checks::platform(host).platform.word().to_owned());
        HostView {
            kernel: host.kernel_release.known().cloned(),
            machine: host.machine.known().cloned(),
            os: host
                .os_release
                .known()
                .map(|text| checks::OsRelease::parse(text).name()),
            platform,
            profiles: self.loaded.settings.checks.profiles.clone(),
            fit: self
                .report
                .as_ref()
                .map(|report| report.fit.word().to_owned()),
            image_release: checks::ImageRelease::of_instance(&self.facts),
        }
    }

    /// Forgets what only a running container has.
    pub fn agent_gone(&mut self) {
        self.agent.container_id = None;
        self.agent.started_at = None;
        self.agent.container_instance_arn = None;
        self.agent.registered_since = None;
        self.agent.connections = None;
        self.agent.tasks_running = None;
        self.agent.adopted = false;
        self.agent.plan_pending = false;
        self.running = None;
    }

    /// Notes that parts of the plan had gone and were put back.
    pub fn repaired(&mut self, parts: usize) {
        self.repairs.total += parts as u64;
        self.repairs.last_at = Some(Timestamp::now());
    }

    /// Notes how the agent ended.
    pub fn agent_ended(&mut self, code: i64, meaning: String, last_lines: Vec<String>) {
        self.why.agent.clone_from(&meaning);
        self.agent.last_exit = Some(LastExit {
            code,
            at: Timestamp::now(),
            meaning,
            last_lines,
        });
    }

    /// Notes whether there is an instance profile, once its credentials were awaited: what the service said of it before
    /// may have been too early.
    pub fn instance_profile(&mut self, attached: bool) {
        if let Fact::Known(instance) = &mut self.facts.instance {
            instance.has_instance_profile = Some(attached);
        }
    }

    /// Notes a new layer of facts from the metadata service.
    pub fn instance(&mut self, instance: Fact<crate::facts::InstanceFacts>) {
        self.facts.instance = instance;
    }
}
