//! Versions of the agent, compared as numbers.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A version of the agent, for example 1.105.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentVersion {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
}

impl AgentVersion {
    /// The first three numbers joined by dots in a text: what introspection says
    /// (`Amazon ECS Agent - v1.105.1 (*4bdc7fc)`), a tarball's name (`ecs-agent-arm64-v1.105.1.tar`) or a tag.
    pub fn find(text: &str) -> Option<Self> {
        text.split(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .find_map(Self::exact)
    }

    fn exact(numbers: &str) -> Option<Self> {
        // A tarball's name leaves the dot of `.tar` behind.
        let mut parts = numbers
            .strip_suffix('.')
            .unwrap_or(numbers)
            .split('.')
            .map(|part| part.parse().ok());
        let version = AgentVersion {
            major: parts.next()??,
            minor: parts.next()??,
            patch: parts.next()??,
        };
        parts.next().is_none().then_some(version)
    }
}

impl fmt::Display for AgentVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Serialize for AgentVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AgentVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        AgentVersion::exact(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not a version")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_wherever_the_agent_writes_them() {
        for (text, found) in [
            ("Amazon ECS Agent - v1.105.1 (*4bdc7fc)", Some("1.105.1")),
            ("Amazon ECS Agent - v1.9.0 (b197ce1a)", Some("1.9.0")),
            ("ecs-agent-v1.105.1.tar", Some("1.105.1")),
            ("ecs-agent-arm64-v1.105.1.tar", Some("1.105.1")),
            ("amazon/amazon-ecs-agent:v1.2.3", Some("1.2.3")),
            ("1.2.3", Some("1.2.3")),
            ("ecs-agent.tar", None),
            ("amazon/amazon-ecs-agent:latest", None),
            ("v1.2", None),
            ("v1.2.3.4", None),
            ("v1..3", None),
            ("v99999999999.1.1", None),
            ("", None),
        ] {
            let version = AgentVersion::find(text).map(|version| version.to_string());
            assert_eq!(version.as_deref(), found, "{text}");
        }
    }

    #[test]
    fn numbers_decide_not_letters() {
        assert!(AgentVersion::find("v1.105.1") > AgentVersion::find("v1.9.12"));
    }
}
