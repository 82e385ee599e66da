//! The host prepared before the engine starts: `ecs-nanny prepare`, outside the daemon's sandbox.

mod daemon_json;
mod volumes;

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Outcome};
use crate::host::files::{self, Root};
use crate::plan::Plan;
use crate::settings::Settings;

/// What came of the last preparation; health tells it. `/run` forgets it at boot.
pub const PREPARED: &str = "/run/ecs-nanny/prepared.json";

/// What came of a preparation. Nothing in it aborts: the host boots on with what it has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Prepared {
    /// What was changed, a line each.
    pub done: Vec<String>,
    /// What could not be done, and why.
    pub findings: Vec<Finding>,
}

impl Prepared {
    /// What the last preparation of this boot came to; nothing where there was none, or where its file can't be read.
    pub fn read(root: &Root) -> Self {
        let text = root.line(PREPARED).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Writes it down for health.
    ///
    /// # Errors
    /// Those of writing [`PREPARED`].
    pub fn write(&self) -> io::Result<()> {
        const MODE: u32 = 0o644;
        let bytes = serde_json::to_vec_pretty(self)?;
        files::replace(Path::new(PREPARED), MODE, &bytes).map(drop)
    }

    /// True where something failed.
    pub fn failed(&self) -> bool {
        let mut findings = self.findings.iter();
        findings.any(|finding| finding.outcome == Outcome::Failed)
    }

    fn done(&mut self, line: String) {
        tracing::info!("{line}");
        self.done.push(line);
    }
}

/// Does what the plan says that is to be done before the engine starts.
pub async fn prepare(settings: &Settings, plan: &Plan) -> Prepared {
    let mut prepared = Prepared {
        findings: plan.preparation.findings.clone(),
        ..Prepared::default()
    };
    for volume in &plan.preparation.volumes {
        let changes = !volume.steps.is_empty();
        if changes && volume.for_docker && daemon_json::engine_runs(settings, plan) {
            prepared.findings.push(volumes::in_use(volume));
        } else {
            volumes::prepare(volume, &mut prepared).await;
        }
    }
    if let Some(file) = &plan.preparation.daemon_json {
        daemon_json::write(settings, plan, file, &mut prepared).await;
    }
    for finding in &prepared.findings {
        tracing::warn!("{}", finding.sentence());
    }
    prepared
}
