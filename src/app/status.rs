//! `ecs-nanny status` and `ecs-nanny wait`: readers of the state file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use crate::cli::args::{Format, StatusArgs, WaitArgs};
use crate::exit::Exit;
use crate::health::{self, ReadError, STATE_FILE, people};
use crate::host::watch::Watch;
use crate::snapshot::{Phase, Timestamp};

use super::{print, print_json, runtime};

/// How often a watched document is looked at although it did not change: it may have expired.
const LOOK: Duration = Duration::from_secs(5);

pub(super) fn status(args: &StatusArgs) -> anyhow::Result<Exit> {
    let shown = show(args)?;
    if !args.watch {
        return Ok(shown);
    }
    runtime()?.block_on(async {
        loop {
            tokio::select! {
                () = change(LOOK) => {}
                _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
            }
            print("\x1b[2J\x1b[H");
            show(args)?;
        }
    })
}

fn show(args: &StatusArgs) -> anyhow::Result<Exit> {
    let snapshot = match health::read() {
        Ok(snapshot) => snapshot,
        Err(error @ ReadError::Absent) => {
            print(&format!("unknown: {error}"));
            return Ok(Exit::Failed);
        }
        Err(error) => return Err(error.into()),
    };
    let now = Timestamp::now();
    match args.format {
        Format::Json => print_json(&serde_json::to_value(&snapshot)?)?,
        Format::Table => print(&people::screen(&snapshot, now)),
    }
    let healthy = snapshot.ready() && !snapshot.expired(now);
    Ok(if healthy { Exit::Done } else { Exit::Failed })
}

pub(super) fn wait(args: &WaitArgs) -> anyhow::Result<Exit> {
    if inside_cloud_final() {
        anyhow::bail!(
            "ecs-nanny wait was called from user data (cloud-final.service), which would wait for itself; \
             order a unit After=ecs-nanny-ready.target instead, or use: systemctl start --no-block"
        );
    }
    runtime()?.block_on(wait_for(args.phase, args.timeout))
}

async fn wait_for(phase: Phase, timeout: Duration) -> anyhow::Result<Exit> {
    let deadline = Instant::now() + timeout;
    let mut said = String::new();
    loop {
        let line = match health::read() {
            Ok(snapshot) if snapshot.expired(Timestamp::now()) => {
                "unknown: the document expired; is ecs-nanny running?".to_owned()
            }
            Ok(snapshot) if snapshot.phase == phase => {
                print(&snapshot.line());
                return Ok(Exit::Done);
            }
            Ok(snapshot) => snapshot.line(),
            Err(error) => error.to_string(),
        };
        if line != said {
            eprintln!("{line}");
            said = line;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            eprintln!(
                "not {phase} after {}: {said}",
                humantime::format_duration(timeout)
            );
            return Ok(Exit::Failed);
        }
        tokio::select! {
            () = change(left.min(LOOK)) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Failed),
        }
    }
}

/// Waits for a change of the state file, or a while.
async fn change(at_most: Duration) {
    let waiting = async {
        match Watch::new(&[PathBuf::from(STATE_FILE)], &[]) {
            Ok(mut watch) => watch.changed().await,
            Err(_) => std::future::pending().await,
        }
    };
    let _ = tokio::time::timeout(at_most, waiting).await;
}

/// Whether this process runs inside cloud-init's last stage, by its control group.
fn inside_cloud_final() -> bool {
    std::fs::read_to_string(Path::new("/proc/self/cgroup"))
        .is_ok_and(|groups| groups.contains("/cloud-final.service"))
}
