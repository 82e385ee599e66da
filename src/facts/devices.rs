//! Device files whose presence decides something.

use crate::host::files::Root;

/// Names in `/dev` that begin with `nvidia`, sorted: what ecs-init looks for before it tells the agent of GPUs.
pub fn nvidia_devices(root: &Root) -> Vec<String> {
    let mut names = root.names("/dev");
    names.retain(|name| name.starts_with("nvidia"));
    names
}
