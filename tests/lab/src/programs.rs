//! The lab's static programs, for tests.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

const BUILD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/build");

/// Builds them where they are not up to date; answers with the directory that holds `ecs-nanny-lab` and
/// `ecs-nanny-lab-agent`.
///
/// # Errors
/// They can't be built; cargo says why on stderr.
pub fn directory() -> Result<PathBuf> {
    let output = Command::new(BUILD)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {BUILD}"))?;
    if !output.status.success() {
        bail!("{BUILD} failed, {}", output.status);
    }
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}
