//! What an image says of itself, in Amazon's words.

use serde::{Deserialize, Serialize};

use crate::facts::{Fact, Facts, HostFacts, IMAGE_RELEASE};

/// The release of the machine image, as `ecs-nanny image describe` writes it. The keys are those of
/// `/aws/service/ecs/optimized-ami/…/recommended` in the SSM parameter store; what else the file holds is not shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ImageRelease {
    /// 1.
    pub schema_version: u32,
    /// Name of the image.
    pub image_name: Option<String>,
    /// `ami-…`; null until the instance knows it from the metadata service.
    pub image_id: Option<String>,
    /// Its version.
    pub image_version: Option<String>,
    /// Name of the image that it was made from.
    pub source_image_name: Option<String>,
    /// Its operating system.
    pub os: Option<String>,
    /// The ECS agent that was put on it, for example `1.105.1`.
    pub ecs_agent_version: Option<String>,
    /// The container runtime that was put on it, for example `Docker version 25.0.8`.
    pub ecs_runtime_version: Option<String>,
}

impl Default for ImageRelease {
    fn default() -> Self {
        ImageRelease {
            schema_version: 1,
            image_name: None,
            image_id: None,
            image_version: None,
            source_image_name: None,
            os: None,
            ecs_agent_version: None,
            ecs_runtime_version: None,
        }
    }
}

impl ImageRelease {
    /// What the host's file says; `None` where there is none.
    ///
    /// # Errors
    /// Why it can't be read, with its path, and line and column where it is no such document.
    pub fn of(host: &HostFacts) -> Result<Option<Self>, String> {
        match &host.image_release {
            Fact::NotYet | Fact::Known(None) => Ok(None),
            Fact::Unreadable(why) => Err(why.clone()),
            Fact::Known(Some(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|error| format!("{IMAGE_RELEASE}: {error}")),
        }
    }

    /// The same with the id of the AMI that the instance was launched from. A file that can't be read is the finding
    /// `image.release`.
    pub fn of_instance(facts: &Facts) -> Option<Self> {
        let mut release = Self::of(&facts.host).ok()??;
        let ami = facts.instance.known().and_then(|it| it.ami_id.clone());
        release.image_id = ami.or(release.image_id);
        Some(release)
    }
}
