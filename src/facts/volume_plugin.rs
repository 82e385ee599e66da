//! Whether there is a plugin for the volumes of tasks.

use serde::{Deserialize, Serialize};

use crate::host::files::{Kind, Root};
use crate::volumes::SOCKET;

/// A Docker plugin at [`SOCKET`]: ours or Amazon's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumePlugin {
    /// Nobody listens there.
    #[default]
    Absent,
    /// Somebody listens. Nobody has asked whether it answers, for that would start it.
    Listening,
    /// It answers as a volume driver.
    Answers,
    /// Somebody listens and does not answer; why.
    Silent(String),
}

impl VolumePlugin {
    /// Whether Docker can be expected to mount volumes by it.
    pub fn is_usable(&self) -> bool {
        matches!(self, VolumePlugin::Listening | VolumePlugin::Answers)
    }

    /// The word in documents.
    pub fn word(&self) -> &'static str {
        match self {
            VolumePlugin::Absent => "absent",
            VolumePlugin::Listening => "listening",
            VolumePlugin::Answers => "answers",
            VolumePlugin::Silent(_) => "silent",
        }
    }
}

/// Whether somebody listens, by the kernel's table of unix sockets: a file may be left of a process that has ended.
pub fn volume_plugin(root: &Root) -> VolumePlugin {
    // The table grows with the containers of the host.
    if root.kind(SOCKET) == Kind::Absent && root.is_host() {
        return VolumePlugin::Absent;
    }
    let table = root.read("/proc/net/unix").map(|file| file.bytes);
    let table = table.unwrap_or_default();
    let listens = String::from_utf8_lossy(&table).lines().any(is_listening);
    if listens {
        VolumePlugin::Listening
    } else {
        VolumePlugin::Absent
    }
}

/// `Num RefCount Protocol Flags Type St Inode Path` (proc(5)); `/var/run`, as older units have it, is `/run`.
fn is_listening(line: &str) -> bool {
    /// `SO_ACCEPTCON`.
    const ACCEPTS: u32 = 1 << 16;
    let mut fields = line.split_whitespace();
    let flags = fields
        .nth(3)
        .and_then(|flags| u32::from_str_radix(flags, 16).ok());
    let path = fields.nth(3).unwrap_or_default();
    flags.is_some_and(|flags| flags & ACCEPTS != 0)
        && path.strip_prefix("/var").unwrap_or(path) == SOCKET
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_socket_that_accepts_counts() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        assert_eq!(volume_plugin(&root), VolumePlugin::Absent);
        std::fs::create_dir_all(directory.path().join("proc/net")).unwrap();
        for (line, found) in [
            (
                format!("ffff: 00000002 00000000 00010000 0001 01 20231 {SOCKET}"),
                VolumePlugin::Listening,
            ),
            (
                format!("ffff: 00000002 00000000 00010000 0001 01 20231 /var{SOCKET}"),
                VolumePlugin::Listening,
            ),
            // A connection to it.
            (
                format!("ffff: 00000003 00000000 00000000 0001 03 20232 {SOCKET}"),
                VolumePlugin::Absent,
            ),
            (
                "ffff: 00000002 00000000 00010000 0001 01 20233 /run/docker/plugins/other.sock"
                    .to_owned(),
                VolumePlugin::Absent,
            ),
            (
                "ffff: 00000002 00000000 00010000 0001 01 20234".to_owned(),
                VolumePlugin::Absent,
            ),
        ] {
            let head = "Num       RefCount Protocol Flags    Type St Inode Path";
            let table = directory.path().join("proc/net/unix");
            std::fs::write(table, format!("{head}\n{line}\n")).unwrap();
            assert_eq!(volume_plugin(&root), found, "{line}");
        }
    }
}
