//! Removing from an image what it should not hand to its instances.

use std::fs;
use std::io;
use std::path::Path;

use crate::facts::{Leftover, MACHINE_ID, leftovers};
use crate::host::files::Root;

/// One thing that was removed, or could not be.
#[derive(Debug)]
pub struct Sealed {
    /// What it was.
    pub leftover: Leftover,
    /// How it went.
    pub result: io::Result<()>,
}

/// What is to be removed.
pub fn targets(root: &Root) -> Vec<Leftover> {
    leftovers(root)
}

/// Removes each of them, and leaves an empty machine-id: systemd then gives each instance one of its own (machine-id(5)).
/// The agent's cache stays.
///
/// # Errors
/// The machine-id can't be emptied.
pub fn remove(root: &Root, targets: Vec<Leftover>) -> io::Result<Vec<Sealed>> {
    let sealed = targets
        .into_iter()
        .filter(|leftover| leftover.path != MACHINE_ID)
        .map(|leftover| Sealed {
            result: removed(&root.own_path(&leftover.path)),
            leftover,
        })
        .collect();
    let machine_id = root.own_path(MACHINE_ID);
    if let Some(directory) = machine_id.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(machine_id, "")?;
    Ok(sealed)
}

fn removed(path: &Path) -> io::Result<()> {
    let result = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_but_the_cache_goes_and_nothing_outside_is_touched() {
        let tree = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("kept"), "x").unwrap();
        let write = |path: &str| {
            let path = tree.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "content").unwrap();
        };
        let container = "var/lib/docker/containers/0123/config.v2.json";
        for path in [
            "var/lib/ecs/data/agent.db",
            "var/lib/ecs/gpu/nvidia-gpu-info.json",
            "var/cache/ecs/ecs-agent.tar",
            "var/cache/ecs/desired-image",
            "var/lib/ecs-nanny/instance-id",
            "var/lib/cloud/instances/i-1/sem/x",
            "var/log/ecs/ecs-agent.log",
            "var/log/journal/abc/system.journal",
            "var/lib/dhcp/dhclient.leases",
            "etc/machine-id",
            "etc/ssh/ssh_host_rsa_key",
            "etc/ssh/sshd_config",
            "root/.ssh/authorized_keys",
            "home/me/.bash_history",
            "home/me/work",
            container,
        ] {
            write(path);
        }
        fs::write(tree.path().join(container), r#"{"Name":"/ecs-agent"}"#).unwrap();
        std::os::unix::fs::symlink(outside.path(), tree.path().join("var/lib/cloud/instance"))
            .unwrap();
        let root = Root::at(tree.path());
        let sealed = remove(&root, targets(&root)).unwrap();
        for it in &sealed {
            assert!(it.result.is_ok(), "{it:?}");
        }
        assert_eq!(targets(&root), []);
        for kept in [
            "var/cache/ecs/ecs-agent.tar",
            "etc/ssh/sshd_config",
            "home/me/work",
        ] {
            assert!(tree.path().join(kept).exists(), "{kept}");
        }
        assert_eq!(fs::read(tree.path().join("etc/machine-id")).unwrap(), b"");
        assert!(!tree.path().join("var/lib/docker/containers/0123").exists());
        assert!(outside.path().join("kept").exists());
    }
}
