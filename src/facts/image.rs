//! The image layer of facts: what matters to whoever makes an image of this host, and takes a walk through directories to
//! know. `run` never looks at it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::leftovers::{Leftover, homes, leftovers};
use crate::host::files::Root;

/// What whoever makes an image wants to know.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageFacts {
    /// Identities, state, keys and logs that the image would hand to its instances.
    pub leftovers: Vec<Leftover>,
    /// Files with secrets that are there, with their permission bits.
    pub secrets: Vec<SecretFile>,
    /// Sizes of directories that Amazon EMR moves at each start.
    pub sizes: BTreeMap<String, SizeFacts>,
    /// What keeps packages from being upgraded, each a file and what it says.
    pub package_locks: Vec<String>,
}

/// A file that holds a secret; the secret itself is never kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SecretFile {
    /// Its path.
    pub path: String,
    /// What it holds, for example `AWS credentials`.
    pub holds: String,
    /// Permission bits.
    pub mode: u32,
    /// True where it must not be in an image at all, whatever its mode.
    pub never: bool,
}

/// The size of a directory, as far as the walk went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SizeFacts {
    /// Bytes on disk.
    pub bytes: u64,
    /// False where the walk ended before the directory did: it holds at least this.
    pub whole: bool,
}

/// The directories that EMR moves to another volume when a node starts.
const MOVED_BY_EMR: &[&str] = &["/tmp", "/var", "/emr"];

/// The most entries that one walk looks at.
const MOST_ENTRIES: usize = 5000;

/// Looks at the tree for what an image should not hold.
pub fn image(root: &Root) -> ImageFacts {
    ImageFacts {
        leftovers: leftovers(root),
        secrets: secrets(root),
        sizes: MOVED_BY_EMR
            .iter()
            .map(|path| (String::from(*path), size(&root.path(path))))
            .collect(),
        package_locks: package_locks(root),
    }
}

fn secrets(root: &Root) -> Vec<SecretFile> {
    let mut found = Vec::new();
    for home in homes(root) {
        let path = format!("{home}/.aws/credentials");
        if let Ok(file) = root.read(&path) {
            found.push(SecretFile {
                path,
                holds: "AWS credentials".to_owned(),
                mode: file.mode,
                never: true,
            });
        }
    }
    for path in [
        crate::agent_config::VENDOR_PATH,
        crate::agent_config::USER_PATH,
        crate::agent_config::JSON_PATH,
    ] {
        let Ok(file) = root.read(path) else { continue };
        let text = String::from_utf8_lossy(&file.bytes);
        let named = [
            "ECS_ENGINE_AUTH_DATA",
            "EngineAuthData",
            "AWS_SECRET_ACCESS_KEY",
        ];
        if let Some(name) = named.iter().find(|name| text.contains(*name)) {
            found.push(SecretFile {
                path: path.to_owned(),
                holds: String::from(*name),
                mode: file.mode,
                never: false,
            });
        }
    }
    found
}

/// Bytes on disk below a directory, on its own file system, links not followed.
fn size(directory: &Path) -> SizeFacts {
    let mut size = SizeFacts {
        bytes: 0,
        whole: true,
    };
    let Ok(top) = fs::symlink_metadata(directory) else {
        return size;
    };
    let mut waiting: Vec<PathBuf> = vec![directory.to_path_buf()];
    let mut seen = 0;
    while let Some(directory) = waiting.pop() {
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        for entry in entries {
            seen += 1;
            if seen > MOST_ENTRIES {
                size.whole = false;
                return size;
            }
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            // st_blocks counts 512 bytes whatever the file system's own blocks are.
            size.bytes += metadata.blocks() * 512;
            if metadata.is_dir() && metadata.dev() == top.dev() {
                waiting.push(entry.path());
            }
        }
    }
    size
}

/// Version locks of dnf and yum, the release that Amazon Linux 2023 is held to, and packages that apt and dpkg hold.
fn package_locks(root: &Root) -> Vec<String> {
    let mut locks = Vec::new();
    for path in [
        "/etc/dnf/plugins/versionlock.list",
        "/etc/yum/pluginconf.d/versionlock.list",
        "/etc/dnf/vars/releasever",
    ] {
        let text = root.line(path).unwrap_or_default();
        let lines = text.lines().map(str::trim);
        let told = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        locks.extend(told.map(|line| format!("{path}: {line}")));
    }
    let status = root.line("/var/lib/dpkg/status").unwrap_or_default();
    let mut package = "";
    for line in status.lines() {
        if let Some(name) = line.strip_prefix("Package: ") {
            package = name;
        } else if line.starts_with("Status: hold ") {
            locks.push(format!("dpkg holds {package}"));
        }
    }
    locks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_of_every_package_manager() {
        let tree = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = tree.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("etc/dnf/plugins/versionlock.list", "# a\n\nkernel-0:6.1*\n");
        write(
            "var/lib/dpkg/status",
            "Package: a\nStatus: install ok installed\n\nPackage: linux-image-aws\nStatus: hold ok installed\n",
        );
        assert_eq!(
            package_locks(&Root::at(tree.path())),
            [
                "/etc/dnf/plugins/versionlock.list: kernel-0:6.1*",
                "dpkg holds linux-image-aws"
            ]
        );
    }

    #[test]
    fn a_walk_ends() {
        let tree = tempfile::tempdir().unwrap();
        let deep = tree.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("file"), vec![1_u8; 100_000]).unwrap();
        std::os::unix::fs::symlink(tree.path(), deep.join("circle")).unwrap();
        let found = size(tree.path());
        assert!(found.whole && found.bytes >= 100_000, "{found:?}");
        for number in 0..MOST_ENTRIES {
            fs::write(deep.join(number.to_string()), "").unwrap();
        }
        assert!(!size(tree.path()).whole);
        assert!(size(&tree.path().join("none")).whole);
    }

    #[test]
    fn secrets_are_named_and_not_told() {
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir_all(tree.path().join("home/me/.aws")).unwrap();
        fs::write(tree.path().join("home/me/.aws/credentials"), "hush").unwrap();
        let found = image(&Root::at(tree.path()));
        assert_eq!(found.secrets[0].path, "/home/me/.aws/credentials");
        assert!(!serde_json::to_string(&found).unwrap().contains("hush"));
    }
}
