//! Memory and disks.

use std::collections::BTreeMap;

use sysinfo::{Disk, DiskRefreshKind, Disks, MemoryRefreshKind, System};

use crate::facts::{DiskFacts, Fact, MemoryFacts};
use crate::host::files::Root;

use super::text;

/// Memory; of another tree what its `/proc/meminfo` says.
pub fn memory(root: &Root) -> Fact<MemoryFacts> {
    if root.is_host() {
        Fact::from(memory_of_host())
    } else {
        memory_of_tree(root)
    }
}

fn memory_of_host() -> Result<MemoryFacts, sysinfo::Error> {
    let mut system = System::new()?;
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    Ok(MemoryFacts {
        total_bytes: system.total_memory(),
        available_bytes: system.available_memory(),
    })
}

fn memory_of_tree(root: &Root) -> Fact<MemoryFacts> {
    let text = match text(root, "/proc/meminfo") {
        Ok(text) => text,
        Err(why) => return Fact::Unreadable(why),
    };
    let bytes: BTreeMap<&str, u64> = text.lines().filter_map(meminfo_line).collect();
    let field = |name: &str| bytes.get(name).copied();
    let Some(total_bytes) = field("MemTotal") else {
        return Fact::Unreadable("/proc/meminfo has no MemTotal".to_owned());
    };
    // Linux < 3.14 has no MemAvailable; what is free or cached comes near it.
    let available_bytes = field("MemAvailable").unwrap_or_else(|| {
        ["MemFree", "Buffers", "Cached"]
            .iter()
            .filter_map(|name| field(name))
            .sum()
    });
    Fact::Known(MemoryFacts {
        total_bytes,
        available_bytes,
    })
}

/// `MemTotal:  3976180 kB`; the kernel writes kB and means KiB.
fn meminfo_line(line: &str) -> Option<(&str, u64)> {
    let (name, value) = line.split_once(':')?;
    let kibibytes: u64 = value.split_whitespace().next()?.parse().ok()?;
    Some((name, kibibytes * 1024))
}

/// Mounted file systems. Network file systems are not listed: asking one whose server is gone would hang.
pub fn disks(root: &Root) -> Fact<Vec<DiskFacts>> {
    if root.is_host() {
        let mounts = root.line("/proc/self/mountinfo").unwrap_or_default();
        Fact::from(disks_of_host(&mounts))
    } else {
        Fact::Unreadable("only the running host tells how full its disks are".to_owned())
    }
}

fn disks_of_host(mounts: &str) -> Result<Vec<DiskFacts>, sysinfo::Error> {
    let sizes = DiskRefreshKind::nothing().with_storage();
    let mut disks: Vec<DiskFacts> = Disks::new_with_refreshed_list_specifics(sizes)?
        .iter()
        .map(|disk| described(disk, mounts))
        .filter(|disk| disk.total_bytes > 0)
        // Every running container has an overlay mount, which tells nothing of the host.
        .filter(|disk| disk.file_system != "overlay" || disk.mount_point == "/")
        .collect();
    disks.sort_by(|one, other| one.mount_point.cmp(&other.mount_point));
    Ok(disks)
}

fn described(disk: &Disk, mounts: &str) -> DiskFacts {
    let mount_point = disk.mount_point().display().to_string();
    DiskFacts {
        read_only: read_only(mounts, &mount_point).unwrap_or_else(|| disk.is_read_only()),
        mount_point,
        file_system: disk.file_system().display().to_string(),
        device: disk.name().display().to_string(),
        total_bytes: disk.total_space(),
        available_bytes: disk.available_space(),
    }
}

/// Whether the file system mounted here is read-only, by the options of its super block, the last field of a line of
/// proc_pid_mountinfo(5): those of the mount tell of the sandbox that systemd makes for the daemon.
fn read_only(mounts: &str, mount_point: &str) -> Option<bool> {
    let escaped = mount_point.replace('\\', "\\134").replace(' ', "\\040");
    let mounted_here = |line: &&str| line.split(' ').nth(4) == Some(escaped.as_str());
    let options = mounts.lines().rfind(mounted_here)?.rsplit(' ').next()?;
    Some(options.split(',').any(|option| option == "ro"))
}

#[cfg(test)]
mod tests {
    use super::read_only;

    #[test]
    fn a_sandbox_does_not_make_a_file_system_read_only() {
        let mounts = "36 1 259:1 / / ro,relatime master:1 - ext4 /dev/root rw,errors=remount-ro\n\
                      40 36 259:3 / /var/lib/my\\040docker rw,relatime - ext4 /dev/nvme1n1 ro,errors=remount-ro\n";
        assert_eq!(read_only(mounts, "/"), Some(false));
        assert_eq!(read_only(mounts, "/var/lib/my docker"), Some(true));
        assert_eq!(read_only(mounts, "/mnt"), None);
    }
}
