//! What tells one image from another, whichever image store Docker uses.

use std::collections::BTreeMap;

use bollard_stubs::models::ImageInspect;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::record::{KnownImage, Origin};
use super::{AgentVersion, Unsuitable, Wanted};

/// What an image runs and on what, as both its configuration and Docker tell it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Contents {
    /// In Docker's words, for example `amd64`.
    pub architecture: String,
    /// For example `linux`.
    pub os: String,
    /// Digests of the unpacked layers (`rootfs.diff_ids`).
    pub layers: Vec<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// `ENTRYPOINT`.
    pub entrypoint: Vec<String>,
    /// `CMD`.
    pub cmd: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

impl Contents {
    /// A digest of all this. Docker's classic store names an image by its configuration, the containerd store by its
    /// manifest: ids of one image differ between stores, this does not.
    pub fn fingerprint(&self) -> String {
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        digest(&bytes)
    }

    pub(super) fn version(&self, tags: &[String]) -> Option<AgentVersion> {
        tags.iter()
            .filter_map(|tag| tag.rsplit_once(':'))
            .find_map(|(_, tag)| AgentVersion::find(tag))
            .or_else(|| AgentVersion::find(self.labels.get("org.opencontainers.image.version")?))
    }

    /// Whether it runs here. Docker tells no architecture of very old images; those pass.
    pub(super) fn fits(&self, wanted: &Wanted) -> Result<(), Unsuitable> {
        let architecture = docker_architecture(&self.architecture);
        let linux = self.os.is_empty() || self.os == "linux";
        if linux && (architecture.is_empty() || architecture == wanted.architecture) {
            return Ok(());
        }
        Err(Unsuitable::Platform {
            found: format!("{}/{architecture}", self.os),
            wanted: wanted.architecture.clone(),
        })
    }
}

/// An image that Docker has under the wanted reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedImage {
    /// What Docker calls it, `sha256:…`.
    pub id: String,
    /// The references that it carries.
    pub tags: Vec<String>,
    /// What it holds.
    pub contents: Contents,
    /// When it was built, as Docker writes it; empty where unknown.
    pub created: String,
}

impl LoadedImage {
    /// Whether it carries the wanted reference, runs here and is the pinned one.
    ///
    /// # Errors
    /// Why not.
    pub fn fits(&self, wanted: &Wanted) -> Result<(), Unsuitable> {
        carries(&self.tags, wanted)?;
        self.contents.fits(wanted)?;
        pinned(std::slice::from_ref(&self.id), wanted)
    }

    /// What the record keeps of it.
    pub fn known(&self, origin: Origin, tarball: Option<&str>) -> KnownImage {
        KnownImage {
            id: self.id.clone(),
            fingerprint: self.contents.fingerprint(),
            version: self.contents.version(&self.tags),
            created: self.created.clone(),
            origin,
            tarball: tarball.map(str::to_owned),
        }
    }
}

impl From<ImageInspect> for LoadedImage {
    fn from(inspect: ImageInspect) -> Self {
        let config = inspect.config.unwrap_or_default();
        LoadedImage {
            id: inspect.id.unwrap_or_default(),
            tags: inspect.repo_tags.unwrap_or_default(),
            contents: Contents {
                architecture: inspect.architecture.unwrap_or_default(),
                os: inspect.os.unwrap_or_default(),
                layers: inspect
                    .root_fs
                    .and_then(|files| files.layers)
                    .unwrap_or_default(),
                env: config.env.unwrap_or_default(),
                entrypoint: config.entrypoint.unwrap_or_default(),
                cmd: config.cmd.unwrap_or_default(),
                labels: config.labels.unwrap_or_default().into_iter().collect(),
            },
            created: inspect.created.unwrap_or_default(),
        }
    }
}

/// The wanted reference is among the tags.
pub(super) fn carries(tags: &[String], wanted: &Wanted) -> Result<(), Unsuitable> {
    let reference = familiar(&wanted.reference);
    if tags.iter().any(|tag| familiar(tag) == reference) {
        return Ok(());
    }
    Err(Unsuitable::Tag {
        found: tags.to_vec(),
        wanted: wanted.reference.clone(),
    })
}

/// The pinned id, where there is one, is among the ids.
pub(super) fn pinned(ids: &[String], wanted: &Wanted) -> Result<(), Unsuitable> {
    match &wanted.digest {
        Some(digest) if !ids.contains(digest) => Err(Unsuitable::Digest {
            found: ids.first().cloned().unwrap_or_default(),
            wanted: digest.clone(),
        }),
        _ => Ok(()),
    }
}

/// A reference as Docker shows it: without `docker.io/` and `library/`, with a tag.
pub fn familiar(reference: &str) -> String {
    let name = reference.strip_prefix("docker.io/").unwrap_or(reference);
    let name = name.strip_prefix("library/").unwrap_or(name);
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains([':', '@']) {
        name.to_owned()
    } else {
        format!("{name}:latest")
    }
}

/// An architecture in Docker's words; the kernel's (`x86_64`, `aarch64`) are translated.
pub fn docker_architecture(architecture: &str) -> &str {
    match architecture {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// `sha256:` and the digest of some bytes.
pub(super) fn digest(bytes: &[u8]) -> String {
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_compared_as_docker_shows_them() {
        for (reference, shown) in [
            ("amazon/amazon-ecs-agent", "amazon/amazon-ecs-agent:latest"),
            (
                "docker.io/amazon/amazon-ecs-agent:v1",
                "amazon/amazon-ecs-agent:v1",
            ),
            ("docker.io/library/agent", "agent:latest"),
            ("localhost:5000/agent", "localhost:5000/agent:latest"),
        ] {
            assert_eq!(familiar(reference), shown);
        }
    }

    #[test]
    fn digests_are_those_of_sha256() {
        assert_eq!(
            digest(b"abc"),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
