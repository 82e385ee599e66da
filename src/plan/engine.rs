//! Which daemon runs the containers, where it listens, and how it is started.

use super::EnginePlan;
use super::inputs::Inputs;
use crate::facts::{EngineFacts, Fact};
use crate::settings::{Engine, EngineBackend};

/// Our unit for hosts where Docker's package brought none.
pub const OWN_UNIT: &str = "ecs-nanny-engine.service";

/// Docker's own default, under the name that the agent's container has for it.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// How the engine's socket was chosen; the container's mount follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Socket {
    /// Docker's default.
    Default,
    /// `DOCKER_HOST` of the agent's configuration.
    DockerHost(String),
    /// `engine.socket` of ecs-nanny's settings.
    Settings(String),
}

impl Socket {
    /// A socket set in ecs-nanny's settings wins over `DOCKER_HOST`, that over Docker's default.
    pub(super) fn of(inputs: &Inputs<'_>) -> Self {
        let set = below_var_run(&inputs.settings.engine.socket);
        if set != DEFAULT_SOCKET {
            return Socket::Settings(set);
        }
        match inputs.switches.docker_socket() {
            Some(path) => Socket::DockerHost(path.to_owned()),
            None => Socket::Default,
        }
    }
}

/// `/run/…` as `/var/run/…`: the same directory on every host, and the one that the agent's container has.
fn below_var_run(path: &str) -> String {
    match path.strip_prefix("/run/") {
        Some(rest) => format!("/var/run/{rest}"),
        None => path.to_owned(),
    }
}

pub(super) fn plan(inputs: &Inputs<'_>) -> EnginePlan {
    let engine = &inputs.settings.engine;
    let socket = match Socket::of(inputs) {
        Socket::DockerHost(path) => path,
        Socket::Default | Socket::Settings(_) => engine.socket.clone(),
    };
    match unit(inputs) {
        Some(unit) => EnginePlan {
            backend: "unit".to_owned(),
            unit: Some(unit),
            socket,
            command: Vec::new(),
        },
        None => EnginePlan {
            backend: "child".to_owned(),
            unit: None,
            command: command(engine, &socket),
            socket,
        },
    }
}

/// The unit that runs the engine; `None` where it is a child process.
fn unit(inputs: &Inputs<'_>) -> Option<String> {
    let engine = &inputs.settings.engine;
    let installed = inputs
        .facts
        .host
        .units
        .get(&engine.unit)
        .and_then(Fact::known)
        .map(|unit| unit.installed);
    match engine.backend {
        EngineBackend::Child => None,
        EngineBackend::Unit => Some(engine.unit.clone()),
        EngineBackend::Auto if has_systemd(inputs, installed) => {
            let unit = match installed {
                Some(false) => OWN_UNIT,
                _ => &engine.unit,
            };
            Some(unit.to_owned())
        }
        EngineBackend::Auto => None,
    }
}

/// An image that has not booted shows no running systemd, but the units that it will have.
fn has_systemd(inputs: &Inputs<'_>, installed: Option<bool>) -> bool {
    inputs.facts.host.systemd || (inputs.facts.unbooted && installed == Some(true))
}

/// What [`OWN_UNIT`] runs.
pub(super) fn own_command() -> Vec<String> {
    ["dockerd", "-H", "unix:///var/run/docker.sock"]
        .map(str::to_owned)
        .to_vec()
}

fn command(engine: &Engine, socket: &str) -> Vec<String> {
    let mut command = vec![engine.dockerd.clone()];
    let options = [
        ("--data-root", engine.data_root.as_deref()),
        ("--exec-root", engine.exec_root.as_deref()),
        ("--pidfile", Some(engine.pid_file.as_str())),
    ];
    for (option, value) in options {
        if let Some(value) = value {
            command.extend([option.to_owned(), value.to_owned()]);
        }
    }
    command.extend(["-H".to_owned(), format!("unix://{socket}")]);
    command.extend(engine.args.iter().cloned());
    command
}

/// True where the newest API version of the engine is at least this one. A version that is not two numbers counts as
/// new: such an engine says of itself what it can't do.
pub(super) fn speaks(engine: &EngineFacts, major: u32, minor: u32) -> bool {
    let newest = engine
        .api_version
        .split_once('.')
        .and_then(|(ahead, after)| Some((ahead.parse::<u32>().ok()?, after.parse::<u32>().ok()?)));
    newest.is_none_or(|newest| newest >= (major, minor))
}
