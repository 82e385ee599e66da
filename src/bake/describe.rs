//! What an image says of itself, with the keys of the ECS-optimized AMI's own description.

use crate::agent_image::AgentVersion;
use crate::checks::{ImageRelease, OsRelease};
use crate::facts::Facts;

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

/// The description of this host or tree: what is told now goes over what is kept, and what can be seen over both.
pub fn describe(facts: &Facts, told: Told) -> ImageRelease {
    let kept = ImageRelease::of_instance(facts).unwrap_or_default();
    let os = facts.host.os_release.known();
    let agent = facts.host.agent_state.tarball.as_deref();
    let engine = facts.engine.known();
    let runtime = engine.map(|engine| format!("Docker version {}", engine.version));
    ImageRelease {
        schema_version: 1,
        image_name: told.name.or(kept.image_name),
        image_id: kept.image_id,
        image_version: told.version.or(kept.image_version),
        source_image_name: told.source.or(kept.source_image_name),
        os: os.map(|text| OsRelease::parse(text).name()).or(kept.os),
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
        assert_eq!(first.os.as_deref(), Some("Debian 12"));
        assert_eq!(first.ecs_agent_version.as_deref(), Some("1.105.1"));

        let text = serde_json::to_string(&first).unwrap();
        facts.host.image_release = Fact::Known(Some(text));
        facts.host.agent_state.tarball = None;
        let again = describe(&facts, Told::default());
        assert_eq!(again, first);

        let instance = crate::facts::InstanceFacts {
            ami_id: Some("ami-1".to_owned()),
            ..Default::default()
        };
        facts.instance = Fact::Known(instance);
        let there = describe(&facts, Told::default());
        assert_eq!(there.image_id.as_deref(), Some("ami-1"));
    }
}
