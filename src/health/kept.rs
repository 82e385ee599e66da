//! The last boot's time line, kept over reboots.

use std::path::Path;

use crate::host::files;
use crate::snapshot::BootView;

/// Where it is.
pub const TIMELINE_FILE: &str = "/var/lib/ecs-nanny/timeline.json";
/// Readable by everyone: there is nothing secret in it.
const MODE: u32 = 0o644;

/// What was kept last; `None` where there is nothing readable.
pub fn timeline() -> Option<BootView> {
    let bytes = std::fs::read(TIMELINE_FILE).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Keeps a time line; unchanged, it is not written again.
pub(super) fn keep(boot: &BootView) -> std::io::Result<()> {
    let path = Path::new(TIMELINE_FILE);
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut bytes = serde_json::to_vec_pretty(boot).map_err(std::io::Error::other)?;
    bytes.push(b'\n');
    files::replace(path, MODE, &bytes)?;
    Ok(())
}
