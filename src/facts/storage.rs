//! Mounted file systems, block devices and what is to be mounted.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::statvfs::statvfs;
use serde::{Deserialize, Serialize};

use super::Fact;
use crate::host::files::Root;

/// One mounted file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskFacts {
    /// Where it is mounted.
    pub mount_point: String,
    /// Its type, for example `ext4`; empty where only its room is known.
    pub file_system: String,
    /// The device.
    pub device: String,
    /// Mounted read-only.
    pub read_only: bool,
    /// Its room; a recorded tree does not tell it.
    pub space: Option<SpaceFacts>,
}

/// Room of a file system, as statvfs(3) tells it to an ordinary user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SpaceFacts {
    /// Size in bytes.
    pub total_bytes: u64,
    /// Free bytes.
    pub available_bytes: u64,
    /// Inodes; 0 where the file system makes them as it needs them.
    pub total_inodes: u64,
    /// Free inodes.
    pub available_inodes: u64,
}

/// One disk of `/sys/block`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BlockDeviceFacts {
    /// For example `nvme0n1`.
    pub name: String,
    /// `device/model`, for example `Amazon Elastic Block Store`; empty where it has none.
    pub model: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Its partitions and their sizes in bytes.
    pub partitions: Vec<(String, u64)>,
}

/// One line of fstab(5), without its mount options, which may hold passwords.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FstabFacts {
    /// What is mounted, for example `UUID=…`.
    pub source: String,
    /// Where.
    pub mount_point: String,
    /// Its type.
    pub file_system: String,
    /// True when the boot goes on without it (`nofail` or `noauto`).
    pub optional: bool,
}

/// Mounted file systems on disks. Network file systems are not listed: asking one whose server is gone would hang.
///
/// Of another tree that is a file system of its own (a mounted image) its room is told, of a recorded one its mounts.
pub fn disks(root: &Root) -> Fact<Vec<DiskFacts>> {
    let mounts = match root.read_if_present("/proc/self/mountinfo") {
        Ok(file) => file.map(|file| mounts(&String::from_utf8_lossy(&file.bytes))),
        Err(error) => return Fact::Unreadable(format!("/proc/self/mountinfo: {error}")),
    };
    match mounts {
        Some(disks) if root.is_host() => Fact::Known(
            disks
                .into_iter()
                .map(|disk| DiskFacts {
                    space: space(Path::new(&disk.mount_point)),
                    ..disk
                })
                .collect(),
        ),
        Some(disks) => Fact::Known(disks),
        None => mounted_image(&root.path("/")).map_or_else(
            || {
                Fact::Unreadable(
                    "this tree is no file system of its own, and has no /proc/self/mountinfo"
                        .to_owned(),
                )
            },
            |disk| Fact::Known(vec![disk]),
        ),
    }
}

fn mounted_image(top: &Path) -> Option<DiskFacts> {
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev());
    let is_mounted = device(top).ok()? != device(&top.join("..")).ok()?;
    is_mounted.then(|| DiskFacts {
        mount_point: "/".to_owned(),
        file_system: String::new(),
        device: String::new(),
        // An image is looked at read-only as often as not; that tells nothing of the boot.
        read_only: false,
        space: space(top),
    })
}

fn space(mount_point: &Path) -> Option<SpaceFacts> {
    // The C types differ in width between architectures.
    #[allow(clippy::useless_conversion)]
    let told = statvfs(mount_point).ok().map(|told| SpaceFacts {
        total_bytes: u64::from(told.blocks()) * u64::from(told.fragment_size()),
        available_bytes: u64::from(told.blocks_available()) * u64::from(told.fragment_size()),
        total_inodes: told.files().into(),
        available_inodes: told.files_available().into(),
    });
    told.filter(|space| space.total_bytes > 0)
}

/// File systems that are full and read-only by design.
const IMAGES: &[&str] = &["squashfs", "iso9660", "udf", "erofs"];

/// The disks of a mount table (proc_pid_mountinfo(5)), by mount point; what was mounted last on one point counts.
fn mounts(table: &str) -> Vec<DiskFacts> {
    let mut disks: Vec<DiskFacts> = Vec::new();
    for disk in table.lines().filter_map(mount) {
        disks.retain(|earlier| earlier.mount_point != disk.mount_point);
        disks.push(disk);
    }
    disks.sort_by(|one, other| one.mount_point.cmp(&other.mount_point));
    disks
}

/// A line of the mount table, where it is a disk's: `36 35 259:1 / / rw,noatime shared:1 - xfs /dev/nvme0n1p1 rw`.
fn mount(line: &str) -> Option<DiskFacts> {
    let (head, tail) = line.split_once(" - ")?;
    let mut head = head.split(' ').skip(3);
    let (of, mount_point) = (head.next()?, head.next()?);
    let mut tail = tail.split_whitespace();
    let (file_system, device, super_options) = (tail.next()?, tail.next()?, tail.next()?);
    let whole = of == "/" || file_system == "btrfs";
    let on_disk = device.starts_with("/dev/") || file_system == "zfs";
    let counts = mount_point == "/" || (whole && on_disk && !IMAGES.contains(&file_system));
    counts.then(|| DiskFacts {
        mount_point: unescaped(mount_point),
        file_system: file_system.to_owned(),
        device: unescaped(device),
        // The options of the mount itself tell of the sandbox that systemd makes for the daemon.
        read_only: super_options.split(',').any(|option| option == "ro"),
        space: None,
    })
}

/// The kernel writes blanks, line ends and backslashes in octal.
pub(super) fn unescaped(field: &str) -> String {
    [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ]
    .iter()
    .fold(field.to_owned(), |text, (code, letter)| {
        text.replace(code, letter)
    })
}

/// The disks of `/sys/block`, without those that the kernel makes of files, memory or other disks.
pub fn block_devices(root: &Root) -> Vec<BlockDeviceFacts> {
    const DIRECTORY: &str = "/sys/block";
    root.names(DIRECTORY)
        .into_iter()
        .filter(|name| {
            !["loop", "ram", "zram", "dm-", "md", "sr", "fd"]
                .iter()
                .any(|made| name.starts_with(made))
        })
        .map(|name| {
            let directory = format!("{DIRECTORY}/{name}");
            let partitions = root
                .names(&directory)
                .into_iter()
                .filter(|part| part.starts_with(&name))
                .map(|part| {
                    let bytes = sectors(root, &format!("{directory}/{part}"));
                    (part, bytes)
                })
                .collect();
            BlockDeviceFacts {
                model: root
                    .line(&format!("{directory}/device/model"))
                    .unwrap_or_default(),
                bytes: sectors(root, &directory),
                partitions,
                name,
            }
        })
        .collect()
}

/// `size`, which counts sectors of 512 bytes whatever the disk's own are.
fn sectors(root: &Root, directory: &str) -> u64 {
    root.line(&format!("{directory}/size"))
        .and_then(|size| size.parse::<u64>().ok())
        .unwrap_or_default()
        .saturating_mul(512)
}

/// `/etc/fstab`.
pub fn fstab(root: &Root) -> Vec<FstabFacts> {
    let text = root.line("/etc/fstab").unwrap_or_default();
    let entry = |line: &str| {
        let mut fields = line.split_whitespace();
        let source = fields.next().filter(|source| !source.starts_with('#'))?;
        Some(FstabFacts {
            source: source.to_owned(),
            mount_point: unescaped(fields.next()?),
            file_system: fields.next()?.to_owned(),
            optional: fields.next().is_some_and(|options| {
                let mut options = options.split(',');
                options.any(|option| option == "nofail" || option == "noauto")
            }),
        })
    };
    text.lines().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 1 259:1 / / rw,noatime shared:1 - xfs /dev/nvme0n1p1 rw,attr2
23 22 0:5 / /proc rw - proc proc rw
24 22 259:5 / /mnt/my\\040data rw - ext4 /dev/nvme1n1 ro,data=ordered
25 22 259:5 /sub /srv rw - ext4 /dev/nvme1n1 rw
26 22 7:0 / /snap/core ro - squashfs /dev/loop0 ro
27 22 0:40 / /nfs rw - nfs4 server:/ rw
28 22 259:6 / /mnt/my\\040data rw - ext4 /dev/nvme2n1 rw
";

    #[test]
    fn disks_are_told_from_all_that_is_mounted() {
        let found = mounts(TABLE);
        let names: Vec<(&str, &str, bool)> = found
            .iter()
            .map(|disk| (&*disk.mount_point, &*disk.device, disk.read_only))
            .collect();
        assert_eq!(
            names,
            [
                ("/", "/dev/nvme0n1p1", false),
                ("/mnt/my data", "/dev/nvme2n1", false)
            ]
        );
        let read_only = TABLE.replace(" rw,attr2", " ro,attr2");
        assert!(mounts(&read_only)[0].read_only);
        let sandboxed = TABLE.replace(" rw,noatime", " ro,noatime");
        assert!(!mounts(&sandboxed)[0].read_only);
    }

    #[test]
    fn a_recorded_tree_tells_its_mounts_and_an_unpacked_one_nothing() {
        let tree = tempfile::tempdir().unwrap();
        let root = Root::at(tree.path());
        assert!(disks(&root).why_unknown().contains("no file system"));
        fs::create_dir_all(tree.path().join("proc/self")).unwrap();
        fs::write(tree.path().join("proc/self/mountinfo"), TABLE).unwrap();
        let found = disks(&root);
        assert!(found.known().unwrap().iter().all(|it| it.space.is_none()));
    }

    #[test]
    fn the_hosts_root_has_room_and_inodes() {
        let found = disks(&Root::host());
        let found = found.known().unwrap();
        let top = found.iter().find(|disk| disk.mount_point == "/").unwrap();
        let space = top.space.unwrap();
        assert!(space.available_bytes <= space.total_bytes);
        assert!(space.available_inodes <= space.total_inodes);
    }

    #[test]
    fn fstab_without_comments_and_options() {
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir_all(tree.path().join("etc")).unwrap();
        let text = "# one\nUUID=a / xfs defaults 0 0\n//nas/x /x cifs password=hush,nofail\n\n";
        fs::write(tree.path().join("etc/fstab"), text).unwrap();
        let found = fstab(&Root::at(tree.path()));
        assert_eq!(found.len(), 2);
        assert!(!found[0].optional && found[1].optional);
        assert!(!format!("{found:?}").contains("hush"));
    }
}
