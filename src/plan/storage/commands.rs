//! The command lines of storage.

use super::{ARRAY, VolumeStep};
use crate::settings::FileSystem;

/// Where our array is found, whatever number the kernel gives it.
pub(super) const ARRAY_DEVICE: &str = "/dev/md/ecs-nanny";

fn step(command: &[&str], only_if_empty: &[String]) -> VolumeStep {
    VolumeStep {
        command: command.iter().map(|word| String::from(*word)).collect(),
        only_if_empty: only_if_empty.to_vec(),
    }
}

/// The array has no home, so that it has the same name on whichever host it is found.
pub(super) fn make_array(devices: &[String]) -> VolumeStep {
    let count = format!("--raid-devices={}", devices.len());
    let name = format!("--name={ARRAY}");
    let mut command = vec![
        "mdadm",
        "--create",
        ARRAY_DEVICE,
        "--level=0",
        &count,
        &name,
        "--homehost=any",
    ];
    command.extend(devices.iter().map(String::as_str));
    step(&command, devices)
}

pub(super) fn assemble(devices: &[String]) -> VolumeStep {
    let mut command = vec!["mdadm", "--assemble", ARRAY_DEVICE];
    command.extend(devices.iter().map(String::as_str));
    step(&command, &[])
}

/// Neither is told to discard blocks: the disks of a new instance are empty, and it takes minutes. Docker needs `ftype=1`
/// on xfs, <https://docs.docker.com/engine/storage/drivers/overlayfs-driver/>.
pub(super) fn make_file_system(kind: FileSystem, label: &str, device: &str) -> VolumeStep {
    let empty = [device.to_owned()];
    match kind {
        FileSystem::Ext4 => step(
            &[
                "mkfs.ext4",
                "-q",
                "-m",
                "0",
                "-E",
                "nodiscard",
                "-L",
                label,
                device,
            ],
            &empty,
        ),
        FileSystem::Xfs => step(
            &["mkfs.xfs", "-q", "-K", "-n", "ftype=1", "-L", label, device],
            &empty,
        ),
    }
}

pub(super) fn mount(device: &str, mount_point: &str) -> VolumeStep {
    step(&["mount", "-o", "noatime", device, mount_point], &[])
}

pub(super) fn directory(path: &str) -> VolumeStep {
    step(&["mkdir", "--parents", "--mode=0711", path], &[])
}

pub(super) fn bind(from: &str, to: &str) -> VolumeStep {
    step(&["mount", "--bind", from, to], &[])
}

pub(super) fn grow_partition(disk: &str, number: &str) -> VolumeStep {
    step(&["growpart", disk, number], &[])
}

pub(super) fn grow_ext4(device: &str) -> VolumeStep {
    step(&["resize2fs", device], &[])
}

pub(super) fn grow_xfs(mount_point: &str) -> VolumeStep {
    step(&["xfs_growfs", mount_point], &[])
}

/// The package that brings a program, by its name on Amazon Linux and Debian.
pub(super) fn package(program: &str) -> &'static str {
    match program {
        "mkfs.ext4" | "resize2fs" => "e2fsprogs",
        "mkfs.xfs" | "xfs_growfs" => "xfsprogs",
        "mdadm" => "mdadm",
        "growpart" => "cloud-utils-growpart (Debian: cloud-guest-utils)",
        "mkdir" => "coreutils",
        _ => "util-linux",
    }
}
