//! `ecs-nanny status` and `ecs-nanny wait`: readers of the state file.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use crate::cli::args::{Format, StatusArgs, WaitArgs};
use crate::cli::status as status_view;
use crate::exit::Exit;
use crate::health::{self, ReadError, STATE_FILE};
use crate::host::watch::Watch;
use crate::snapshot::{Phase, Timestamp};

use super::{colour, print, print_raw, runtime, width};

/// How often a watched document is looked at although it did not change: it may have expired.
const LOOK: Duration = Duration::from_secs(5);
/// How often a screen is drawn anew.
const TICK: Duration = Duration::from_secs(1);

pub(super) fn status(args: &StatusArgs) -> anyhow::Result<Exit> {
    if args.watch {
        return runtime()?.block_on(watch(args.format));
    }
    let (text, exit) = look(args.format)?;
    print(&text);
    Ok(exit)
}

/// Shows the document until Ctrl-C: on a terminal it is drawn over itself, elsewhere it is printed at each change.
async fn watch(format: Format) -> anyhow::Result<Exit> {
    let live = format == Format::Table && std::io::stdout().is_terminal();
    if live {
        print("\x1b[2J");
    }
    let mut shown = String::new();
    loop {
        let (text, _) = look(format)?;
        if live {
            let height = terminal_size::terminal_size().map_or(24, |(_, height)| height.0);
            print_raw(&status_view::frame(&text, usize::from(height)));
        } else if text != shown {
            print(&text);
            shown = text;
        }
        tokio::select! {
            // Ages grow while nothing changes.
            () = change(if live { TICK } else { LOOK }) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
        }
    }
}

/// The document as it is shown, and what it means for scripts.
fn look(format: Format) -> anyhow::Result<(String, Exit)> {
    let snapshot = match health::read() {
        Ok(snapshot) => snapshot,
        Err(error @ ReadError::Absent) => return Ok((format!("unknown: {error}\n"), Exit::Failed)),
        Err(error) => return Err(error.into()),
    };
    let now = Timestamp::now();
    let text = match format {
        Format::Json => serde_json::to_string_pretty(&snapshot)? + "\n",
        Format::Table => status_view::screen(&snapshot, now, width(), colour()),
    };
    let healthy = snapshot.ready() && !snapshot.expired(now);
    Ok((text, if healthy { Exit::Done } else { Exit::Failed }))
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
