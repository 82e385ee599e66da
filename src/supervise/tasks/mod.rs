//! What actions do. Each runs as a task with deadlines and reports once; the loop never awaits one.

mod agent;
mod agent_end;
mod amazon_unit;
mod asked;
mod check;
mod engine;
mod fetch;
mod gpu;
mod identity;
mod image;
mod network;
mod user_data;
mod volumes;
mod units;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

pub use agent::Aside;
pub use check::lint;
use fetch::Fetching;
pub use identity::not_ec2;
pub use volumes::view as volumes_view;

use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::Instrument;

use crate::agent_image::Record;
use crate::apply::Applier;
use crate::facts::{HostFacts, InstanceFacts};
use crate::host::connections::Connections;
use crate::host::docker::Docker;
use crate::host::files::Root;
use crate::host::imds::Imds;
use crate::host::process::ContainerProcess;
use crate::plan::Plan;
use crate::settings::Settings;

use super::engine::{Backend, Endpoint};
use super::news::News;
use super::state::Action;

/// Kinds of tasks. A new one of a kind replaces the one that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Check,
    Engine,
    FollowEngine,
    Ping,
    Identity,
    Credentials,
    Gpus,
    UserData,
    EndEngine,
    EndAgent,
    Plan,
    Image,
    Fetch,
    Agent,
    FollowAgent,
    Probe,
    CountTasks,
    Connections,
    Examine,
    Volumes,
}

/// Runs tasks for the loop.
pub struct Crew {
    /// Where reports go.
    pub news: mpsc::UnboundedSender<News>,
    /// The host's files.
    pub root: Root,
    /// The settings in force.
    pub settings: Arc<Settings>,
    /// The plan in force.
    pub plan: Option<Arc<Plan>>,
    /// A client of the engine, while it is up.
    pub docker: Option<Docker>,
    /// The engine answered once.
    pub engine_was_up: bool,
    /// When it was asked to stop everything.
    pub stop_began: Option<Instant>,
    /// The engine was not up or did not answer when the agent was to be stopped.
    pub silent_at_stop: bool,
    /// Containers survive the engine's restart.
    pub live_restore: bool,
    /// What the metadata service told of this instance, once it did.
    pub instance: Option<InstanceFacts>,
    /// The container that runs or ran last, and when Docker started it.
    pub agent: Option<(String, SystemTime)>,
    /// The first process of the agent's container.
    pub agent_process: Option<ContainerProcess>,
    /// When it was last asked for more than the probe does.
    pub agent_asked: Option<Instant>,
    /// The connections that it held then.
    pub connections: Option<Connections>,
    /// How the agent ended the last time.
    pub last_exit: i64,
    /// What is recorded of the agent's images.
    pub image_record: Record,
    /// How far the fetching of a missing image is.
    pub fetching: Fetching,
    /// The next start makes a new container, ending one that runs.
    pub launch_anew: bool,
    /// The next start moves the agent's saved state aside, for this reason.
    pub move_state_aside: Option<Aside>,
    /// How settings are read again.
    pub settings_source: SettingsSource,
    /// Why there is no metadata service to ask, by the host's facts and the settings.
    pub not_ec2: Option<String>,
    /// What the next check need not read.
    just_read: Option<HostFacts>,
    backend: Arc<Mutex<Backend>>,
    applier: Arc<Applier>,
    record_turn: Arc<Mutex<()>>,
    imds: Option<(Vec<String>, Arc<Imds>)>,
    tasks: HashMap<Kind, JoinHandle<()>>,
}

/// How settings are read again.
pub type SettingsSource =
    Arc<dyn Fn() -> Result<crate::settings::Loaded, crate::settings::SettingsError> + Send + Sync>;

impl Crew {
    /// A crew with nothing to do.
    pub fn new(
        news: mpsc::UnboundedSender<News>,
        root: Root,
        settings: Arc<Settings>,
        settings_source: SettingsSource,
        backend: Backend,
    ) -> Self {
        Crew {
            news,
            root,
            settings,
            plan: None,
            docker: None,
            engine_was_up: false,
            stop_began: None,
            silent_at_stop: false,
            live_restore: false,
            instance: None,
            agent: None,
            agent_process: None,
            agent_asked: None,
            connections: None,
            last_exit: 0,
            image_record: Record::default(),
            fetching: Fetching::default(),
            launch_anew: false,
            move_state_aside: None,
            settings_source,
            not_ec2: None,
            just_read: None,
            backend: Arc::new(Mutex::new(backend)),
            applier: Arc::new(Applier::host()),
            record_turn: Arc::default(),
            imds: None,
            tasks: HashMap::new(),
        }
    }

    /// The first check takes these facts, which were read just now.
    pub fn knowing(self, host: HostFacts) -> Self {
        Crew {
            just_read: Some(host),
            ..self
        }
    }

    /// Starts the task for an action. Timers and the end of the process are the loop's own.
    pub fn perform(&mut self, action: Action) {
        match action {
            Action::Check => self.check(),
            Action::StartEngine => self.start_engine(),
            Action::SeekEngine => self.seek_engine(),
            Action::AwaitEngine => self.await_engine(),
            Action::FollowEngine => self.follow_engine(),
            Action::PingEngine => self.ping_engine(),
            Action::FetchIdentity => self.fetch_identity(),
            Action::AwaitCredentials => self.await_credentials(),
            Action::AwaitGpus => self.await_gpus(),
            Action::AwaitUserData => self.await_user_data(),
            Action::EndAgent => self.end_agent(),
            Action::RenewAgent => self.renew_agent(),
            Action::EndEngine => self.end_engine(),
            Action::ApplyPlan | Action::ReassertPlan => self.apply_plan(),
            Action::PrepareImage => self.prepare_image(),
            Action::AdoptAgent => self.adopt_agent(),
            Action::LaunchAgent => self.launch_agent(),
            Action::AwaitAgent => self.await_agent_unit(),
            Action::FollowAgent => self.follow_agent(),
            Action::ProbeAgent => self.probe_agent(),
            Action::ExamineExit => self.examine_exit(),
            Action::StopAgent { hurry } => self.stop_agent(hurry),
            Action::UndoPlan => self.undo_plan(),
            Action::StopEngine => self.stop_engine(),
            Action::Arm { .. } | Action::Disarm(_) | Action::DisarmAll | Action::Exit => {}
        }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint {
            socket: match &self.plan {
                Some(plan) => plan.engine.socket.clone(),
                None => self.settings.engine.socket.clone(),
            },
            start_timeout: self.settings.engine.start_timeout,
        }
    }

    /// Runs a task that ends in one report; an earlier one of its kind ends without.
    fn spawn(&mut self, kind: Kind, task: impl Future<Output = News> + 'static) {
        let news = self.news.clone();
        let reporting = async move {
            // The loop that would hear it may have ended.
            let _ = news.send(task.await);
        };
        self.cancel(kind);
        let handle = tokio::task::spawn_local(reporting.in_current_span());
        self.tasks.insert(kind, handle);
    }

    /// Runs a task that reports nothing: what it does is heard from others.
    fn spawn_silent(&mut self, kind: Kind, task: impl Future<Output = ()> + 'static) {
        self.cancel(kind);
        let handle = tokio::task::spawn_local(task.in_current_span());
        self.tasks.insert(kind, handle);
    }

    fn cancel(&mut self, kind: Kind) {
        if let Some(running) = self.tasks.remove(&kind) {
            running.abort();
        }
    }
}

/// Where a child engine writes its output.
pub fn engine_log() -> PathBuf {
    PathBuf::from("/var/log/ecs/dockerd.log")
}
