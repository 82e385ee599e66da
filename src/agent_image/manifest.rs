//! What an image tarball holds, read without unpacking: the archive of `docker save` (`manifest.json`), with or without
//! an OCI layout beside it (Docker 25 and newer write both), or an OCI layout alone. Layers are passed over by seeking.

mod archive;
mod layout;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Read, Seek};

use serde::Deserialize;

use super::identity::{Contents, carries, digest, pinned};
use super::{AgentVersion, KnownImage, Origin, Unsuitable, Wanted};
use crate::host::files::Root;
use archive::{Archive, limit};

/// The most images that one tarball may hold.
const MAX_IMAGES: u64 = 100;

/// A tarball in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tarball {
    /// The path that was asked for.
    pub path: String,
    /// Name of the file itself, behind links: `ecs-agent-v1.105.1.tar`.
    pub file_name: String,
    /// Its images.
    pub images: Vec<ArchivedImage>,
}

impl Tarball {
    /// The image that is wanted.
    ///
    /// # Errors
    /// Why there is none.
    pub fn image(&self, wanted: &Wanted) -> Result<&ArchivedImage, Unsuitable> {
        let tagged = self
            .images
            .iter()
            .find(|image| carries(&image.tags, wanted).is_ok());
        let Some(image) = tagged else {
            let tags: Vec<String> = self.images.iter().flat_map(|it| it.tags.clone()).collect();
            return Err(Unsuitable::Tag {
                found: tags,
                wanted: wanted.reference.clone(),
            });
        };
        image.contents.fits(wanted)?;
        pinned(&image.ids, wanted)?;
        Ok(image)
    }

    /// What the record would keep of one of its images. Its version is what the file's name says, or else the image.
    pub fn known(&self, image: &ArchivedImage, origin: Origin) -> KnownImage {
        KnownImage {
            id: image.ids.first().cloned().unwrap_or_default(),
            fingerprint: image.contents.fingerprint(),
            version: AgentVersion::find(&self.file_name)
                .or_else(|| image.contents.version(&image.tags)),
            created: image.created.clone(),
            origin,
            tarball: Some(self.path.clone()),
        }
    }
}

/// An image in a tarball.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedImage {
    /// What Docker may call it: the digest of its configuration (classic store), and where the tarball has them those of
    /// its manifest and index (containerd store).
    pub ids: Vec<String>,
    /// The references that it carries.
    pub tags: Vec<String>,
    /// What it holds.
    pub contents: Contents,
    /// When it was built, as its configuration writes it; empty where it does not.
    pub created: String,
}

/// Why a tarball can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TarballError {
    /// There is no such file.
    #[error("there is no such file")]
    Absent,
    /// It is a link to a file that is not there.
    #[error("it is a link to {target}, which is not there")]
    DanglingLink {
        /// Where the link points.
        target: String,
    },
    /// It is a directory, a pipe or the like.
    #[error("it is not a regular file")]
    NotAFile,
    /// It can't be read.
    #[error("it can't be read: {0}")]
    Unreadable(String),
    /// It has no bytes.
    #[error("it is empty")]
    Empty,
    /// It is compressed.
    #[error("it is compressed ({0})")]
    Compressed(&'static str),
    /// It is something else.
    #[error("it is not a tar archive")]
    NotATar,
    /// It ends too early.
    #[error("it is truncated: it ends at byte {length}, within {within}")]
    Truncated {
        /// Its length in bytes.
        length: u64,
        /// The entry that is cut.
        within: String,
    },
    /// A part of it is not what it should be.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// A part of it is bigger than any image needs.
    #[error("{what} is too large: {size}, the limit is {limit}")]
    TooLarge {
        /// Which part.
        what: String,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// It is a tar archive of something else.
    #[error("it holds no image: neither manifest.json nor index.json")]
    NoImage,
    /// A file that its manifest names is not in it.
    #[error("it lacks {missing}, which its {named_by} names")]
    Incomplete {
        /// The file.
        missing: String,
        /// The file that names it.
        named_by: String,
    },
}

/// Reads a tarball of the tree, links followed.
///
/// # Errors
/// Why it can't be used.
pub fn read_tarball(root: &Root, path: &str) -> Result<Tarball, TarballError> {
    let outside = root.path(path);
    let metadata = match fs::metadata(&outside) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(match root.link_target(path) {
                Some(target) => TarballError::DanglingLink {
                    target: target.display().to_string(),
                },
                None => TarballError::Absent,
            });
        }
        Err(error) => return Err(TarballError::Unreadable(error.to_string())),
    };
    // Opening a pipe would wait for its writer.
    if !metadata.is_file() {
        return Err(TarballError::NotAFile);
    }
    let unreadable = |error: io::Error| TarballError::Unreadable(error.to_string());
    let file_name = fs::canonicalize(&outside).map_err(unreadable)?;
    let file = File::open(&outside).map_err(unreadable)?;
    Ok(Tarball {
        path: path.to_owned(),
        file_name: file_name
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        images: read(file)?,
    })
}

/// Reads the images of a tarball.
///
/// # Errors
/// Why it can't be used.
pub(super) fn read(tarball: impl Read + Seek) -> Result<Vec<ArchivedImage>, TarballError> {
    let mut archive = Archive::open(tarball)?;
    let saved = archive.json::<Vec<Saved>>("manifest.json")?;
    let images = match saved {
        Some(saved) => {
            let mut images = saved_images(&mut archive, saved)?;
            layout::add_ids(&mut archive, &mut images)?;
            images
        }
        None => layout::images(&mut archive)?.ok_or(TarballError::NoImage)?,
    };
    if images.is_empty() {
        return Err(TarballError::NoImage);
    }
    Ok(images)
}

/// One image in `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Option<Vec<String>>,
}

fn saved_images<R: Read + Seek>(
    archive: &mut Archive<R>,
    saved: Vec<Saved>,
) -> Result<Vec<ArchivedImage>, TarballError> {
    limit("the number of images", saved.len() as u64, MAX_IMAGES)?;
    let mut images = Vec::new();
    for image in saved {
        let config = archive.named(&image.config, "manifest.json")?;
        let layers = image.layers.unwrap_or_default();
        for layer in &layers {
            archive.holds(layer, "manifest.json")?;
        }
        images.push(archived(
            &config,
            &image.config,
            image.repo_tags.unwrap_or_default(),
            layers.len(),
        )?);
    }
    Ok(images)
}

/// An image's configuration, as far as it matters here (image-spec, `config.md`).
#[derive(Deserialize, Default)]
#[serde(default)]
struct Configuration {
    architecture: Option<String>,
    os: Option<String>,
    created: Option<String>,
    config: Option<Execution>,
    rootfs: RootFs,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Execution {
    env: Option<Vec<String>>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    labels: Option<std::collections::BTreeMap<String, String>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RootFs {
    diff_ids: Option<Vec<String>>,
}

fn archived(
    bytes: &[u8],
    file: &str,
    tags: Vec<String>,
    layers: usize,
) -> Result<ArchivedImage, TarballError> {
    let id = checked_digest(bytes, file)?;
    let config: Configuration = parse(bytes, file)?;
    let diff_ids = config.rootfs.diff_ids.unwrap_or_default();
    if diff_ids.len() != layers {
        return Err(TarballError::Damaged(format!(
            "{file} describes {} layers, the manifest has {layers}",
            diff_ids.len()
        )));
    }
    let run = config.config.unwrap_or_default();
    Ok(ArchivedImage {
        ids: vec![id],
        tags,
        contents: Contents {
            architecture: config.architecture.unwrap_or_default(),
            os: config.os.unwrap_or_default(),
            layers: diff_ids,
            env: run.env.unwrap_or_default(),
            entrypoint: run.entrypoint.unwrap_or_default(),
            cmd: run.cmd.unwrap_or_default(),
            labels: run.labels.unwrap_or_default(),
        },
        created: config.created.unwrap_or_default(),
    })
}

/// The digest of a file's bytes; a file that is named after its digest (`HEX.json`, `blobs/sha256/HEX`) must have it.
fn checked_digest(bytes: &[u8], file: &str) -> Result<String, TarballError> {
    const HEX_DIGITS: usize = 64;
    let found = digest(bytes);
    let name = file.rsplit('/').next().unwrap_or(file);
    let name = name.strip_suffix(".json").unwrap_or(name);
    let is_digest = name.len() == HEX_DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_digest && found.strip_prefix("sha256:") != Some(name) {
        return Err(TarballError::Damaged(format!(
            "{file} has the digest {found}"
        )));
    }
    Ok(found)
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8], file: &str) -> Result<T, TarballError> {
    serde_json::from_slice(bytes)
        .map_err(|error| TarballError::Damaged(format!("{file} can't be read: {error}")))
}
