//! What a rule is.

use serde::{Deserialize, Serialize};

use crate::facts::{EngineFacts, Fact, Facts, HostFacts, ImageFacts, InstanceFacts};
use crate::finding::{Finding, Outcome, Severity};

use super::Demands;
use super::judgement::{Judgement, skipped};

/// A profile's name with the weight that a rule has in it.
pub type Weight = (&'static str, Severity);

/// The same weight in every profile.
pub const fn everywhere(severity: Severity) -> [Weight; 5] {
    [
        ("ecs", severity),
        ("batch", severity),
        ("emr", severity),
        ("gpu", severity),
        ("generic", severity),
    ]
}

/// The same weight wherever Docker and the agent run.
pub const fn on_container_hosts(severity: Severity) -> [Weight; 3] {
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
    /// On an image that has not booted alone: a booted host has rightly what the image must not have.
    Unbooted,
}

impl Told {
    /// The words in reports.
    pub fn words(self) -> &'static str {
        match self {
            Told::Image => "on an image that has not booted, and on a booted host",
            Told::Booted => "on a booted host",
            Told::Unbooted => "on an image that has not booted",
        }
    }
}

/// A layer of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// `/proc`, `/sys` and `/etc`.
    Host,
    /// What the Docker daemon says.
    Engine,
    /// What the instance metadata service says.
    Instance,
    /// What a walk through the image's directories finds.
    Image,
}

impl Layer {
    /// The words in reports.
    pub fn words(self) -> &'static str {
        match self {
            Layer::Host => "the host's files",
            Layer::Engine => "an answer of the Docker daemon",
            Layer::Instance => "an answer of the instance metadata service",
            Layer::Image => "a walk through the image's directories",
        }
    }
}

/// The function that judges, with the facts that it needs.
#[derive(Clone, Copy)]
pub enum Judge {
    /// Needs the host layer alone.
    Host(fn(&HostFacts) -> Judgement),
    /// Needs the engine's answer; skipped without it.
    Engine(fn(&EngineFacts) -> Judgement),
    /// Needs the metadata service's answer; skipped without it.
    Instance(fn(&InstanceFacts, &HostFacts) -> Judgement),
    /// Needs the image layer; skipped without it.
    Image(fn(&ImageFacts) -> Judgement),
    /// Needs the host layer, and uses others where they are known.
    Facts(fn(&Facts) -> Judgement),
    /// Depends on what was asked for beside the profiles.
    Demands(fn(&Facts, &Demands) -> Judgement),
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
            Judge::Host(_) | Judge::Facts(_) | Judge::Demands(..) => Layer::Host,
            Judge::Engine(_) => Layer::Engine,
            Judge::Instance(_) => Layer::Instance,
            Judge::Image(_) => Layer::Image,
        }
    }

    /// Judges the facts; `severity` is its weight under the active profiles.
    pub fn finding(&self, facts: &Facts, demands: &Demands, severity: Severity) -> Finding {
        let judgement = self.judgement(facts, demands);
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

    fn judgement(&self, facts: &Facts, demands: &Demands) -> Judgement {
        match (self.told, facts.image_only) {
            (Told::Unbooted, false) => {
                return skipped("a booted host may have it; told of an image that has not booted")
                    .at_most(Severity::Informational);
            }
            (Told::Booted, true) => return skipped("told of a booted host"),
            _ => {}
        }
        let of_host = !matches!(self.judge, Judge::Engine(_));
        if of_host && facts.host == HostFacts::default() {
            return skipped("the host has not been looked at");
        }
        match self.judge {
            Judge::Host(judge) => judge(&facts.host),
            Judge::Facts(judge) => judge(facts),
            Judge::Demands(judge) => judge(facts, demands),
            Judge::Engine(judge) => layer(&facts.engine, "the engine", judge),
            Judge::Instance(judge) => {
                let judge = |instance: &InstanceFacts| judge(instance, &facts.host);
                layer(&facts.instance, "the metadata service", judge)
            }
            Judge::Image(judge) => match &facts.image {
                Fact::Known(image) => judge(image),
                _ => skipped("only `ecs-nanny check` walks through directories"),
            },
        }
    }
}

/// Judges a layer that another program answers for.
fn layer<T>(fact: &Fact<T>, who: &str, judge: impl FnOnce(&T) -> Judgement) -> Judgement {
    match fact {
        Fact::Known(answer) => judge(answer),
        Fact::Unreadable(why) => skipped(format!("{who} has not answered: {why}")),
        Fact::NotYet => skipped(format!("{who} has not been asked")),
    }
}
