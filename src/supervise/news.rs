//! What tasks report to the loop: an event for the machine, with the data that only views need.

use std::time::SystemTime;

use crate::agent_image::KnownImage;
use crate::facts::{EngineFacts, HostFacts, InstanceFacts, VolumePlugin};
use crate::finding::Finding;
use crate::host::connections::Connections;
use crate::host::docker::Docker;
use crate::host::introspection::{Metadata, Silence};
use crate::host::process::ContainerProcess;
use crate::settings::{Loaded, SettingsError};
use crate::snapshot::LifecycleView;
use crate::snapshot::VolumeView;

use super::engine::NotUp;
use super::exit_reason::ExitReason;
use super::hold::Hold;
use super::state::Event;

/// One report.
#[derive(Debug)]
pub enum News {
    /// A signal or a watched file.
    Plain(Event),
    /// Host facts and settings were read again.
    HostRead {
        /// The host layer.
        host: Box<HostFacts>,
        /// The settings, or why the ones in force stay.
        settings: Result<Box<Loaded>, SettingsError>,
        /// What the lint says of the agent's files.
        lint: Vec<Finding>,
        /// An operator's hold.
        hold: Option<Hold>,
        /// When the agent's own files were changed last.
        agent_files_changed: Option<SystemTime>,
    },
    /// The engine answers.
    EngineUp {
        /// A client of it.
        docker: Docker,
        /// What it says of itself.
        facts: Box<EngineFacts>,
    },
    /// The engine is not up.
    EngineNotUp(NotUp),
    /// It was only looked for, and does not run.
    NoEngineRuns,
    /// A ping was answered, or not.
    EnginePinged(Result<(), String>),
    /// The engine could not even be asked: no file could be opened for it.
    EngineUnasked(String),
    /// The metadata service is being asked again, and what it said last.
    MetadataAwaited(String),
    /// The metadata service told who we are, or why it can't.
    Identity(Identity),
    /// The credentials are there or not needed, with whether there is an instance profile where that was asked; or why not.
    Credentials(Result<Option<bool>, String>),
    /// What is to be said of the port that health is served on.
    HealthPort(Option<Finding>),
    /// The GPU driver's devices are not there yet, in words.
    GpusAwaited(String),
    /// What became of the GPUs.
    Gpus(Box<Gpus>),
    /// What became of the user data.
    UserData(UserData),
    /// The plan's files and network parts are on the host.
    PlanApplied {
        /// What did not work, and what was mended.
        findings: Vec<Finding>,
        /// Parts that had gone and were put back.
        repaired: usize,
    },
    /// The agent's image is loaded.
    ImageReady {
        /// The image.
        image: Box<KnownImage>,
        /// What was noticed on the way.
        noticed: Option<Finding>,
    },
    /// The agent's self-update names this image.
    UpdateWanted(Box<KnownImage>),
    /// The agent asked for an update, and there is none that can be used.
    NoUpdate(Box<Finding>),
    /// The steps of a change of images are done: what the agent's reference now names; or why not.
    ImageChanged(Result<Box<KnownImage>, String>),
    /// The agent's image is not there or can't be used.
    ImageMissing {
        /// What is the matter with it.
        problem: ImageProblem,
        /// Why, with the mend.
        why: String,
    },
    /// Fetching a missing image ended.
    ImageFetched(Result<(), String>),
    /// The agent's container does not run.
    NothingToAdopt,
    /// The agent's container runs.
    AgentRunning(AgentRun),
    /// The agent's container could not be started.
    LaunchFailed(String),
    /// The agent is not started, since another one runs; with the mend.
    AgentRefused(String),
    /// The agent's container ended.
    AgentEnded {
        /// Its exit status.
        code: i64,
    },
    /// The agent's introspection answered, or why not.
    AgentProbed(Result<Metadata, Silence>),
    /// How many tasks run, by the agent's word.
    TasksCounted(Result<u64, String>),
    /// The connections that the agent holds, where `/proc` shows them.
    ConnectionsCounted(Option<Connections>),

    /// The agent's last lines were read.
    ExitExamined {
        /// What they say.
        reason: ExitReason,
        /// Its last lines, secrets masked.
        last_lines: Vec<String>,
    },
    /// The agent was stopped, or why that is not known.
    AgentStopped {
        /// Why it could not be.
        stopped: Result<(), String>,
        /// The engine was not up, or did not answer.
        engine_silent: bool,
    },
    /// The volume plugin was asked, and the mounts were read.
    Volumes {
        /// Whether the plugin answers.
        plugin: VolumePlugin,
        /// Its volumes.
        volumes: Vec<VolumeView>,
    },
    /// The plan's network parts are off the host.
    PlanUndone {
        /// What could not be undone.
        findings: Vec<Finding>,
    },
    /// What EC2 and Auto Scaling have announced has changed.
    Announced(LifecycleView),
    /// The child engine was stopped.
    EngineStopped,
}

impl News {
    /// Whether it is an answer that comes each few seconds and mostly tells what is known.
    pub fn is_routine(&self) -> bool {
        matches!(self, News::EnginePinged(Ok(())) | News::AgentProbed(_))
    }
}

/// What is the matter with the agent's image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageProblem {
    /// There is none.
    Absent,
    /// There is one, and it can't be used.
    Invalid,
    /// The engine did not tell.
    Unknown,
}

/// What the metadata service told.
#[derive(Debug)]
pub enum Identity {
    /// The instance's identity.
    Known(Box<InstanceFacts>),
    /// There is none, and that is final: not EC2, or the service is disabled.
    None(String),
    /// Not within the budget.
    Missing(String),
}

/// What became of the user data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserData {
    /// cloud-init has ended, or there is none; in words.
    Ended(String),
    /// It did not run the user data, or did not end within its budget; why.
    Failed(String),
}

/// A container that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRun {
    /// Its id.
    pub container_id: String,
    /// Its image's id.
    pub image_id: String,
    /// Its first process.
    pub process: Option<ContainerProcess>,
    /// When Docker started it.
    pub started_at: Option<String>,
    /// It ran already.
    pub adopted: bool,
    /// Hash of the plan that it was made from, where we made it.
    pub plan_hash: Option<String>,
    /// It was made from another image than the one now loaded.
    pub other_image: bool,
}

/// What became of the GPUs, with the host's facts as they are then.
#[derive(Debug)]
pub enum Gpus {
    /// They are there, and listed for the agent.
    Ready(Option<Box<HostFacts>>),
    /// They are not, and the agent starts without.
    GoneWithout(Option<Box<HostFacts>>, Finding),
    /// They are not, in words, and the agent does not start.
    Missing(Option<Box<HostFacts>>, String, Finding),
}
