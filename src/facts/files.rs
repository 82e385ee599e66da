//! Small files that rules read, programs that must be there, and the names of accounts.

use std::collections::BTreeMap;

use crate::host::files::{Kind, Root};

/// Texts that hold no secret and that rules read; [`super::HostFacts::texts`] has those that are there.
pub const TEXTS: &[&str] = &[
    DAEMON_JSON,
    "/etc/ecs-nanny/image-release.json",
    "/etc/image-id",
    "/etc/resolv.conf",
    "/etc/selinux/config",
    "/proc/driver/nvidia/version",
    "/sys/fs/selinux/enforce",
    "/var/lib/ecs/gpu/nvidia-gpu-info.json",
];

/// The Docker daemon's configuration.
pub const DAEMON_JSON: &str = "/etc/docker/daemon.json";

/// The programs that [`super::HostFacts::programs`] tells of.
pub const PROGRAMS: &[&str] = &[
    "apparmor_parser",
    "dockerd",
    "git",
    "iptables",
    "lsblk",
    "modinfo",
    "nsenter",
    "nvidia-container-runtime",
    "ps",
    "sysctl",
    "xz",
];

/// Where programs are looked for: the search path of system services.
const DIRECTORIES: &[&str] = &[
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

/// The texts that are there, by path.
pub fn texts(root: &Root) -> BTreeMap<String, String> {
    TEXTS
        .iter()
        .filter_map(|path| {
            let file = root.read(path).ok()?;
            let text = String::from_utf8_lossy(&file.bytes).into_owned();
            // The only one of them in which people write addresses with passwords (`proxies`).
            let text = match *path {
                DAEMON_JSON => without_passwords(&text),
                _ => text,
            };
            Some((String::from(*path), text))
        })
        .collect()
}

/// `http://user:password@proxy` without what stands before the `@`.
fn without_passwords(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for (index, part) in text.split("://").enumerate() {
        if index == 0 {
            kept.push_str(part);
            continue;
        }
        kept.push_str("://");
        let authority = part.find(['/', '"', ' ', '\n']).unwrap_or(part.len());
        let from = part[..authority].rfind('@').map_or(0, |at| at + 1);
        kept.push_str(&part[from..]);
    }
    kept
}

/// The programs that are there, with the path of each.
pub fn programs(root: &Root) -> BTreeMap<String, String> {
    PROGRAMS
        .iter()
        .filter_map(|name| {
            let paths = DIRECTORIES
                .iter()
                .map(|directory| format!("{directory}/{name}"));
            let path = paths
                .into_iter()
                .find(|path| root.kind(path) == Kind::File)?;
            Some((String::from(*name), path))
        })
        .collect()
}

/// The names of users and groups in `/etc/passwd` and `/etc/group`, sorted, each once.
pub fn accounts(root: &Root) -> Vec<String> {
    let mut names: Vec<String> = ["/etc/passwd", "/etc/group"]
        .iter()
        .filter_map(|path| root.line(path))
        .flat_map(|text| {
            let names = text.lines().filter_map(|line| line.split_once(':'));
            names.map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_proxies_are_not_kept() {
        for (text, kept) in [
            (
                r#"{"http-proxy": "http://me:hush@proxy:3128", "x": 1}"#,
                r#"{"http-proxy": "http://proxy:3128", "x": 1}"#,
            ),
            (r#"["unix:///run/a@b"]"#, r#"["unix:///run/a@b"]"#),
            ("{}", "{}"),
            ("a://b", "a://b"),
        ] {
            assert_eq!(without_passwords(text), kept);
        }
    }
}
