//! Rules and profiles: facts in, findings out. Pure; the report is made anew as layers of facts arrive.
//!
//! A rule says what it demands, why, and how to mend it, beside the one small function that judges it. What can't be
//! told is skipped with the reason, never passed.

mod agent;
mod agent_files;
mod capacity;
mod catalogue;
mod cgroup;
mod cluster;
mod daemon;
mod docker;
mod emr;
mod gpu;
mod hygiene;
mod image_release;
mod judgement;
mod kernel;
mod kernel_options;
mod machine;
mod os_release;
mod platform;
mod rule;
mod storage;
mod system;
mod version;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::facts::Facts;
use crate::finding::{Finding, Outcome, Severity};
use crate::settings;

use judgement::{Judgement, failed, known, met, passed, skipped};
use rule::{everywhere, on_container_hosts};

pub use agent::has_foreign_state;
pub use catalogue::{NOT_RULES, NotARule, RENAMED, markdown};
pub use emr::is_emr_node;
pub use image_release::ImageRelease;
pub use os_release::OsRelease;
pub use platform::{Platform, Verdict, platform};
pub use rule::{Judge, Layer, Rule, Told};
pub use version::Version;

/// The number that grows when the JSON of `ecs-nanny check` changes incompatibly.
pub const SCHEMA: u32 = 1;

/// Every rule, one table an area, in the order of reports.
pub const AREAS: &[&[Rule]] = &[
    kernel::RULES,
    kernel_options::RULES,
    machine::RULES,
    system::RULES,
    capacity::RULES,
    storage::RULES,
    cgroup::RULES,
    docker::RULES,
    daemon::RULES,
    agent::RULES,
    cluster::RULES,
    gpu::RULES,
    emr::RULES,
    hygiene::RULES,
];

/// What a host is judged by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Demands {
    /// Active profiles.
    pub profiles: Vec<String>,
    /// The Amazon EMR release that the image is for.
    pub emr_release: Option<Version>,
    /// The oldest release of the agent that is taken.
    pub oldest_agent: Option<Version>,
}

impl Demands {
    /// What the settings ask for.
    pub fn of(checks: &settings::Checks) -> Self {
        let version = |text: &Option<String>| text.as_deref().and_then(Version::leading);
        Demands {
            profiles: checks.profiles.clone(),
            emr_release: version(&checks.emr_release),
            oldest_agent: version(&checks.oldest_agent),
        }
    }

    /// The demands of these profiles alone.
    pub fn profiles(names: &[&str]) -> Self {
        Demands {
            profiles: names.iter().map(|name| String::from(*name)).collect(),
            ..Demands::default()
        }
    }

    fn has(&self, profile: &str) -> bool {
        self.profiles.iter().any(|active| active == profile)
    }
}

/// Whether the host fits the active profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Every required rule passed.
    Yes,
    /// A required rule failed on certain evidence.
    No,
    /// No required rule failed with certainty, and not every one could be told.
    Unknown,
}

impl Fit {
    /// The word in reports and health.
    pub fn word(self) -> &'static str {
        match self {
            Fit::Yes => "yes",
            Fit::No => "no",
            Fit::Unknown => "unknown",
        }
    }
}

/// What the rules say of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The profiles that were active.
    pub profiles: Vec<String>,
    /// One finding for each rule of the profiles, in the order of [`AREAS`].
    pub findings: Vec<Finding>,
    /// The verdict.
    pub fit: Fit,
}

/// Rules that `run` does not refuse over: it waits for what they ask for, brings it about, or the rule tells of the next
/// boot or of a setting that the agent can start with.
const NOT_REFUSED_OVER: &[&str] = &[
    "docker.reachable",
    "ecs.cloudinit_ok",
    "ecs.cluster_set",
    "ecs.iam",
    "ecs.present",
    "ecs.proxy",
    "ecs.unit",
    "gpu.driver_loaded",
    "gpu.info_file",
];

impl Report {
    /// The findings for which `run` does not start the agent.
    pub fn blocking(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.blocks() && !NOT_REFUSED_OVER.contains(&&*finding.rule))
    }
}

/// All rules in the order of reports.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    AREAS.iter().copied().flatten()
}

/// Judges the facts by the rules of the demanded profiles.
pub fn evaluate(facts: &Facts, demands: &Demands) -> Report {
    let findings: Vec<Finding> = rules()
        .filter_map(|rule| {
            let severity = rule.severity(&demands.profiles)?;
            Some(rule.finding(facts, demands, severity))
        })
        .collect();
    Report {
        profiles: demands.profiles.clone(),
        fit: fit(&findings),
        findings,
    }
}

fn fit(findings: &[Finding]) -> Fit {
    let unmet = |finding: &&Finding| {
        finding.severity == Severity::Required && finding.outcome != Outcome::Passed
    };
    if findings.iter().any(Finding::blocks) {
        Fit::No
    } else if findings.iter().any(|finding| unmet(&finding)) {
        Fit::Unknown
    } else {
        Fit::Yes
    }
}
