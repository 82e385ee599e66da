//! Carries out what the machine asks for: AWS by `ecs-nanny-aws`, the user's command in a step of its own, switching off
//! by systemd. What fails comes back in words; nothing here stops anything else.

use std::time::Duration;

use serde::Deserialize;

use super::acting::{Act, Outcome};
use crate::host::files::Root;
use crate::host::program;
use crate::host::systemd::{self, Systemd};

/// Longer than `ecs-nanny-aws` gives itself (25 s), by which it is killed.
const CALL: Duration = Duration::from_secs(40);
/// Longer than the step's unit has (`TimeoutStartSec=60`).
const STEP: Duration = Duration::from_secs(70);
/// Runs the user's command, outside the daemon's sandbox.
const COMMAND_STEP: &str = "ecs-nanny-step@command.service";
/// What systemd reaches when it switches the host off.
const POWER_OFF: &str = "poweroff.target";

/// What is used.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The host's files.
    pub root: Root,
    /// The program that calls AWS.
    pub aws: String,
    /// ecs-nanny itself, for the user's command where there is no systemd.
    pub nanny: String,
}

/// Whom an act is about.
#[derive(Debug, Clone, Default)]
pub(super) struct Target {
    pub instance: String,
    pub region: Option<String>,
    pub group: Option<String>,
    pub hook: String,
    pub cluster: String,
    pub container_instance: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    pub outcome: Outcome,
    pub detail: String,
    pub remedy: String,
}

/// Carries it out.
pub(super) async fn perform(act: Act, target: Target, tools: Tools) -> Ended {
    match act {
        Act::Command => local(run_command(&tools).await, "the command has run"),
        Act::PowerOff => local(
            power_off(&tools.root).await,
            "the host is being switched off",
        ),
        _ => call(act, &target, &tools).await,
    }
}

fn local(done: Result<(), String>, words: &str) -> Ended {
    match done {
        Ok(()) => Ended {
            outcome: Outcome::Done,
            detail: words.to_owned(),
            remedy: String::new(),
        },
        Err(why) => Ended {
            outcome: Outcome::Failed,
            detail: why,
            remedy: "see journalctl -u 'ecs-nanny*'; it is tried again".to_owned(),
        },
    }
}

async fn run_command(tools: &Tools) -> Result<(), String> {
    if systemd::is_here(&tools.root) {
        let connection = Systemd::connect()
            .await
            .map_err(|error| error.to_string())?;
        let run = connection.run(COMMAND_STEP, STEP).await;
        return run.map_err(|error| error.to_string());
    }
    // Without systemd there is no sandbox either.
    let run = program::run(&tools.nanny, &["step", "command"], "", STEP).await;
    run.map(drop).map_err(|error| error.to_string())
}

async fn power_off(root: &Root) -> Result<(), String> {
    if !systemd::is_here(root) {
        return Err("there is no systemd that could switch the host off".to_owned());
    }
    let connection = Systemd::connect()
        .await
        .map_err(|error| error.to_string())?;
    let start = connection.start(POWER_OFF).await;
    start.map_err(|error| error.to_string())
}

/// What `ecs-nanny-aws` prints.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Done {
        call: String,
    },
    Failed {
        call: String,
        kind: String,
        message: String,
    },
}

async fn call(act: Act, target: &Target, tools: &Tools) -> Ended {
    let args = arguments(act, target);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match program::answer(&tools.aws, &args, CALL).await {
        Ok((_, printed)) => match serde_json::from_str(&printed) {
            Ok(answer) => told(answer),
            Err(_) => failed(
                Outcome::Failed,
                format!("{} gave no answer", tools.aws),
                "it is tried again",
            ),
        },
        Err(error) => failed(
            Outcome::Failed,
            error.to_string(),
            "install the whole package; it is tried again",
        ),
    }
}

fn told(answer: Answer) -> Ended {
    match answer {
        Answer::Done { call } => Ended {
            outcome: Outcome::Done,
            detail: format!("{call} was called"),
            remedy: String::new(),
        },
        Answer::Failed {
            call,
            kind,
            message,
        } => match kind.as_str() {
            "nothing_waits" => Ended {
                outcome: Outcome::Done,
                detail: format!("{call}: nothing waits for it"),
                remedy: String::new(),
            },
            "access_denied" => Ended {
                outcome: Outcome::Refused,
                remedy: format!(
                    "allow {call} to the instance profile's role, as docs/aws.md has it"
                ),
                detail: format!("the permission {call} is missing ({message})"),
            },
            "throttled" => failed(
                Outcome::Failed,
                format!("{call} was throttled ({message})"),
                "none: it is tried again",
            ),
            "timed_out" | "unreachable" => failed(
                Outcome::Failed,
                format!("{call} was not answered ({message})"),
                "give the instance a way to the service's endpoint; it is tried again",
            ),
            _ => failed(
                Outcome::Refused,
                format!("{call} was refused ({message})"),
                "mend what the message names; it is tried again, slowly",
            ),
        },
    }
}

fn failed(outcome: Outcome, detail: String, remedy: &str) -> Ended {
    Ended {
        outcome,
        detail,
        remedy: remedy.to_owned(),
    }
}

fn arguments(act: Act, target: &Target) -> Vec<String> {
    let mut args = Vec::new();
    let mut add = |words: &[&str]| args.extend(words.iter().map(|word| (*word).to_owned()));
    match act {
        Act::SetUnhealthy => add(&["set-instance-unhealthy", "--instance", &target.instance]),
        Act::Drain => add(&[
            "drain-container-instance",
            "--cluster",
            &target.cluster,
            "--container-instance",
            &target.container_instance,
        ]),
        Act::Heartbeat => add(&["record-lifecycle-action-heartbeat"]),
        Act::Continue => add(&["complete-lifecycle-action", "--result", "CONTINUE"]),
        Act::Abandon => add(&["complete-lifecycle-action", "--result", "ABANDON"]),
        Act::Command | Act::PowerOff => {}
    }
    if matches!(act, Act::Heartbeat | Act::Continue | Act::Abandon) {
        add(&["--instance", &target.instance, "--hook", &target.hook]);
        if let Some(group) = &target.group {
            add(&["--group", group]);
        }
    }
    if let Some(region) = &target.region {
        add(&["--region", region]);
    }
    args
}
