//! What ecs-nanny remembers of the agent's images: which one is in use, which one was before, whether one is on
//! probation, and which ones were rejected.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::AgentVersion;
use crate::host::files::Root;

/// Where the record is kept.
pub const RECORD_PATH: &str = "/var/lib/ecs-nanny/agent-image.json";
/// The number that grows when the record's form changes incompatibly.
const SCHEMA: u32 = 1;
/// How many rejected images are remembered.
const MAX_REJECTED: usize = 16;

/// Where an image came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The tarball of the settings: a package, or whoever baked the AMI.
    Package,
    /// The agent's self-update.
    Update,
}

/// An image that was or is in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownImage {
    /// What Docker calls it; of a candidate that is not loaded yet, the digest of its configuration.
    pub id: String,
    /// The digest of what it holds, the same in every image store.
    pub fingerprint: String,
    /// Its version, once a file's name or the running agent told it.
    pub version: Option<AgentVersion>,
    /// When it was built, as the image writes it; empty where unknown.
    pub created: String,
    /// Where it came from.
    pub origin: Origin,
    /// The tarball that holds it.
    pub tarball: Option<String>,
}

impl KnownImage {
    /// Whether both are one image.
    pub fn is(&self, other: &KnownImage) -> bool {
        self.fingerprint == other.fingerprint
    }

    /// Whether it is older than another one, by version or else by date. Of images that tell neither it is not.
    pub fn is_older_than(&self, other: &KnownImage) -> bool {
        if let (Some(mine), Some(theirs)) = (self.version, other.version) {
            return mine < theirs;
        }
        // Dates of RFC 3339 in UTC are in order as text, to the second.
        const SECONDS: usize = "2006-01-02T15:04:05".len();
        match (self.created.get(..SECONDS), other.created.get(..SECONDS)) {
            (Some(mine), Some(theirs)) => {
                self.created.ends_with('Z') && other.created.ends_with('Z') && mine < theirs
            }
            _ => false,
        }
    }

    /// Its version, or else its id, for people.
    pub fn name(&self) -> String {
        match self.version {
            Some(version) => format!("version {version}"),
            None => self.id.clone(),
        }
    }
}

/// An image that failed its probation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedImage {
    /// The image.
    pub image: KnownImage,
    /// Why it was rejected.
    pub why: String,
}

/// Since when a candidate is on probation and healthy, on the clock of the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clock {
    pub(super) since: Option<Duration>,
    pub(super) healthy_since: Option<Duration>,
}

/// Where a self-update stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Stage {
    /// No update is under way.
    #[default]
    Settled,
    /// A candidate is being loaded.
    Loading {
        /// The candidate.
        candidate: KnownImage,
    },
    /// A candidate runs, and has to prove itself.
    OnProbation {
        /// The candidate.
        candidate: KnownImage,
        /// How often it was started.
        starts: u32,
        /// Since when; begins anew with the process.
        #[serde(skip)]
        clock: Clock,
    },
    /// The current image is being put back in the candidate's place.
    RollingBack {
        /// The candidate.
        candidate: KnownImage,
        /// How often it was tried already, without success.
        #[serde(default)]
        failures: u32,
    },
}

/// The record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this document.
    pub schema: u32,
    /// The image in use; during an update the one to go back to.
    pub current: Option<KnownImage>,
    /// The one before it, kept in Docker.
    pub previous: Option<KnownImage>,
    /// Where a self-update stands.
    #[serde(flatten)]
    pub stage: Stage,
    /// Images that failed, the newest last.
    #[serde(default)]
    pub rejected: Vec<RejectedImage>,
    /// When the last update was given up; begins anew with the process.
    #[serde(skip)]
    pub(super) gave_up: Option<Duration>,
}

impl Default for Record {
    fn default() -> Self {
        Record {
            schema: SCHEMA,
            current: None,
            previous: None,
            stage: Stage::Settled,
            rejected: Vec::new(),
            gave_up: None,
        }
    }
}

/// Why there is no usable record. Go on with an empty one: it is written anew.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It can't be read.
    #[error("{RECORD_PATH} can't be read: {0}; going on without it")]
    Unreadable(#[from] std::io::Error),
    /// It is not what was written.
    #[error("{RECORD_PATH} is damaged: {0}; going on without it")]
    Damaged(#[from] serde_json::Error),
    /// A newer ecs-nanny wrote it.
    #[error("{RECORD_PATH} has schema {0}, this ecs-nanny reads {SCHEMA}; going on without it")]
    Schema(u32),
}

impl Record {
    /// Reads the record; an empty one where there is none.
    ///
    /// # Errors
    /// Why there is no usable one.
    pub fn read(root: &Root) -> Result<Self, RecordError> {
        let Some(file) = root.read_if_present(RECORD_PATH)? else {
            return Ok(Record::default());
        };
        let record: Record = serde_json::from_slice(&file.bytes)?;
        if record.schema != SCHEMA {
            return Err(RecordError::Schema(record.schema));
        }
        Ok(record)
    }

    /// The record as it is written, mode 0600.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Why an image was rejected, if it was.
    pub fn rejection(&self, fingerprint: &str) -> Option<&RejectedImage> {
        self.rejected
            .iter()
            .find(|rejected| rejected.image.fingerprint == fingerprint)
    }

    /// What is known of an image, where it is in use, was before, or is on probation.
    pub fn find(&self, fingerprint: &str) -> Option<&KnownImage> {
        [
            self.candidate(),
            self.current.as_ref(),
            self.previous.as_ref(),
        ]
        .into_iter()
        .flatten()
        .find(|known| known.fingerprint == fingerprint)
    }

    /// The candidate of an update under way.
    pub fn candidate(&self) -> Option<&KnownImage> {
        match &self.stage {
            Stage::Settled => None,
            Stage::Loading { candidate }
            | Stage::OnProbation { candidate, .. }
            | Stage::RollingBack { candidate, .. } => Some(candidate),
        }
    }

    /// Whether images are being changed: the agent is not to be started meanwhile.
    pub fn is_changing(&self) -> bool {
        matches!(
            self.stage,
            Stage::Loading { .. } | Stage::RollingBack { .. }
        )
    }

    /// Whether a candidate is on probation.
    pub fn on_probation(&self) -> bool {
        matches!(self.stage, Stage::OnProbation { .. })
    }

    /// The names of tarballs that must not be removed.
    pub fn tarballs_in_use(&self) -> Vec<&str> {
        [
            self.candidate(),
            self.current.as_ref(),
            self.previous.as_ref(),
        ]
        .into_iter()
        .flatten()
        .filter_map(|known| known.tarball.as_deref())
        .filter_map(|path| path.rsplit('/').next())
        .collect()
    }

    pub(super) fn reject(&mut self, image: KnownImage, why: &str) {
        self.rejected.retain(|rejected| !rejected.image.is(&image));
        self.rejected.push(RejectedImage {
            image,
            why: why.to_owned(),
        });
        let surplus = self.rejected.len().saturating_sub(MAX_REJECTED);
        self.rejected.drain(..surplus);
    }
}
