//! The OCI layout of a tarball (image-spec, `image-layout.md`): `index.json` and files named by their digests.

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use serde::Deserialize;

use super::archive::{Archive, limit};
use super::{ArchivedImage, MAX_IMAGES, TarballError, archived, checked_digest, parse};
use crate::agent_image::familiar;

/// How deep indexes may name indexes; Docker writes one within `index.json`.
const MAX_DEPTH: u64 = 3;
/// The most manifests that a layout may name.
const MAX_MANIFESTS: u64 = 1000;

/// An index, or a manifest of one image: they differ by their fields.
#[derive(Deserialize)]
struct Document {
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// Where a layout keeps what is described.
    fn path(&self) -> String {
        format!("blobs/{}", self.digest.replacen(':', "/", 1))
    }

    /// The reference, in containerd's annotation or in that of image-spec.
    fn tag(&self) -> Option<String> {
        self.annotations
            .get("io.containerd.image.name")
            .or_else(|| {
                self.annotations
                    .get("org.opencontainers.image.ref.name")
                    .filter(|name| name.contains(':'))
            })
            .map(|name| familiar(name))
    }

    /// An attestation of another image, not an image.
    fn is_attestation(&self) -> bool {
        self.annotations.contains_key("vnd.docker.reference.type")
    }
}

/// The manifest of one image, with the digests of what leads to it.
struct Found {
    file: String,
    ids: Vec<String>,
    tags: Vec<String>,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

/// Adds to each image the digests of its manifest and index, which are its ids in Docker's containerd store.
pub(super) fn add_ids<R: Read + Seek>(
    archive: &mut Archive<R>,
    images: &mut [ArchivedImage],
) -> Result<(), TarballError> {
    for found in manifests(archive)?.unwrap_or_default() {
        for image in &mut *images {
            if image.ids.first() == Some(&found.config.digest) {
                image.ids.extend(found.ids.iter().cloned());
            }
        }
    }
    Ok(())
}

/// The images of a layout that has no `manifest.json` beside it; `None` where there is no layout.
pub(super) fn images<R: Read + Seek>(
    archive: &mut Archive<R>,
) -> Result<Option<Vec<ArchivedImage>>, TarballError> {
    let Some(found) = manifests(archive)? else {
        return Ok(None);
    };
    limit("the number of images", found.len() as u64, MAX_IMAGES)?;
    let mut images = Vec::new();
    for manifest in found {
        let file = manifest.config.path();
        let config = archive.named(&file, &manifest.file)?;
        for layer in &manifest.layers {
            archive.holds(&layer.path(), &manifest.file)?;
        }
        let mut image = archived(&config, &file, manifest.tags, manifest.layers.len())?;
        image.ids.extend(manifest.ids);
        images.push(image);
    }
    Ok(Some(images))
}

fn manifests<R: Read + Seek>(archive: &mut Archive<R>) -> Result<Option<Vec<Found>>, TarballError> {
    let Some(index) = archive.json::<Document>("index.json")? else {
        return Ok(None);
    };
    let mut found = Vec::new();
    let mut seen = 0;
    let mut waiting: Vec<(Descriptor, Vec<String>, Vec<String>)> = descend(index, &[], &[]);
    while let Some((descriptor, mut ids, mut tags)) = waiting.pop() {
        seen += 1;
        limit("the number of manifests", seen, MAX_MANIFESTS)?;
        limit("the depth of index.json", ids.len() as u64, MAX_DEPTH)?;
        let file = descriptor.path();
        // An index names the images of every platform; the tarball has those that were saved.
        let nested = !ids.is_empty();
        let bytes = match archive.bytes(&file)? {
            Some(bytes) => bytes,
            None if nested => continue,
            None => archive.named(&file, "index.json")?,
        };
        ids.push(checked_digest(&bytes, &file)?);
        tags.extend(descriptor.tag());
        let document: Document = parse(&bytes, &file)?;
        match document.config {
            Some(config) => found.push(Found {
                file,
                ids,
                tags,
                config,
                layers: document.layers,
            }),
            None => waiting.extend(descend(document, &ids, &tags)),
        }
    }
    Ok(Some(found))
}

fn descend(
    index: Document,
    ids: &[String],
    tags: &[String],
) -> Vec<(Descriptor, Vec<String>, Vec<String>)> {
    index
        .manifests
        .unwrap_or_default()
        .into_iter()
        .filter(|descriptor| !descriptor.is_attestation())
        .map(|descriptor| (descriptor, ids.to_vec(), tags.to_vec()))
        .collect()
}
