//! The one diagnostic type: what a rule, the lint or a validation said.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How much a failed finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The host cannot do its work; with certain evidence it blocks the agent.
    Required,
    /// It works, but not as it should.
    Recommended,
    /// Worth knowing.
    Informational,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Required => "required",
            Severity::Recommended => "recommended",
            Severity::Informational => "informational",
        })
    }
}

/// What a rule said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The demand is not met.
    Failed,
    /// It could not be told; `observed` says why. Never counted as passed.
    Skipped,
    /// The demand is met.
    Passed,
}

/// How sure the evidence is. A low-confidence verdict is shown and never blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// The evidence admits one reading.
    #[default]
    Certain,
    /// The evidence is indirect.
    Low,
}

/// Where in a file a finding points. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Place {
    /// Path of the file.
    pub file: String,
    /// Line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// First column of the span, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// Length of the span in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u32>,
    /// The line as it stands, with secret values replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Place {
    /// A place that names a file alone.
    pub fn file(path: impl Into<String>) -> Self {
        Place {
            file: path.into(),
            line: None,
            column: None,
            length: None,
            text: None,
        }
    }

    /// A place that names a line of a file.
    pub fn line(path: impl Into<String>, line: u32) -> Self {
        Place {
            line: Some(line),
            ..Place::file(path)
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        Ok(())
    }
}

/// What a rule, the lint or a validation said of the host or of a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// Stable id, `area.subject`, for example `kernel.version`.
    pub rule: Cow<'static, str>,
    /// One line that names the demand.
    pub title: Cow<'static, str>,
    /// Its weight when it fails.
    pub severity: Severity,
    /// Passed, failed or skipped.
    pub outcome: Outcome,
    /// How sure the evidence is.
    #[serde(default)]
    pub confidence: Confidence,
    /// What is.
    pub observed: String,
    /// What is wanted.
    pub required: Cow<'static, str>,
    /// How to mend it, one line; empty when there is nothing to mend.
    pub remedy: Cow<'static, str>,
    /// Where the demand comes from: a document or its URL.
    pub source: Cow<'static, str>,
    /// The file and line that it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

impl Finding {
    /// True when the agent must not be started on this evidence.
    pub fn blocks(&self) -> bool {
        self.outcome == Outcome::Failed
            && self.severity == Severity::Required
            && self.confidence == Confidence::Certain
    }

    /// The finding as one line: `/etc/ecs/ecs.config:3: what is; wanted: …; to mend: …`.
    pub fn sentence(&self) -> String {
        let mut line = match &self.place {
            Some(place) => format!("{place}: {}", self.observed),
            None => format!("{}: {}", self.rule, self.observed),
        };
        if self.outcome != Outcome::Passed {
            if !self.required.is_empty() {
                line.push_str("; wanted: ");
                line.push_str(&self.required);
            }
            if !self.remedy.is_empty() {
                line.push_str("; to mend: ");
                line.push_str(&self.remedy);
            }
        }
        line
    }
}
