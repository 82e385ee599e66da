//! What this room has to say to people.

use super::manifest::TarballError;
use super::record::KnownImage;
use super::{Unsuitable, Wanted};
use crate::finding::{Confidence, Finding, Outcome, Place, Severity};

/// A failed finding of this room.
pub(super) fn problem(
    rule: &'static str,
    severity: Severity,
    place: Option<&str>,
    observed: String,
    required: &'static str,
    remedy: impl Into<std::borrow::Cow<'static, str>>,
) -> Finding {
    Finding {
        rule: rule.into(),
        title: "the agent's image is there and is the wanted one".into(),
        severity,
        outcome: Outcome::Failed,
        confidence: Confidence::Certain,
        observed,
        required: required.into(),
        remedy: remedy.into(),
        source: "ecs-nanny(8), AGENT IMAGE".into(),
        place: place.map(Place::file),
    }
}

/// A package wants an image loaded, and another one stays.
pub(super) fn kept(package: &KnownImage, why: &str, image: &KnownImage) -> Finding {
    problem(
        "agent.image_kept",
        Severity::Informational,
        package.tarball.as_deref(),
        format!(
            "a package wants {} loaded, but {why}; {} stays",
            package.name(),
            image.name()
        ),
        "a package that is not older than the image in use",
        "none is needed; to go back all the same, remove the image from Docker and /var/lib/ecs-nanny/agent-image.json",
    )
}

/// An image that was rejected is used for want of another.
pub(super) fn only_rejected(image: &KnownImage, why: String, wanted: &Wanted) -> Finding {
    problem(
        "agent.image_rejected",
        Severity::Recommended,
        Some(&wanted.tarball),
        format!(
            "{why}; {} runs all the same, there is no other",
            image.name()
        ),
        "an image that passes its probation",
        wanted.fetch_command(),
    )
}

impl Unsuitable {
    /// What is to be shown of a tarball, or of what Docker made of it.
    pub fn finding(&self, tarball: &str) -> Finding {
        problem(
            "agent.image_wanted",
            Severity::Required,
            Some(tarball),
            self.to_string(),
            "the image that the settings name, for this architecture",
            self.remedy(),
        )
    }

    fn remedy(&self) -> &'static str {
        match self {
            Unsuitable::Platform { .. } => "fetch the image for this architecture",
            Unsuitable::Digest { .. } => {
                "fetch the image that agent.digest names, or correct agent.digest"
            }
            Unsuitable::Tag { .. } => "correct agent.image, or save the image under that tag",
            Unsuitable::NotAsPromised { .. } => "look for another program that moves the tag",
        }
    }
}

impl TarballError {
    pub(super) fn finding(&self, path: &str, wanted: &Wanted) -> Finding {
        problem(
            "agent.image_tarball",
            Severity::Required,
            Some(path),
            self.to_string(),
            "a whole image tarball, as docker save writes it",
            self.remedy(wanted),
        )
    }

    fn remedy(&self, wanted: &Wanted) -> String {
        match self {
            TarballError::Compressed(with) => format!("unpack it with {with} -d"),
            TarballError::Unreadable(_) => "make it readable for root".to_owned(),
            _ => wanted.fetch_command(),
        }
    }
}
