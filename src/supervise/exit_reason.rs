//! Why the agent ended: its exit status and its own last lines, in a closed set of reasons. Pure.

mod log_line;
mod mask;
mod signatures;

use nix::sys::signal::Signal;
use serde::Serialize;

use log_line::{Level, LogLine};

/// How many characters of the agent's reason are kept.
const MAX_WORDS: usize = 400;

/// Why the agent ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExitReason {
    /// The container's exit status.
    pub code: i64,
    /// The signal that ended it, where the status tells one (128 and the signal's number).
    pub signal: Option<i32>,
    /// What is to be done about it.
    pub class: Class,
    /// The agent's own reason in one line, secret values replaced; for people.
    pub words: String,
}

/// What is to be done about an end of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "class", rename_all = "snake_case")]
pub enum Class {
    /// It can't go on, but that may pass: start it again, slowly.
    Curable {
        /// What has to come or to change.
        cause: CurableCause,
    },
    /// It can't read what it saved: move that aside once, keep it, and start the agent again.
    CorruptState,
    /// It can't go on, and starting it again will not help.
    Terminal {
        /// Why not.
        cause: TerminalCause,
    },
    /// It failed: start it again with backoff.
    Failure,
    /// It wants another image to run (exit status 42).
    Update,
}

/// What has to come or to change before the agent can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CurableCause {
    /// The instance metadata service does not tell yet what the agent needs.
    Metadata,
    /// There are no credentials yet, or they do not permit the registration yet.
    Credentials,
    /// There is no such cluster yet.
    Cluster,
    /// The configuration does not go with what the agent saved.
    Configuration,
    /// The agent can't write its state: the disk is full or read-only.
    Storage,
}

impl CurableCause {
    /// How to mend it, in one line.
    pub fn remedy(self) -> &'static str {
        match self {
            CurableCause::Metadata => {
                "none, if the service is slow; else look at the instance's metadata options"
            }
            CurableCause::Credentials => {
                "attach an instance profile whose role has the policy AmazonEC2ContainerServiceforEC2Role"
            }
            CurableCause::Cluster => "create the cluster, or correct ECS_CLUSTER",
            CurableCause::Configuration => {
                "take the change back, or stop the agent and remove /var/lib/ecs/data for a new container instance"
            }
            CurableCause::Storage => "make room on the file system of /var/lib/ecs/data",
        }
    }
}

/// Why starting the agent again will not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TerminalCause {
    /// Its command line is wrong.
    Arguments,
    /// cloud-init did not run the user data.
    CloudInit,
    /// The engine does not speak the API versions that it needs.
    DockerApi,
    /// Task limits are demanded and the control groups can't be set up.
    Cgroup,
    /// It is process 1 of its container.
    Init,
    /// The network plugins in its image do not work.
    NetworkPlugins,
    /// Its pause image is missing.
    PauseImage,
    /// The container instance was deregistered.
    Deregistered,
    /// The instance's type is not the registered one.
    InstanceType,
    /// ECS refuses an attribute of the registration.
    Attribute,
    /// ECS refuses a parameter of the registration.
    Parameter,
    /// ECS refuses the session.
    Session,
    /// It could not save its state when it was told to stop.
    StateNotSaved,
    /// Something else.
    Unknown,
}

impl TerminalCause {
    /// How to mend it, in one line.
    pub fn remedy(self) -> &'static str {
        match self {
            TerminalCause::Arguments => "use the image as it is, without a command of its own",
            TerminalCause::CloudInit => {
                "reboot, so that cloud-init can read the user data, or replace the instance"
            }
            TerminalCause::DockerApi => "update the agent's image or Docker, whichever is older",
            TerminalCause::Cgroup => {
                "remove ECS_ENABLE_TASK_CPU_MEM_LIMIT=true, or mount the cgroup hierarchy"
            }
            TerminalCause::Init => "let the engine run it with an init process (API 1.25 or newer)",
            TerminalCause::NetworkPlugins | TerminalCause::PauseImage => {
                "fetch the agent's image again; it is not whole"
            }
            TerminalCause::Deregistered => {
                "to register it anew, stop the agent and remove /var/lib/ecs/data"
            }
            TerminalCause::InstanceType => {
                "take the change of type back, or deregister the container instance and remove /var/lib/ecs/data"
            }
            TerminalCause::Attribute => "correct ECS_INSTANCE_ATTRIBUTES",
            TerminalCause::Parameter => "correct the agent's configuration: ecs-nanny config lint",
            TerminalCause::Session => "look at what ECS says of the container instance",
            TerminalCause::StateNotSaved => "look at the file system of /var/lib/ecs/data",
            TerminalCause::Unknown => "look at the agent's last lines",
        }
    }
}

/// Classifies an end of the agent by its exit status and the last lines of its log, oldest first.
pub fn exit_reason(code: i64, lines: &[impl AsRef<str>]) -> ExitReason {
    let lines: Vec<LogLine> = lines
        .iter()
        .map(|line| LogLine::parse(line.as_ref()))
        .collect();
    let lines = last_run(&lines);
    let signal = signal(code);
    let (class, told) = match code {
        1 => match signatures::unreadable_state(lines) {
            Some(line) => (Class::CorruptState, Some(line)),
            None => (Class::Failure, gravest(lines)),
        },
        2 => match signatures::panic(lines) {
            Some((class, line)) => (class, Some(line)),
            None => (Class::Failure, gravest(lines)),
        },
        5 => signatures::terminal(lines).map_or_else(
            || {
                let cause = TerminalCause::Unknown;
                (Class::Terminal { cause }, gravest(lines))
            },
            |(class, line)| (class, Some(line)),
        ),
        42 => (Class::Update, None),
        0 => (Class::Failure, None),
        _ => (Class::Failure, gravest(lines).filter(|_| signal.is_none())),
    };
    let words = told
        .map(|line| in_words(&line.message))
        .filter(|words| !words.is_empty())
        .unwrap_or_else(|| without_words(code, signal));
    ExitReason {
        code,
        signal,
        class,
        words,
    }
}

/// The lines since the agent's last start: a container that is started again keeps those before.
fn last_run(lines: &[LogLine]) -> &[LogLine] {
    let start = lines
        .iter()
        .rposition(|line| line.message == "Loading configuration");
    &lines[start.unwrap_or(0)..]
}

/// The last of the gravest lines.
fn gravest(lines: &[LogLine]) -> Option<&LogLine> {
    [Level::Critical, Level::Error]
        .into_iter()
        .find_map(|level| lines.iter().rfind(|line| line.level == Some(level)))
        .or_else(|| lines.iter().rfind(|line| !line.message.is_empty()))
}

fn signal(code: i64) -> Option<i32> {
    let number = i32::try_from(code).ok()?.checked_sub(128)?;
    Signal::try_from(number).ok().map(|_| number)
}

fn in_words(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let masked = mask::mask(&line);
    match masked.char_indices().nth(MAX_WORDS) {
        Some((end, _)) => format!("{}…", &masked[..end]),
        None => masked,
    }
}

fn without_words(code: i64, signal: Option<i32>) -> String {
    if let Some(signal) = signal.and_then(|number| Signal::try_from(number).ok()) {
        return format!("ended by {signal}");
    }
    match code {
        0 => "ended without being asked to".to_owned(),
        42 => "asked for an update".to_owned(),
        _ => "ended without a word".to_owned(),
    }
}

#[cfg(test)]
mod tests;
