//! What an image says of itself, with the keys of the ECS-optimized AMI's own description.

use serde::{Deserialize, Serialize};

use crate::agent_image::AgentVersion;
use crate::checks::OsRelease;
use crate::facts::Facts;

/// Where the description is kept.
pub const RELEASE_PATH: &str = "/etc/ecs-nanny/image-release.json";

/// The description. The keys are those of `/aws/service/ecs/optimized-ami/…/recommended` in the SSM parameter store.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageRelease {
    /// 1.
    pub schema_version: u32,
    /// The AMI's name.
    pub image_name: String,
    /// `ami-…`; null until an instance knows it from the metadata service.
    pub image_id: Option<String>,
    /// The AMI's version.
    pub image_version: String,
    /// The AMI that it was made from.
    pub source_image_name: Option<String>,
    /// The operating system.
    pub os: String,
    /// The agent in the cache, for example `1.105.1`.
    pub ecs_agent_version: Option<String>,
    /// The engine, for example `Docker version 25.0.8`.
    pub ecs_runtime_version: Option<String>,
}

/// What only whoever makes the image knows.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The AMI's name.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The AMI that it was made from.
    pub source: Option<String>,
    /// The engine's version, where it does not run.
    pub runtime: Option<String>,
}

/// The description that is kept, if there is one that can be read, with the instance's own AMI in it.
pub fn release(facts: &Facts) -> Option<ImageRelease> {
    let text = facts.host.texts.get(RELEASE_PATH)?;
    let mut release: ImageRelease = serde_json::from_str(text).ok()?;
    let ami = facts.instance.known().and_then(|it| it.ami_id.clone());
    release.image_id = ami.or(release.image_id);
    Some(release)
}

/// The description of this host or tree: what is told now goes over what is kept, and what can be seen over both.
pub fn describe(facts: &Facts, told: Told) -> ImageRelease {
    let kept = release(facts).unwrap_or_default();
    let os = facts.host.os_release.known();
    let agent = facts.host.agent_state.tarball.as_deref();
    let engine = facts.engine.known().map(|engine| engine.version.clone());
    let runtime = engine.map(|version| format!("Docker version {version}"));
    ImageRelease {
        schema_version: 1,
        image_name: told.name.unwrap_or(kept.image_name),
        image_id: kept.image_id,
        image_version: told.version.unwrap_or(kept.image_version),
        source_image_name: told.source.or(kept.source_image_name),
        os: os.map_or(kept.os, |text| OsRelease::parse(text).name()),
        ecs_agent_version: agent
            .and_then(AgentVersion::find)
            .map(|version| version.to_string())
            .or(kept.ecs_agent_version),
        ecs_runtime_version: runtime.or(told.runtime).or(kept.ecs_runtime_version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Fact;

    #[test]
    fn what_is_seen_goes_over_what_is_kept() {
        let mut facts = Facts::default();
        facts.host.os_release = Fact::Known("ID=debian\nPRETTY_NAME=\"Debian 12\"".to_owned());
        facts.host.agent_state.tarball = Some("ecs-agent-v1.105.1.tar".to_owned());
        let told = Told {
            name: Some("blue".to_owned()),
            version: Some("1".to_owned()),
            ..Told::default()
        };
        let first = describe(&facts, told);
        assert_eq!(first.os, "Debian 12");
        assert_eq!(first.ecs_agent_version.as_deref(), Some("1.105.1"));

        let text = serde_json::to_string(&first).unwrap();
        facts.host.texts.insert(RELEASE_PATH.to_owned(), text);
        facts.host.agent_state.tarball = None;
        let again = describe(&facts, Told::default());
        assert_eq!(again, first);

        let instance = crate::facts::InstanceFacts {
            ami_id: Some("ami-1".to_owned()),
            ..Default::default()
        };
        facts.instance = Fact::Known(instance);
        assert_eq!(release(&facts).unwrap().image_id.as_deref(), Some("ami-1"));
    }
}
