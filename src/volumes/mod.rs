//! The Docker volume plugin that the ECS agent expects on its host, for EFS and S3 Files. Names, protocol, state and
//! reference counts are decided by pure code; [`Plugin`] mounts, unmounts and keeps the state file.
//!
//! Driver name, state file and its format are ecs-init's, so that volumes survive a change from one to the other.

mod answers;
mod ask;
mod doubts;
mod ledger;
mod name;
mod notebook;
mod notes;
mod on_host;
mod plugin;
mod protocol;
mod recovery;
mod serve;
mod settling;
mod state;
#[cfg(test)]
mod tests;
mod written;

pub use ask::ask;
pub use plugin::Plugin;
pub use serve::serve;
pub use state::{State, Volume};

/// Where Docker looks for a plugin of this name, which the agent gives with each EFS volume.
pub const SOCKET: &str = "/run/docker/plugins/amazon-ecs-volume-plugin.sock";
/// The volumes and who uses them.
pub const STATE_FILE: &str = "/var/lib/ecs/data/ecs_volume_plugin.json";
/// Below it volumes are mounted.
pub const DIRECTORY: &str = "/var/lib/ecs/volumes";
/// The types that can be mounted, each by its program `mount.TYPE`. The first is that of a volume that says none.
pub const TYPES: [&str; 2] = ["efs", "s3files"];
