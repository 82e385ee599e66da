//! The agent's life: state, registration, introspection, and how it ends.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::control::{Control, Watcher};
use crate::introspection::Introspection;
use crate::{EXIT_TERMINAL, connection, log, registration};

/// The version that the agent calls itself where the image says nothing.
const VERSION: &str = "1.105.1";

/// Runs the agent; answers with its exit status.
pub async fn run() -> u8 {
    let data_directory = PathBuf::from(from_environment("ECS_DATADIR", "/data"));
    let cluster = from_environment("ECS_CLUSTER", "default");
    let version = from_environment("LAB_AGENT_VERSION", VERSION);
    log::info(&format!(
        "Starting Amazon ECS Agent version {version}, cluster {cluster}"
    ));
    log_drivers();
    count_start(&data_directory);

    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            log::critical(&format!("cannot take SIGTERM: {error}"));
            return EXIT_TERMINAL;
        }
    };
    let mut watcher = Watcher::new(&data_directory);
    let control = watcher.subscribe();
    let (exit, mut asked_to_exit) = mpsc::channel(1);
    let work = live(&data_directory, cluster, version, watcher.subscribe(), exit);
    let status = tokio::select! {
        biased;
        status = watcher.until_exit() => status,
        Some(status) = asked_to_exit.recv() => status,
        () = terminated(&mut terminate, &control) => {
            log::info("SIGTERM received; state saved, ending");
            return 0;
        }
        status = work => status,
    };
    log::error(&format!("Agent exits with status {status}"));
    status
}

/// An ordinary container: sleeps until SIGTERM.
pub async fn sleep() -> u8 {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            terminate.recv().await;
            0
        }
        Err(_) => 1,
    }
}

/// Registers and serves. Ends only when the saved state forbids to go on.
async fn live(
    data_directory: &Path,
    cluster: String,
    version: String,
    mut control: watch::Receiver<Control>,
    exit: mpsc::Sender<u8>,
) -> u8 {
    let saved = match registration::load(data_directory, &cluster) {
        Ok(saved) => saved,
        Err(unusable) => {
            log::critical(&unusable.to_string());
            return EXIT_TERMINAL;
        }
    };
    let (arn, arn_seen) = watch::channel(None);
    let introspection = Introspection {
        cluster: cluster.clone(),
        version,
        arn: arn_seen,
        control: control.clone(),
        exit,
    };
    let listen_at_once = control.borrow().listen_unregistered;
    if listen_at_once {
        tokio::spawn(introspection.clone().serve());
    }
    wait_until_allowed(&mut control).await;
    let registered = match saved {
        Some(saved) => Ok(saved),
        None => registration::register(data_directory, &cluster),
    };
    let registered = match registered {
        Ok(registered) => registered,
        Err(error) => {
            log::critical(&format!("Unable to save state: {error}"));
            return EXIT_TERMINAL;
        }
    };
    log::info(&format!(
        "Registered container instance with cluster: {}",
        registered.container_instance_arn
    ));
    arn.send_replace(Some(registered.container_instance_arn));
    if !listen_at_once {
        tokio::spawn(introspection.serve());
    }
    match connection::hold(control).await {}
}

/// Waits out `register_after_ms`, and `never_register` until the file takes it back.
async fn wait_until_allowed(control: &mut watch::Receiver<Control>) {
    let after = Duration::from_millis(control.borrow().register_after_ms);
    tokio::time::sleep(after).await;
    // The sender lives as long as the agent.
    let _ = control.wait_for(|control| !control.never_register).await;
}

/// Waits for a SIGTERM that counts.
async fn terminated(terminate: &mut Signal, control: &watch::Receiver<Control>) {
    loop {
        terminate.recv().await;
        if !control.borrow().ignore_sigterm {
            return;
        }
        log::warn("SIGTERM received and ignored");
    }
}

/// The real agent's reading of its log drivers: what is not JSON silently costs awslogs.
fn log_drivers() {
    let value = from_environment("ECS_AVAILABLE_LOGGING_DRIVERS", "");
    let drivers = serde_json::from_str::<Vec<String>>(&value).unwrap_or_else(|error| {
        if !value.is_empty() {
            log::warn(&format!(
                "Invalid format for \"ECS_AVAILABLE_LOGGING_DRIVERS\": {error}"
            ));
        }
        vec!["json-file".to_owned(), "none".to_owned()]
    });
    log::info(&format!("Available logging drivers: {drivers:?}"));
}

/// Counts this start in `lab-starts`, for tests.
fn count_start(data_directory: &Path) {
    let file = data_directory.join("lab-starts");
    let before: u64 = std::fs::read_to_string(&file)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0);
    if let Err(error) = std::fs::write(&file, format!("{}\n", before + 1)) {
        log::warn(&format!("{}: {error}", file.display()));
    }
}

fn from_environment(name: &str, default: &str) -> String {
    std::env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .unwrap_or_else(|| default.to_owned())
}
