//! Image tarballs made in tests, in each form that Docker writes, and a tree to put them in.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::Wanted;
use super::identity::{Contents, LoadedImage, digest};
use crate::host::files::Root;

pub const REFERENCE: &str = "amazon/amazon-ecs-agent:latest";
pub const TARBALL: &str = "/var/cache/ecs/ecs-agent.tar";

pub fn wanted() -> Wanted {
    Wanted {
        reference: REFERENCE.to_owned(),
        digest: None,
        architecture: "amd64".to_owned(),
        tarball: TARBALL.to_owned(),
    }
}

/// A temporary tree with files at absolute paths.
pub struct Tree(tempfile::TempDir);

impl Tree {
    pub fn new() -> Self {
        Tree(tempfile::tempdir().unwrap())
    }

    pub fn root(&self) -> Root {
        Root::at(self.0.path())
    }

    pub fn put(self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        let outside = self.outside(path);
        fs::create_dir_all(outside.parent().unwrap()).unwrap();
        fs::write(outside, bytes).unwrap();
        self
    }

    pub fn link(self, path: &str, target: &str) -> Self {
        let outside = self.outside(path);
        fs::create_dir_all(outside.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, outside).unwrap();
        self
    }

    pub fn outside(&self, path: &str) -> std::path::PathBuf {
        self.0
            .path()
            .join(Path::new(path).strip_prefix("/").unwrap())
    }
}

/// The files of a tarball, in order.
pub type Files = Vec<(String, Vec<u8>)>;

/// An image to save.
#[derive(Clone)]
pub struct Image {
    pub tags: Vec<String>,
    pub architecture: String,
    pub env: Vec<String>,
    pub labels: Value,
    pub created: String,
    pub layer: Vec<u8>,
}

impl Image {
    /// The agent's image; each build another one.
    pub fn agent(build: &str) -> Self {
        Image {
            tags: vec![REFERENCE.to_owned()],
            architecture: "amd64".to_owned(),
            env: vec!["PATH=/host/sbin".to_owned(), format!("BUILD={build}")],
            labels: json!({}),
            created: "2026-06-30T00:00:00Z".to_owned(),
            layer: b"as large as a layer is ".repeat(100),
        }
    }

    fn config(&self) -> Vec<u8> {
        serde_json::to_vec(&json!({
            "architecture": self.architecture,
            "os": "linux",
            "created": self.created,
            "config": {"Env": self.env, "Entrypoint": ["/agent"], "Labels": self.labels},
            "rootfs": {"type": "layers", "diff_ids": [digest(&self.layer)]},
            "history": [],
        }))
        .unwrap()
    }

    /// The manifest of the OCI layout.
    fn manifest(&self) -> Vec<u8> {
        serde_json::to_vec(&json!({
            "schemaVersion": 2,
            "config": {"digest": self.id(), "size": self.config().len()},
            "layers": [{"digest": digest(&self.layer), "size": self.layer.len()}],
        }))
        .unwrap()
    }

    /// Its id in Docker's classic store.
    pub fn id(&self) -> String {
        digest(&self.config())
    }

    /// Its id in Docker's containerd store.
    pub fn manifest_id(&self) -> String {
        digest(&self.manifest())
    }

    /// The image as Docker tells of it after a load.
    pub fn loaded(&self) -> LoadedImage {
        LoadedImage {
            id: self.id(),
            tags: self.tags.clone(),
            contents: Contents {
                architecture: self.architecture.clone(),
                os: "linux".to_owned(),
                layers: vec![digest(&self.layer)],
                env: self.env.clone(),
                entrypoint: vec!["/agent".to_owned()],
                cmd: Vec::new(),
                labels: serde_json::from_value(self.labels.clone()).unwrap(),
            },
            created: self.created.clone(),
        }
    }
}

fn hex(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap()
}

fn blob(bytes: &[u8]) -> (String, Vec<u8>) {
    let path = format!("blobs/sha256/{}", hex(&digest(bytes)));
    (path, bytes.to_vec())
}

/// A tar archive of files.
pub fn tarball(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, &bytes[..]).unwrap();
    }
    archive.into_inner().unwrap()
}

/// The files that Docker before 25 saves.
pub fn saved(images: &[Image]) -> Files {
    let mut files = Vec::new();
    let mut manifest = Vec::new();
    for image in images {
        let config = format!("{}.json", hex(&image.id()));
        let layer = format!("{}/layer.tar", hex(&digest(&image.layer)));
        manifest.push(json!({"Config": config, "RepoTags": image.tags, "Layers": [layer]}));
        files.push((config, image.config()));
        files.push((layer, image.layer.clone()));
    }
    files.push((
        "manifest.json".to_owned(),
        serde_json::to_vec(&manifest).unwrap(),
    ));
    files
}

/// The files of an OCI layout alone; every image behind an index of its own, as Docker's containerd store saves it.
pub fn layout(images: &[Image]) -> Files {
    let mut files = Vec::new();
    let mut descriptors = Vec::new();
    for image in images {
        let index = serde_json::to_vec(&json!({"schemaVersion": 2, "manifests": [
            {"digest": image.manifest_id(), "size": image.manifest().len()},
            {"digest": digest(b"of another platform, not saved"), "size": 1},
            {"digest": digest(b"an attestation"), "size": 1,
             "annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
        ]}))
        .unwrap();
        for tag in &image.tags {
            descriptors.push(json!({
                "digest": digest(&index),
                "size": index.len(),
                "annotations": {"io.containerd.image.name": format!("docker.io/{tag}")},
            }));
        }
        files.extend([
            blob(&image.config()),
            blob(&image.manifest()),
            blob(&image.layer),
        ]);
        files.push(blob(&index));
    }
    let index = serde_json::to_vec(&json!({"schemaVersion": 2, "manifests": descriptors})).unwrap();
    files.push(("index.json".to_owned(), index));
    files.push((
        "oci-layout".to_owned(),
        br#"{"imageLayoutVersion": "1.0.0"}"#.to_vec(),
    ));
    files
}

/// The files that Docker 25 and newer save: a layout and `manifest.json` beside it.
pub fn saved_with_layout(images: &[Image]) -> Files {
    let mut files = layout(images);
    let manifest: Vec<Value> = images
        .iter()
        .map(|image| {
            json!({
                "Config": blob(&image.config()).0,
                "RepoTags": image.tags,
                "Layers": [blob(&image.layer).0],
            })
        })
        .collect();
    files.push((
        "manifest.json".to_owned(),
        serde_json::to_vec(&manifest).unwrap(),
    ));
    files
}
