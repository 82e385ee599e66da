//! Reads a unit's last lines from the journal. By argv: the journal's files have no stable format but through libsystemd,
//! which we don't link.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// Deadline: a journal on a cold disk takes a second or two.
const READ: Duration = Duration::from_secs(5);

/// The last lines of a unit, oldest first; empty where the journal can't be read in time.
pub async fn last_lines(unit: &str, lines: usize) -> Vec<String> {
    let reading = Command::new("journalctl")
        .args(["--no-pager", "--quiet", "--output=cat"])
        // The daemon's own words, without what systemd says of the unit.
        .arg(format!("_SYSTEMD_UNIT={unit}"))
        .arg(format!("--lines={lines}"))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(READ, reading).await {
        Ok(Ok(output)) => {
            let text = String::from_utf8_lossy(&output.stdout);
            let mut found: Vec<String> = text.lines().map(str::to_owned).collect();
            // Every attempt of a restart says the same.
            found.dedup();
            found
        }
        Ok(Err(error)) => {
            tracing::debug!("journalctl: {error}");
            Vec::new()
        }
        Err(_) => Vec::new(),
    }
}
