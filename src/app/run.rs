//! `ecs-nanny run`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

use crate::agent_config::{JSON_PATH, USER_PATH, VENDOR_PATH};
use crate::apply;
use crate::apply::preparation::PREPARED;
use crate::exit::Exit;
use crate::facts::{self, DAEMON_JSON};
use crate::finding::Finding;
use crate::health::{self, Tcp, Unix};
use crate::host::files::Root;
use crate::host::imds::Imds;
use crate::host::{dropins, lock, notify};
use crate::lifecycle::{self, Intervals, Tools};
use crate::plan;
use crate::settings::{Health, Level, Loaded, Log, LogFormat, Settings};
use crate::snapshot::{LifecycleView, Snapshot};
use crate::supervise::hold::HOLD;
use crate::supervise::{self, Setup, Timeline};
use crate::telemetry::{self, message};

/// How often binding the loopback port is tried again: a client's source port may hold it for a minute.
const BIND_AGAIN: Duration = Duration::from_secs(10);

/// Calls AWS; in the same package.
const AWS_PROGRAM: &str = "ecs-nanny-aws";
/// This program, also after an upgrade has replaced its file.
const OWN_PROGRAM: &str = "/proc/self/exe";

pub(super) fn run() -> anyhow::Result<Exit> {
    let timeline = Timeline::begin(&Root::host());
    let loaded = match super::settings(&Root::host()) {
        Ok(loaded) => loaded,
        Err(error) => {
            record(&Log::default());
            notify::status(&format!("bad settings: {error}"));
            for problem in &error.problems {
                tracing::error!(MESSAGE_ID = message::SETTINGS_BAD, "{}", problem.sentence());
            }
            return Ok(Exit::BadSettings);
        }
    };
    record(&loaded.settings.log);
    anyhow::ensure!(
        nix::unistd::geteuid().is_root(),
        "ecs-nanny run needs root: it writes /var/lib/ecs and starts Docker"
    );
    let _lock = lock::acquire(Path::new(apply::LOCK)).context("another ecs-nanny runs")?;
    let ended = LocalSet::new().block_on(&super::runtime()?, supervised(loaded, timeline))?;
    tracing::info!(
        MESSAGE_ID = message::ENDED,
        "ecs-nanny ends with status {}",
        ended.status()
    );
    Ok(ended)
}

async fn supervised(loaded: Loaded, mut timeline: Timeline) -> anyhow::Result<Exit> {
    tracing::info!(
        MESSAGE_ID = message::STARTED,
        "ecs-nanny {} starts",
        env!("CARGO_PKG_VERSION")
    );
    let root = Root::host();
    if let Some(kept) = health::kept_timeline() {
        timeline.resume(kept);
    }
    let facts = facts::read(&root);
    let plan = plan::build(&loaded.settings, &facts);
    let backend = supervise::backend(&loaded.settings, &plan.engine);
    let (snapshots, seen) = watch::channel(Arc::new(supervise::first_snapshot(
        &loaded,
        backend.word(),
        &timeline,
    )));
    let (port_said, health_port) = mpsc::unbounded_channel();
    serve(&loaded.settings.health, &seen, port_said)?;
    let in_force = watch::Sender::new(Arc::new(loaded.settings.clone()));
    let announced = life_cycle(&root, &in_force, &seen);
    let following = tokio::task::spawn_local(health::follow(seen));
    notify::ready();
    let source_root = root.clone();
    let tarball = PathBuf::from(&loaded.settings.agent.tarball);
    let setup = Setup {
        loaded,
        settings_source: Arc::new(move || super::settings(&source_root)),
        root,
        backend,
        watched_files: [
            VENDOR_PATH,
            USER_PATH,
            JSON_PATH,
            HOLD,
            PREPARED,
            DAEMON_JSON,
        ]
        .map(PathBuf::from)
        .into_iter()
        .chain([tarball])
        .collect(),
        watched_directories: dropins::directories().map(PathBuf::from).to_vec(),
        host: facts.host,
        timeline,
        in_force,
        announced,
        snapshots,
        health_port,
    };
    let ended = supervise::run(setup).await?;
    // The sender is gone with the supervisor: the follower writes the last document and ends.
    following.await?;
    Ok(ended)
}

/// Begins to watch what EC2 and Auto Scaling announce, and to act where settings say so.
fn life_cycle(
    root: &Root,
    in_force: &watch::Sender<Arc<Settings>>,
    seen: &watch::Receiver<Arc<Snapshot>>,
) -> mpsc::UnboundedReceiver<LifecycleView> {
    let (views, announced) = mpsc::unbounded_channel();
    match Imds::new(&in_force.borrow().metadata.endpoints) {
        Ok(imds) => {
            let watching = lifecycle::watch(imds, seen.clone(), Intervals::default(), views);
            tokio::task::spawn_local(watching);
        }
        Err(error) => tracing::warn!("what EC2 announces is not seen: {error}"),
    }
    let tools = Tools {
        root: root.clone(),
        aws: AWS_PROGRAM.to_owned(),
        nanny: OWN_PROGRAM.to_owned(),
    };
    let (views, acted) = mpsc::unbounded_channel();
    let settings = in_force.subscribe();
    let acting = lifecycle::act(tools, announced, seen.clone(), settings, views);
    tokio::task::spawn_local(acting);
    acted
}

fn serve(
    settings: &Health,
    seen: &watch::Receiver<Arc<Snapshot>>,
    port_said: mpsc::UnboundedSender<Option<Finding>>,
) -> anyhow::Result<()> {
    let unix = Unix::bind().with_context(|| format!("binding {}", health::SOCKET))?;
    tokio::task::spawn_local(unix.serve(seen.clone()));
    let Some(address) = settings.tcp else {
        return Ok(());
    };
    let seen = seen.clone();
    tokio::task::spawn_local(async move {
        loop {
            match Tcp::bind(address).await {
                Ok(tcp) => {
                    // The loop that would hear it may have ended.
                    let _ = port_said.send(None);
                    return tcp.serve(seen).await;
                }
                Err(error) => {
                    let _ = port_said.send(Some(health::port_taken(address, &error)));
                }
            }
            tokio::time::sleep(BIND_AGAIN).await;
        }
    });
    Ok(())
}

pub(super) fn record(log: &Log) {
    let level = match log.level {
        Level::Error => tracing::Level::ERROR,
        Level::Warn => tracing::Level::WARN,
        Level::Info => tracing::Level::INFO,
        Level::Debug => tracing::Level::DEBUG,
        Level::Trace => tracing::Level::TRACE,
    };
    let format = match log.format {
        LogFormat::Text => telemetry::Format::Text,
        LogFormat::Json => telemetry::Format::Json,
    };
    telemetry::start(level, format);
}
