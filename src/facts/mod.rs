//! What is true of this host, with no opinion. Facts arrive in layers (host, engine, instance); files are kept as they
//! stand, their meaning is found elsewhere. One JSON document of them reproduces a user's problem.

mod accelerators;
mod agent_state;
mod cloud_init;
mod collect;
mod devices;
mod engine;
mod files;
mod host;
mod image;
mod instance;
mod kernel;
mod leftovers;
mod network;
mod security;
mod storage;
mod volume_plugin;
mod volumes;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use accelerators::{AMAZON, NVIDIA, PciDevice, gpus};
pub use agent_state::{AgentStateFacts, KNOWN_INSTANCE};
pub use cloud_init::CloudInitFacts;
pub use collect::{host, read};
pub use devices::nvidia_devices;
pub use engine::{EngineFacts, engine};
pub use files::{DAEMON_JSON, GPU_INVENTORY, IMAGE_RELEASE};
pub use host::{
    CgroupFacts, CgroupVersion, ConfigFile, Content, DmiFacts, HostFacts, MemoryFacts, UnitFacts,
    XenFacts,
};
pub use image::{ImageFacts, SecretFile, SizeFacts, image};
pub use instance::{InstanceFacts, instance, is_warm, share_of};
pub use kernel::{
    CGROUP_V1_OPTIONS, CONTAINER_OPTIONS, KernelConfig, KernelFacts, NETWORK_AND_LIMIT_OPTIONS,
};
pub use leftovers::{Leftover, LeftoverKind, MACHINE_ID, leftovers};
pub use network::{NetworkFacts, network};
pub use security::{SecurityFacts, security};
pub use storage::{BlockDeviceFacts, DiskFacts, FstabFacts, SpaceFacts};
pub use volume_plugin::{VolumePlugin, volume_plugin};
pub use volumes::{VolumeFacts, volumes};

pub use crate::host::files::Kind as PathKind;

/// The number that grows when the JSON of `ecs-nanny facts` changes incompatibly.
pub const SCHEMA: u32 = 1;

/// One fact: known, unreadable for a reason, or not there yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact<T> {
    /// The value.
    Known(T),
    /// It could not be read, and why.
    Unreadable(String),
    /// Nobody has looked yet, or its source has not answered yet.
    #[default]
    NotYet,
}

impl<T> Fact<T> {
    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Fact::Known(value) => Some(value),
            _ => None,
        }
    }

    /// True where nobody has looked yet.
    pub fn is_not_yet(&self) -> bool {
        matches!(self, Fact::NotYet)
    }

    /// Why the value is not known; for skipped findings.
    pub fn why_unknown(&self) -> &str {
        match self {
            Fact::Known(_) => "",
            Fact::Unreadable(why) => why,
            Fact::NotYet => "not known yet",
        }
    }

    /// The same fact by reference.
    pub fn as_ref(&self) -> Fact<&T> {
        match self {
            Fact::Known(value) => Fact::Known(value),
            Fact::Unreadable(why) => Fact::Unreadable(why.clone()),
            Fact::NotYet => Fact::NotYet,
        }
    }

    /// The fact that follows from this one's value.
    pub fn and_then<U>(self, follow: impl FnOnce(T) -> Fact<U>) -> Fact<U> {
        match self {
            Fact::Known(value) => follow(value),
            Fact::Unreadable(why) => Fact::Unreadable(why),
            Fact::NotYet => Fact::NotYet,
        }
    }

    /// The fact with its value turned into another.
    pub fn map<U>(self, turn: impl FnOnce(T) -> U) -> Fact<U> {
        self.and_then(|value| Fact::Known(turn(value)))
    }
}

impl<T, E: std::fmt::Display> From<Result<T, E>> for Fact<T> {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => Fact::Known(value),
            Err(error) => Fact::Unreadable(error.to_string()),
        }
    }
}

/// Everything known of a host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Version of this document, [`SCHEMA`].
    pub schema: u32,
    /// True when the facts were read from a tree other than the running host (`--root`).
    pub unbooted: bool,
    /// True where the facts are those of an image: a tree in which nothing of a running system is, or a host that is to
    /// become one (`check --image`).
    pub image_only: bool,
    /// Read from `/proc`, `/sys` and `/etc` through a root directory.
    pub host: HostFacts,
    /// Told by the Docker daemon.
    pub engine: Fact<EngineFacts>,
    /// Told by the instance metadata service.
    pub instance: Fact<InstanceFacts>,
    /// What matters to whoever makes an image; looked at by commands, never by `run`.
    pub image: Fact<ImageFacts>,
}

/// Paths whose existence decides something in the plan or the rules, with what stands there.
pub type Paths = BTreeMap<String, PathKind>;

/// The paths that [`HostFacts::paths`] tells of.
pub const PROBED_PATHS: &[&str] = &[
    "/emr/instance-controller",
    "/etc/emr",
    "/etc/machine-id",
    "/etc/pki",
    "/etc/pki/tls/certs",
    "/etc/ssl",
    "/etc/ssl/certs",
    "/mnt/ecs/ebs",
    "/mnt/var/lib/info/job-flow.json",
    "/dev/nvidia0",
    "/dev/nvidiactl",
    "/etc/docker-runtimes.d/neuron",
    "/etc/docker-runtimes.d/nvidia",
    "/usr/bin/amazon-ecs-agent",
    "/usr/bin/ecs-nanny",
    "/usr/lib/hadoop",
    "/usr/libexec/amazon-ecs-init",
    "/usr/sbin/amazon-ecs-init",
    "/var/lib/ecs/deps/serviceconnect/ecs-service-connect-agent.interface-v1.tar",
    "/proc/sys/net/ipv6",
    "/run/docker.sock",
    "/usr/bin/lsblk",
    "/usr/bin/nsenter",
    "/sbin/modinfo",
    "/usr/sbin/modinfo",
    "/var/lib/cloud/data/result.json",
    "/var/lib/ecs/deps",
    "/var/lib/ecs/deps/execute-command",
    "/var/cache/ecs/ecs-agent.tar",
    "/proc/sys/net",
    "/run/systemd/container",
    "/sbin/apparmor_parser",
    "/sbin/ip6tables",
    "/sys/kernel/security/apparmor",
    "/usr/bin/ip6tables",
    "/usr/sbin/ip6tables",
    "/var/credentials-fetcher/socket/credentials_fetcher.sock",
];
