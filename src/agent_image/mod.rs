//! The agent's image: tarballs, the cache that ecs-init and ecs-nanny share, self-update and its probation.
//! Pure but for reading files; what is to be done with Docker is said as data.

mod cache;
mod findings;
mod identity;
mod manifest;
mod probation;
mod record;
#[cfg(test)]
mod testing;
mod update;
mod usable;
mod version;

use crate::settings;

pub use cache::{
    CACHE_DIRECTORY, Cache, CacheState, Decision, STATE_AFTER_LOAD, STATE_MODE, STATE_PATH, decide,
    verify,
};
pub use identity::{Contents, LoadedImage, docker_architecture, familiar};
pub use manifest::{ArchivedImage, Tarball, TarballError, read_tarball};
pub use probation::{Action, Event, PREVIOUS_REFERENCE, Rules, Step, step};
pub use record::{
    Clock, KnownImage, Origin, RECORD_PATH, Record, RecordError, RejectedImage, Stage,
};
pub use update::{
    DESIRED_IMAGE_PATH, UpdateError, UpdateFile, candidate, desired_image, prunable, update_files,
};
pub use usable::{Unusable, UnusableTarball, wanted_image};
pub use version::AgentVersion;

/// Which image is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its reference, for example `amazon/amazon-ecs-agent:latest`.
    pub reference: String,
    /// Its id, `sha256:…`; `None` takes any.
    pub digest: Option<String>,
    /// The host's architecture in Docker's words, for example `amd64`.
    pub architecture: String,
    /// The tarball that it is loaded from.
    pub tarball: String,
}

impl Wanted {
    /// What the settings want on a host of this architecture, in Docker's or the kernel's words.
    pub fn new(agent: &settings::Agent, architecture: &str) -> Self {
        Wanted {
            reference: agent.image.clone(),
            digest: agent.digest.clone(),
            architecture: docker_architecture(architecture).to_owned(),
            tarball: agent.tarball.clone(),
        }
    }

    /// The command that brings a missing image.
    pub fn fetch_command(&self) -> String {
        format!(
            "ecs-nanny image fetch --architecture {} --to {}",
            self.architecture, self.tarball
        )
    }
}

/// Why an image is not the one that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsuitable {
    /// It is for other processors, or another operating system.
    #[error("it is for {found}, this host is linux/{wanted}")]
    Platform {
        /// `os/architecture` of the image.
        found: String,
        /// The host's architecture.
        wanted: String,
    },
    /// Its id is not the one that the settings pin.
    #[error("its id is {found}, agent.digest wants {wanted}")]
    Digest {
        /// The image's id.
        found: String,
        /// The id of the settings.
        wanted: String,
    },
    /// It does not carry the wanted reference.
    #[error("it is tagged {}, not {wanted}", tags(.found))]
    Tag {
        /// The references that it carries.
        found: Vec<String>,
        /// The reference of the settings.
        wanted: String,
    },
    /// What Docker made of a tarball is not what the tarball promised.
    #[error("Docker has {found} under the tag, the tarball promised {wanted}")]
    NotAsPromised {
        /// The id that Docker tells.
        found: String,
        /// The ids that the tarball's manifest tells.
        wanted: String,
    },
}

fn tags(found: &[String]) -> String {
    if found.is_empty() {
        "nothing".to_owned()
    } else {
        found.join(", ")
    }
}
