//! What cloud-init is set to do, and how it ended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::host::files::{Kind, Root};

/// cloud-init's settings and result.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CloudInitFacts {
    /// True where `/etc/cloud/cloud.cfg` is.
    pub installed: bool,
    /// True where it is switched off (`/etc/cloud/cloud-init.disabled`).
    pub disabled: bool,
    /// Those of [`CLOUD_SETTINGS`] that are set, with the file that set each last. Other settings, passwords among
    /// them, are not kept.
    pub settings: BTreeMap<String, (String, String)>,
    /// `result.json`, written when its last stage ends; `None` before.
    pub result: Option<String>,
}

/// Settings of the top level of cloud.cfg that change what the image's maker has written, or what is installed.
pub const CLOUD_SETTINGS: &[&str] = &[
    "disable_root",
    "manage_etc_hosts",
    "package_upgrade",
    "preserve_hostname",
    "repo_upgrade",
    "ssh_deletekeys",
    "ssh_pwauth",
];

/// Reads cloud.cfg, its drop-ins in cloud-init's order, and the result. `/run` tells of this boot, `/var/lib` of the last
/// one that ended.
pub fn cloud_init(root: &Root) -> CloudInitFacts {
    const DROP_INS: &str = "/etc/cloud/cloud.cfg.d";
    let drop_ins = root.names(DROP_INS).into_iter();
    let files = std::iter::once("/etc/cloud/cloud.cfg".to_owned()).chain(
        drop_ins
            .filter(|name| name.ends_with(".cfg"))
            .map(|name| format!("{DROP_INS}/{name}")),
    );
    let mut settings = BTreeMap::new();
    for path in files {
        let text = root.line(&path).unwrap_or_default();
        for (name, value) in text.lines().filter_map(scalar) {
            settings.insert(name.to_owned(), (value.to_owned(), path.clone()));
        }
    }
    CloudInitFacts {
        installed: root.kind("/etc/cloud/cloud.cfg") == Kind::File,
        disabled: root.kind("/etc/cloud/cloud-init.disabled") != Kind::Absent,
        settings,
        result: [
            "/run/cloud-init/result.json",
            "/var/lib/cloud/data/result.json",
        ]
        .iter()
        .find_map(|path| root.line(path)),
    }
}

/// A scalar of YAML's top level that is asked for: `ssh_pwauth: false  # why`.
fn scalar(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let value = value.split(" #").next().unwrap_or_default();
    let value = value.trim().trim_matches(['"', '\'']);
    (CLOUD_SETTINGS.contains(&name) && !value.is_empty()).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drop_ins_go_over_the_file_and_nothing_else_is_kept() {
        let tree = tempfile::tempdir().unwrap();
        let directory = tree.path().join("etc/cloud/cloud.cfg.d");
        std::fs::create_dir_all(&directory).unwrap();
        let main = "ssh_pwauth: true\nusers:\n - passwd: hush\nchpasswd: {list: hush}\n";
        std::fs::write(tree.path().join("etc/cloud/cloud.cfg"), main).unwrap();
        let drop_in = "ssh_pwauth:   'no' # why\n# repo_upgrade: all\n  repo_upgrade: all\n";
        std::fs::write(directory.join("90-x.cfg"), drop_in).unwrap();
        std::fs::write(directory.join("README"), "repo_upgrade: all\n").unwrap();
        let found = cloud_init(&Root::at(tree.path()));
        assert!(found.installed && !found.disabled);
        let path = "/etc/cloud/cloud.cfg.d/90-x.cfg".to_owned();
        let expected = BTreeMap::from([("ssh_pwauth".to_owned(), ("no".to_owned(), path))]);
        assert_eq!(found.settings, expected);
    }
}
