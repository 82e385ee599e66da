//! The Docker daemon's configuration file: asked about, kept, written, brought into force.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Prepared;
use crate::apply::report::problem;
use crate::finding::{Finding, Severity};
use crate::host::docker_config::{Verdict, validate};
use crate::host::dockerd::{Daemon, Running};
use crate::host::files;
use crate::host::systemd::Systemd;
use crate::plan::{Change, DaemonJson, InForceBy, Plan};
use crate::settings::{Settings, Switch};

/// Where the daemon reads the new content before it is in place.
const CANDIDATE: &str = "/run/ecs-nanny/daemon.json.candidate";

/// Everybody may read it, as where Docker's own documentation has it made.
const MODE: u32 = 0o644;

pub(super) async fn write(
    settings: &Settings,
    plan: &Plan,
    file: &DaemonJson,
    prepared: &mut Prepared,
) {
    if file.change == Change::None {
        return;
    }
    if let Err(finding) = ask(settings, file).await {
        prepared.findings.push(*finding);
        return;
    }
    if let Err(error) = replace(file) {
        prepared.findings.push(not_written(file, &error));
        return;
    }
    let keys: Vec<&str> = file.keys.iter().map(|change| &*change.key).collect();
    prepared.done(format!("wrote {}: {}", file.path, keys.join(" ")));
    bring_into_force(settings, plan, file, prepared).await;
}

/// Whether the daemon takes the file.
async fn ask(settings: &Settings, file: &DaemonJson) -> Result<(), Box<Finding>> {
    let (dockerd, flags) = match file.command.split_first() {
        Some((program, flags)) => (program.as_str(), flags),
        None => (settings.engine.dockerd.as_str(), &[][..]),
    };
    let flags: Vec<&str> = without_config_file(flags);
    let verdict = match files::replace(Path::new(CANDIDATE), MODE, file.content.as_bytes()) {
        Ok(_) => validate(dockerd, &flags, CANDIDATE).await,
        Err(error) => Verdict::NotAsked(format!("{CANDIDATE}: {error}")),
    };
    // A leftover does no harm: the next candidate takes its place.
    let _ = fs::remove_file(CANDIDATE);
    match verdict {
        Verdict::Accepted => Ok(()),
        Verdict::Refused(why) => Err(Box::new(refused(
            file,
            format!(
                "the Docker daemon refuses what {} would be: {why}",
                file.path
            ),
            "correct [engine.config] in ecs-nanny's settings; the file was left as it is",
        ))),
        // What is known to be right needs no answer.
        Verdict::NotAsked(why) if file.unknown_keys.is_empty() => {
            tracing::warn!("{} is written unasked: {why}", file.path);
            Ok(())
        }
        Verdict::NotAsked(why) => Err(Box::new(refused(
            file,
            format!(
                "the Docker daemon can't be asked whether it knows {}: {why}",
                file.unknown_keys.join(", ")
            ),
            "take the key out of [engine.config]; the file was left as it is",
        ))),
    }
}

fn without_config_file(flags: &[String]) -> Vec<&str> {
    let mut kept = Vec::new();
    let mut flags = flags.iter().map(String::as_str);
    while let Some(flag) = flags.next() {
        if flag == "--config-file" {
            flags.next();
        } else if !flag.starts_with("--config-file=") {
            kept.push(flag);
        }
    }
    kept
}

fn replace(file: &DaemonJson) -> io::Result<()> {
    let path = Path::new(&file.path);
    let mut mode = MODE;
    match fs::metadata(path) {
        Ok(metadata) => {
            mode = metadata.permissions().mode() & 0o7777;
            let kept = Path::new(&file.kept);
            if !kept.exists() {
                files::replace(kept, mode, &fs::read(path)?)?;
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    files::replace(path, mode, file.content.as_bytes()).map(drop)
}

/// A daemon that runs reads its file again, or is restarted, or is left with the old one.
async fn bring_into_force(
    settings: &Settings,
    plan: &Plan,
    file: &DaemonJson,
    prepared: &mut Prepared,
) {
    let Some(daemon) = running(settings, &file.command) else {
        return;
    };
    let by_restart: Vec<&str> = file
        .keys
        .iter()
        .filter(|change| change.in_force_by == InForceBy::Restart)
        .map(|change| &*change.key)
        .collect();
    if by_restart.is_empty() {
        match daemon.reload() {
            Ok(()) => prepared.done("the Docker daemon was told to read its file again".to_owned()),
            Err(error) => prepared.findings.push(not_in_force(error.to_string())),
        }
    } else if settings.engine.restart_for_config == Switch::On {
        match restart(plan, &daemon).await {
            Ok(()) => prepared.done(format!(
                "the Docker daemon is restarted for {}",
                by_restart.join(", ")
            )),
            Err(why) => prepared.findings.push(not_in_force(why)),
        }
    } else {
        prepared.findings.push(not_in_force(format!(
            "{} of {} come into force at the daemon's next start",
            by_restart.join(", "),
            file.path
        )));
    }
}

async fn restart(plan: &Plan, daemon: &Running) -> Result<(), String> {
    match &plan.engine.unit {
        Some(unit) => {
            let restarting = async { Systemd::connect().await?.restart(unit).await };
            restarting.await.map_err(|error| error.to_string())
        }
        // `ecs-nanny run` starts its child again.
        None => daemon.end().map_err(|error| error.to_string()),
    }
}

/// Whether the daemon runs.
pub(super) fn engine_runs(settings: &Settings, plan: &Plan) -> bool {
    let file = plan.preparation.daemon_json.as_ref();
    let command = file.map_or(&plan.engine.command, |file| &file.command);
    running(settings, command).is_some()
}

/// The daemon that runs now, by its pid file.
fn running(settings: &Settings, command: &[String]) -> Option<Running> {
    let set = command.windows(2).find_map(|pair| match &*pair[0] {
        "-p" | "--pidfile" => Some(pair[1].clone()),
        _ => pair[1].strip_prefix("--pidfile=").map(str::to_owned),
    });
    let program = command.first().unwrap_or(&settings.engine.dockerd);
    let daemon = Daemon {
        command: vec![program.clone()],
        pid_file: PathBuf::from(set.unwrap_or_else(|| settings.engine.pid_file.clone())),
        log: PathBuf::new(),
    };
    daemon.find()
}

fn refused(file: &DaemonJson, observed: String, remedy: &'static str) -> Finding {
    Finding {
        place: Some(crate::finding::Place::file(&file.path)),
        ..problem(
            "docker.config",
            "the Docker daemon can start with its configuration",
            Severity::Required,
            observed,
            "a configuration that the Docker daemon takes",
            remedy,
        )
    }
}

fn not_written(file: &DaemonJson, error: &io::Error) -> Finding {
    problem(
        "docker.config_written",
        "[engine.config] is in the Docker daemon's configuration file",
        Severity::Recommended,
        format!("{} could not be written: {error}", file.path),
        "a file system that can be written, with room",
        "look at df and mount, and run ecs-nanny prepare",
    )
}

fn not_in_force(observed: String) -> Finding {
    problem(
        "docker.config_in_force",
        "the Docker daemon runs with its configuration",
        Severity::Recommended,
        observed,
        "a daemon that has read its file",
        "restart the Docker daemon when its tasks may end, or set engine.restart_for_config = \"on\"",
    )
}
