//! The list of GPUs that the agent reads.

use std::fs;
use std::io;

use crate::facts::GPU_INVENTORY;
use crate::host::files::{self, Root};
use crate::host::nvml::{self, Inventory};

/// As ecs-init's, readable by the agent.
const MODE: u32 = 0o644;

/// Why the list could not be made. One of another instance or driver is then gone.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The driver can't be asked.
    #[error("NVIDIA's driver can't be asked by {library}: {why}")]
    Driver {
        /// The library.
        library: &'static str,
        /// Its words.
        why: String,
    },
    /// It knows of no GPU that works.
    #[error("NVIDIA's driver knows of no GPU that works{0}")]
    None(String),
    /// Its file.
    #[error("{GPU_INVENTORY}: {0}")]
    File(#[from] io::Error),
}

/// Asks the driver and writes the list. Blocking, and it may hang with the driver: to be called by a step with a deadline.
///
/// # Errors
/// [`InventoryError`].
pub fn write_inventory(root: &Root) -> Result<(Inventory, Vec<String>), InventoryError> {
    let made = asked();
    if made.is_err() {
        remove_inventory(root)?;
    }
    let (inventory, failed) = made?;
    let mut text = serde_json::to_vec(&inventory).map_err(io::Error::other)?;
    text.push(b'\n');
    files::replace(&root.path(GPU_INVENTORY), MODE, &text)?;
    Ok((inventory, failed))
}

fn asked() -> Result<(Inventory, Vec<String>), InventoryError> {
    let (inventory, failed) =
        nvml::inventory(nvml::LIBRARY).map_err(|error| InventoryError::Driver {
            library: nvml::LIBRARY,
            why: error.to_string(),
        })?;
    match inventory.gpu_ids.is_empty() {
        true => {
            let why: String = failed.iter().map(|line| format!("; {line}")).collect();
            Err(InventoryError::None(why))
        }
        false => Ok((inventory, failed)),
    }
}

/// Removes the list; true where there was one.
///
/// # Errors
/// Those of removing a file, but for its absence.
pub fn remove_inventory(root: &Root) -> io::Result<bool> {
    match fs::remove_file(root.path(GPU_INVENTORY)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
