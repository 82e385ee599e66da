//! `[storage]`: volumes prepared before the engine starts.

use serde::{Deserialize, Serialize};

use super::Switch;

/// Every disk of the instance store, in `storage.instance_store`.
pub const ALL_VOLUMES: &str = "all";

/// Where Docker keeps its data, in `storage.mount_at`.
pub const DOCKER_PLACE: &str = "docker";

/// `[storage]`: volumes prepared before the engine starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Storage {
    /// Names of disks, for example `nvme1n1`, or [`ALL_VOLUMES`].
    pub instance_store: Vec<String>,
    /// A file system for each, or one for all.
    pub layout: Layout,
    /// What an empty one is formatted with.
    pub file_system: FileSystem,
    /// Where they are mounted, one after the other: absolute paths, or [`DOCKER_PLACE`].
    pub mount_at: Vec<String>,
    /// Whether an empty one is formatted at all.
    pub format: Switch,
    /// Mount points of data volumes that are grown to their size.
    pub grow: Vec<String>,
}

/// How several disks are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// A file system for each.
    Single,
    /// One file system over all of them, without redundancy.
    Raid0,
}

/// What an empty disk is formatted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileSystem {
    /// ext4.
    Ext4,
    /// XFS, with `ftype=1`.
    Xfs,
}

impl Default for Storage {
    fn default() -> Self {
        Storage {
            instance_store: Vec::new(),
            layout: Layout::Single,
            file_system: FileSystem::Ext4,
            mount_at: vec![DOCKER_PLACE.to_owned()],
            format: Switch::Off,
            grow: Vec::new(),
        }
    }
}
