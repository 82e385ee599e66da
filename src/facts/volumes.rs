//! Block devices with what stands on them: what preparing storage is decided from.

use serde::{Deserialize, Serialize};

use super::Fact;
use super::storage::unescaped;
use crate::host::files::Root;
use crate::host::volumes::{self, Listed, Signature};

/// One block device.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeFacts {
    /// Its path, for example `/dev/nvme1n1`.
    pub device: String,
    /// `disk`, `part`, `loop`, `raid0`, …
    pub kind: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The disk's model, for example `Amazon EC2 NVMe Instance Storage`; empty where it has none.
    pub model: String,
    /// Where it is mounted.
    pub mount_point: Option<String>,
    /// Where directories of it are mounted (`mount --bind`).
    pub binds: Vec<String>,
    /// The devices that it stands on: a partition's disk, an array's members.
    pub parents: Vec<String>,
    /// What stands on it; `Known(None)` where there is nothing at all.
    pub signature: Fact<Option<Signature>>,
    /// The size in bytes of the ext4 or xfs file system on it.
    pub file_system_bytes: Option<u64>,
}

/// All block devices, each once. Reads from the devices, which takes root.
pub async fn volumes(root: &Root) -> Fact<Vec<VolumeFacts>> {
    let listed = match volumes::list().await {
        Ok(listed) => listed,
        Err(error) => return Fact::Unreadable(error.to_string()),
    };
    let mounts = root.line("/proc/self/mountinfo").unwrap_or_default();
    let mut found = Vec::new();
    for disk in &listed {
        flatten(disk, None, &mounts, &mut found);
    }
    for volume in &mut found {
        volume.signature = Fact::from(volumes::probe(&volume.device).await);
        volume.file_system_bytes = file_system_bytes(volume).await;
    }
    Fact::Known(found)
}

async fn file_system_bytes(volume: &VolumeFacts) -> Option<u64> {
    let xfs = volume
        .signature
        .known()
        .is_some_and(|it| it.as_ref().is_some_and(|it| it.kind == "xfs"));
    if let (true, Some(place)) = (xfs, &volume.mount_point)
        && let Ok(bytes) = volumes::mounted_xfs_bytes(place).await
    {
        return bytes;
    }
    volumes::file_system_bytes(&volume.device).unwrap_or_default()
}

/// An array is listed below each of its members.
fn flatten(listed: &Listed, parent: Option<&str>, mounts: &str, found: &mut Vec<VolumeFacts>) {
    let known = found.iter_mut().find(|it| it.device == listed.name);
    match known {
        Some(known) => known.parents.extend(parent.map(str::to_owned)),
        None => found.push(VolumeFacts {
            device: listed.name.clone(),
            kind: listed.kind.clone(),
            bytes: listed.bytes(),
            model: listed
                .model
                .as_deref()
                .unwrap_or_default()
                .trim()
                .to_owned(),
            mount_point: mounted(listed, mounts, true).pop(),
            binds: mounted(listed, mounts, false),
            parents: parent.map(str::to_owned).into_iter().collect(),
            ..VolumeFacts::default()
        }),
    }
    for child in &listed.children {
        flatten(child, Some(&listed.name), mounts, found);
    }
}

/// Where a device is mounted as a whole, or where directories of it are (proc_pid_mountinfo(5)).
fn mounted(listed: &Listed, mounts: &str, whole: bool) -> Vec<String> {
    let place = |line: &str| {
        let mut fields = line.split(' ').skip(2);
        let (numbers, root, place) = (fields.next()?, fields.next()?, fields.next()?);
        let wanted = numbers == listed.numbers.trim() && (root == "/") == whole;
        wanted.then(|| unescaped(place))
    };
    mounts.lines().filter_map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
30 22 9:127 / /var/lib/docker rw - ext4 /dev/md127 rw
31 22 9:127 /images /var/lib/containerd rw - ext4 /dev/md127 rw";

    #[test]
    fn an_array_has_all_its_members() {
        let array = Listed {
            name: "/dev/md127".to_owned(),
            numbers: "9:127 ".to_owned(),
            ..Listed::default()
        };
        let mut found = Vec::new();
        for name in ["/dev/nvme1n1", "/dev/nvme2n1"] {
            let disk = Listed {
                name: name.to_owned(),
                children: vec![array.clone()],
                ..Listed::default()
            };
            flatten(&disk, None, MOUNTS, &mut found);
        }
        let names: Vec<&str> = found.iter().map(|it| &*it.device).collect();
        assert_eq!(names, ["/dev/nvme1n1", "/dev/md127", "/dev/nvme2n1"]);
        assert_eq!(found[0].mount_point, None);
        assert_eq!(found[1].mount_point.as_deref(), Some("/var/lib/docker"));
        assert_eq!(found[1].binds, ["/var/lib/containerd"]);
        assert_eq!(found[1].parents, ["/dev/nvme1n1", "/dev/nvme2n1"]);
    }
}
