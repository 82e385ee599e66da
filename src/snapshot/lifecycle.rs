//! What EC2 and Auto Scaling have announced for this instance.

use serde::{Deserialize, Serialize};

use super::Timestamp;
use crate::finding::{Confidence, Finding, Outcome, Severity};

/// What is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NoticeName {
    /// EC2 takes the Spot instance back, two minutes after it said so.
    SpotInterruption,
    /// The Spot instance is at an elevated risk of being taken back.
    Rebalance,
    /// Maintenance of the instance or its host is scheduled.
    Maintenance,
    /// The Auto Scaling group is terminating the instance.
    Termination,
}

impl NoticeName {
    /// Every name.
    pub const ALL: [NoticeName; 4] = [
        NoticeName::SpotInterruption,
        NoticeName::Rebalance,
        NoticeName::Maintenance,
        NoticeName::Termination,
    ];

    /// The word in the document.
    pub fn word(self) -> &'static str {
        match self {
            NoticeName::SpotInterruption => "spot_interruption",
            NoticeName::Rebalance => "rebalance",
            NoticeName::Maintenance => "maintenance",
            NoticeName::Termination => "termination",
        }
    }
}

/// One thing that is announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Notice {
    /// What.
    pub name: NoticeName,
    /// The same for people, with what else was said.
    pub detail: String,
    /// When it happens at the earliest; absent where nobody said.
    pub at: Option<Timestamp>,
    /// When it was first seen here.
    pub seen_at: Timestamp,
}

impl Notice {
    /// Whether both announce the same, whenever each was seen.
    pub fn same(&self, other: &Notice) -> bool {
        (self.name, &self.detail, self.at) == (other.name, &other.detail, other.at)
    }

    /// `EC2 terminates this Spot instance, at 2026-11-20T10:00:00.000Z`.
    pub fn line(&self) -> String {
        match self.at {
            Some(at) => format!("{}, at {at}", self.detail),
            None => self.detail.clone(),
        }
    }
}

/// What EC2 and Auto Scaling say of this instance's life.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct LifecycleView {
    /// The state that the Auto Scaling group wants for the instance (`InService`, `Warmed:Stopped`, `Terminated`, …);
    /// absent where no group is known.
    pub target_state: Option<String>,
    /// What is announced, by its name.
    pub notices: Vec<Notice>,
    /// What was done about the host outside of it, where settings switch that on; the last time of each.
    pub actions: Vec<ActionView>,
    /// Why nothing is done although settings switch it on.
    pub actions_off: Option<String>,
}

/// Something that was done about the host outside of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ActionView {
    /// `set_unhealthy`, `continue_launch`, `abandon_launch`, `heartbeat`, `drain`, `command` or `power_off`.
    pub name: String,
    /// `busy`, `done` or `failed`.
    pub state: String,
    /// What came of it.
    pub detail: String,
    /// When that was.
    pub at: Timestamp,
    /// How to mend it, where it failed.
    pub remedy: String,
}

impl LifecycleView {
    /// A finding for each action that failed.
    pub fn findings(&self) -> impl Iterator<Item = Finding> {
        let failed = self
            .actions
            .iter()
            .filter(|action| action.state == "failed");
        failed.map(|action| Finding {
            rule: format!("acting.{}", action.name).into(),
            title: "what the settings have done about the host outside of it is done".into(),
            severity: Severity::Recommended,
            outcome: Outcome::Failed,
            confidence: Confidence::Certain,
            observed: action.detail.clone(),
            required: "done".into(),
            remedy: action.remedy.clone().into(),
            source: "docs/aws.md".into(),
            place: None,
        })
    }

    /// Why no agent is started in a warm pool.
    pub fn warm(&self) -> String {
        let state = self.target_state.as_deref().unwrap_or("Warmed");
        format!(
            "the group wants {state}; everything but the agent is up, which starts at InService"
        )
    }
}
