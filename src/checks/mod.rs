//! Rules and profiles: facts in, findings out. Pure; the report is made anew as layers of facts arrive.
//!
//! A rule says what it demands, why, and how to mend it, beside the one small function that judges it. What can't be
//! told is skipped with the reason, never passed.

mod capacity;
mod cgroup;
mod docker;
mod kernel;
mod machine;
mod os_release;
mod platform;
mod version;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::facts::{EngineFacts, Fact, Facts, HostFacts};
use crate::finding::{Confidence, Finding, Outcome, Severity};

pub use os_release::OsRelease;
pub use platform::{Platform, Verdict, platform};
pub use version::Version;

/// The number that grows when the JSON of `ecs-nanny check` changes incompatibly.
pub const SCHEMA: u32 = 1;

/// Every rule, one table an area, in the order of reports.
pub const AREAS: &[&[Rule]] = &[
    kernel::RULES,
    machine::RULES,
    capacity::RULES,
    cgroup::RULES,
    docker::RULES,
];

/// A profile's name with the weight that a rule has in it.
type Weight = (&'static str, Severity);

/// The same weight in every profile.
const fn everywhere(severity: Severity) -> [Weight; 5] {
    [
        ("ecs", severity),
        ("batch", severity),
        ("emr", severity),
        ("gpu", severity),
        ("generic", severity),
    ]
}

/// The same weight wherever Docker and the agent run.
const fn on_container_hosts(severity: Severity) -> [Weight; 3] {
    [("ecs", severity), ("batch", severity), ("gpu", severity)]
}

/// Where a rule can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Told {
    /// On an image that has not booted, and on a booted host.
    Image,
    /// On a booted host alone.
    Booted,
}

/// A layer of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// `/proc`, `/sys` and `/etc`.
    Host,
    /// What the Docker daemon says.
    Engine,
}

/// The function that judges, with the facts that it needs.
#[derive(Clone, Copy)]
pub enum Judge {
    /// Needs the host layer alone.
    Host(fn(&HostFacts) -> Judgement),
    /// Needs the engine's answer; skipped without it.
    Engine(fn(&EngineFacts) -> Judgement),
    /// Needs the host layer, and uses others where they are known.
    Facts(fn(&Facts) -> Judgement),
}

/// One rule.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Stable id, `area.subject`.
    pub id: &'static str,
    /// The demand in one line.
    pub title: &'static str,
    /// The profiles that it belongs to, with its weight in each.
    pub weights: &'static [Weight],
    /// Where it can be told.
    pub told: Told,
    /// What is wanted, for a reader who sees what is.
    pub required: &'static str,
    /// How to mend it, one line.
    pub remedy: &'static str,
    /// The document that the demand comes from.
    pub source: &'static str,
    /// Its function.
    pub judge: Judge,
}

impl Rule {
    /// Its weight under these profiles, the heaviest where several hold it; `None` when none does.
    pub fn severity(&self, profiles: &[String]) -> Option<Severity> {
        self.weights
            .iter()
            .filter(|(profile, _)| profiles.iter().any(|active| active == profile))
            .map(|(_, severity)| *severity)
            .min()
    }

    /// The layer of facts without which it is skipped.
    pub fn layer(&self) -> Layer {
        match self.judge {
            Judge::Host(_) | Judge::Facts(_) => Layer::Host,
            Judge::Engine(_) => Layer::Engine,
        }
    }

    /// Judges the facts; `severity` is its weight under the active profiles.
    fn finding(&self, facts: &Facts, severity: Severity) -> Finding {
        let judgement = match self.judge {
            Judge::Host(judge) => judge(&facts.host),
            Judge::Facts(judge) => judge(facts),
            Judge::Engine(judge) => match &facts.engine {
                Fact::Known(engine) => judge(engine),
                Fact::Unreadable(why) => skipped(format!("the engine has not answered: {why}")),
                Fact::NotYet => skipped("the engine has not been asked yet"),
            },
        };
        Finding {
            rule: self.id.into(),
            title: self.title.into(),
            // A rule can find a lesser fault than the one it is weighed by, never a greater one.
            severity: severity.max(judgement.at_most.unwrap_or(severity)),
            outcome: judgement.outcome,
            confidence: judgement.confidence,
            observed: judgement.observed,
            required: self.required.into(),
            remedy: match judgement.outcome {
                Outcome::Failed => self.remedy.into(),
                Outcome::Passed | Outcome::Skipped => "".into(),
            },
            source: self.source.into(),
            place: None,
        }
    }
}

/// What a rule's function says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    outcome: Outcome,
    confidence: Confidence,
    observed: String,
    at_most: Option<Severity>,
}

impl Judgement {
    /// How sure the evidence is.
    fn confidence(self, confidence: Confidence) -> Self {
        Judgement { confidence, ..self }
    }

    /// Weighs this finding no more than `severity`, whatever the profile says.
    fn at_most(self, severity: Severity) -> Self {
        Judgement {
            at_most: Some(severity),
            ..self
        }
    }
}

fn judgement(outcome: Outcome, observed: impl Into<String>) -> Judgement {
    Judgement {
        outcome,
        confidence: Confidence::Certain,
        observed: observed.into(),
        at_most: None,
    }
}

/// The demand is met.
fn passed(observed: impl Into<String>) -> Judgement {
    judgement(Outcome::Passed, observed)
}

/// The demand is not met.
fn failed(observed: impl Into<String>) -> Judgement {
    judgement(Outcome::Failed, observed)
}

/// It could not be told, and why.
fn skipped(why: impl Into<String>) -> Judgement {
    judgement(Outcome::Skipped, why)
}

/// Passed or failed by a condition.
fn met(condition: bool, observed: impl Into<String>) -> Judgement {
    if condition {
        passed(observed)
    } else {
        failed(observed)
    }
}

/// Judges a fact where it is known; skipped with its reason where it is not.
fn known<T>(fact: &Fact<T>, judge: impl FnOnce(&T) -> Judgement) -> Judgement {
    match fact {
        Fact::Known(value) => judge(value),
        unknown => skipped(unknown.why_unknown()),
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

/// All rules in the order of reports.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    AREAS.iter().copied().flatten()
}

/// Judges the facts by the rules of these profiles.
pub fn evaluate(facts: &Facts, profiles: &[String]) -> Report {
    let findings: Vec<Finding> = rules()
        .filter_map(|rule| Some(rule.finding(facts, rule.severity(profiles)?)))
        .collect();
    Report {
        profiles: profiles.to_vec(),
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
