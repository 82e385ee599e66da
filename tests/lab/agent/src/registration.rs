//! What the agent keeps in its data directory: the cluster it joined and the ARN it got.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Name of the real agent's data base, here JSON.
const FILE: &str = "agent.db";

/// The cluster and the container instance's ARN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The cluster's name.
    pub cluster: String,
    /// The container instance's ARN.
    pub container_instance_arn: String,
}

/// Why the saved state cannot be used. The real agent ends with status 5 in both cases.
#[derive(Debug)]
pub enum Unusable {
    /// It cannot be read.
    Unreadable(String),
    /// It belongs to another cluster.
    ClusterMismatch {
        /// The cluster in the file.
        saved: String,
        /// The cluster in the environment.
        configured: String,
    },
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unusable::Unreadable(why) => {
                write!(f, "Error loading previously saved state: {why}")
            }
            Unusable::ClusterMismatch { saved, configured } => write!(
                f,
                "Data mismatch; saved cluster '{saved}' does not match configured cluster '{configured}'"
            ),
        }
    }
}

/// The saved registration with this cluster, if there is one.
pub fn load(data_directory: &Path, cluster: &str) -> Result<Option<Registration>, Unusable> {
    let path = file(data_directory);
    let unreadable = |why: String| Unusable::Unreadable(format!("{}: {why}", path.display()));
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let saved: Registration =
        serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
    if saved.cluster != cluster {
        return Err(Unusable::ClusterMismatch {
            saved: saved.cluster,
            configured: cluster.to_owned(),
        });
    }
    Ok(Some(saved))
}

/// A new registration, saved.
pub fn register(data_directory: &Path, cluster: &str) -> io::Result<Registration> {
    let region = std::env::var("AWS_DEFAULT_REGION").unwrap_or_else(|_| "us-east-1".to_owned());
    let id = format!("{:032x}", fastrand::u128(..));
    let registration = Registration {
        cluster: cluster.to_owned(),
        container_instance_arn: format!(
            "arn:aws:ecs:{region}:123456789012:container-instance/{cluster}/{id}"
        ),
    };
    let path = file(data_directory);
    let next = path.with_extension("next");
    // As the real agent's database, it outlives a power cut.
    let mut saving = std::fs::File::create(&next)?;
    saving.write_all(&serde_json::to_vec(&registration)?)?;
    saving.sync_all()?;
    std::fs::rename(next, path)?;
    std::fs::File::open(data_directory)?.sync_all()?;
    Ok(registration)
}

fn file(data_directory: &Path) -> PathBuf {
    data_directory.join(FILE)
}
