//! `root.*` and `disk.*` beside their room: what the host's disks are.

use crate::facts::{BlockDeviceFacts, Fact, Facts, HostFacts};
use crate::finding::Severity::{Informational, Recommended, Required};

use super::capacity::size;
use super::{Demands, Judge, Judgement, Rule, Told, Version, failed, met, passed, skipped};

pub const RULES: &[Rule] = &[
    Rule {
        id: "root.ebs",
        title: "the root device is an EBS volume",
        weights: &[
            ("emr", Required),
            ("batch", Recommended),
            ("ecs", Recommended),
            ("generic", Recommended),
        ],
        told: Told::Booted,
        required: "an AMI of root device type ebs",
        remedy: "make the AMI from an instance whose root is an EBS volume",
        source: "https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-custom-ami.html",
        judge: Judge::Facts(root_is_ebs),
    },
    Rule {
        id: "root.size",
        title: "the root volume is large enough",
        weights: &[("emr", Required), ("batch", Recommended)],
        told: Told::Image,
        required: "10 GiB; 15 GiB for Amazon EMR 6.10 and newer",
        remedy: "give the AMI a larger root volume, and let cloud-init grow the file system (growpart)",
        source: "https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-custom-ami.html, https://docs.aws.amazon.com/batch/latest/userguide/batch-ami-spec.html",
        judge: Judge::Demands(root_size),
    },
    Rule {
        id: "root.grown",
        title: "the root file system fills its volume",
        weights: &[
            ("batch", Recommended),
            ("ecs", Recommended),
            ("emr", Recommended),
            ("generic", Recommended),
        ],
        told: Told::Booted,
        required: "a partition and a file system as large as the volume",
        remedy: "install cloud-init's growpart (package cloud-guest-utils or cloud-utils-growpart)",
        source: "https://docs.aws.amazon.com/ebs/latest/userguide/recognize-expanded-volume-linux.html",
        judge: Judge::Facts(root_grown),
    },
    Rule {
        id: "disk.instance_store",
        title: "instance store volumes are used",
        weights: &[
            ("batch", Informational),
            ("ecs", Informational),
            ("generic", Informational),
        ],
        told: Told::Booted,
        required: "every instance store volume mounted",
        remedy: "make a file system on it at each boot and mount it where jobs write",
        source: "https://docs.aws.amazon.com/batch/latest/userguide/batch-ami-spec.html",
        judge: Judge::Facts(instance_store),
    },
    Rule {
        id: "disk.fstab",
        title: "the boot does not hang on a volume that the instance may not have",
        weights: &[
            ("batch", Recommended),
            ("ecs", Recommended),
            ("gpu", Recommended),
            ("generic", Recommended),
        ],
        told: Told::Image,
        required: "nofail in /etc/fstab for all that is not part of the image",
        remedy: "add the option nofail to the line, or remove it",
        source: "https://docs.aws.amazon.com/ebs/latest/userguide/ebs-using-volumes.html",
        judge: Judge::Host(fstab),
    },
];

const GIB: u64 = 1 << 30;

/// What an EBS volume calls itself on Nitro (EC2 User Guide, "Identify EBS and instance store volumes").
pub(super) const EBS: &str = "Amazon Elastic Block Store";
/// What an instance store volume calls itself there.
const INSTANCE_STORE: &str = "Amazon EC2 NVMe Instance Storage";

/// The disk that the root file system is on.
pub(super) fn root_device(host: &HostFacts) -> Option<&BlockDeviceFacts> {
    let disks = host.disks.known()?;
    let root = disks.iter().find(|disk| disk.mount_point == "/")?;
    device_of(host, &root.device)
}

/// The disk that a partition or the whole of it is named after.
fn device_of<'a>(host: &'a HostFacts, device: &str) -> Option<&'a BlockDeviceFacts> {
    let name = device.rsplit('/').next()?;
    host.block_devices.iter().find(|disk| {
        disk.name == name
            || disk
                .partitions
                .iter()
                .any(|(partition, _)| partition == name)
    })
}

fn root_is_ebs(facts: &Facts) -> Judgement {
    let root = root_device(&facts.host);
    match root.map(|disk| disk.model.as_str()) {
        Some(EBS) => return passed(EBS),
        Some(INSTANCE_STORE) => return failed(INSTANCE_STORE),
        _ => {}
    }
    // On Xen disks have no model; the metadata service then tells what the root is mapped to.
    let Fact::Known(instance) = &facts.instance else {
        return skipped("the root device has no model, and the metadata service has not answered");
    };
    let device = |name: &str| {
        let mut devices = instance.block_devices.iter();
        devices
            .find(|(mapped, _)| mapped == name)
            .map(|(_, device)| short(device))
    };
    let Some(root) = device("root") else {
        return skipped("the metadata service tells no root device");
    };
    let ephemeral = instance
        .block_devices
        .iter()
        .any(|(name, device)| name.starts_with("ephemeral") && short(device) == root);
    met(!ephemeral, format!("the root device is {root}"))
}

/// `/dev/xvda` and `xvda` are one.
fn short(device: &str) -> &str {
    device.rsplit('/').next().unwrap_or(device)
}

fn root_size(facts: &Facts, demands: &Demands) -> Judgement {
    /// The release since which EMR wants 15 GiB.
    const LARGER_SINCE: Version = Version::new(6, 10);
    let Some(bytes) = root_bytes(&facts.host) else {
        return skipped("nothing tells the size of the root volume");
    };
    let observed = size(bytes);
    let (least, most) = match (demands.has("emr"), demands.emr_release) {
        (true, Some(release)) if release >= LARGER_SINCE => (15, 15),
        (true, None) => (10, 15),
        _ => (10, 10),
    };
    if bytes < least * GIB {
        failed(observed)
    } else if bytes < most * GIB {
        skipped(format!(
            "{observed}: name the release with --emr-release, 6.10 and newer want 15 GiB"
        ))
    } else {
        passed(observed)
    }
}

/// The size of the root volume, or where no disk tells it that of the file system and the part that it takes for itself.
fn root_bytes(host: &HostFacts) -> Option<u64> {
    if let Some(disk) = root_device(host).filter(|disk| disk.bytes > 0) {
        return Some(disk.bytes);
    }
    let disks = host.disks.known()?;
    let root = disks.iter().find(|disk| disk.mount_point == "/")?;
    Some(root.space?.total_bytes / 94 * 100)
}

fn root_grown(facts: &Facts) -> Judgement {
    let host = &facts.host;
    let Some(disk) = root_device(host) else {
        return skipped("the root's disk is not in /sys/block");
    };
    let mounted = host.disks.known().into_iter().flatten();
    let root = mounted.into_iter().find(|it| it.mount_point == "/");
    let of_partition = root.and_then(|root| {
        let mut partitions = disk.partitions.iter();
        partitions.find(|(name, _)| *name == short(&root.device))
    });
    let partition = of_partition.map_or(disk.bytes, |(_, bytes)| *bytes);
    let file_system = root
        .and_then(|root| root.space)
        .map(|space| space.total_bytes);
    // A boot partition or two, the partition table and a file system's own structures take their part.
    let fills = |part: u64, whole: u64| {
        part + 2 * GIB >= whole || u128::from(part) * 100 >= u128::from(whole) * 90
    };
    if !fills(partition, disk.bytes) {
        failed(format!(
            "the partition has {} of the volume's {}",
            size(partition),
            size(disk.bytes)
        ))
    } else if let Some(bytes) = file_system.filter(|bytes| !fills(*bytes, partition)) {
        failed(format!(
            "the file system has {} of the partition's {}",
            size(bytes),
            size(partition)
        ))
    } else {
        passed(size(disk.bytes))
    }
}

fn instance_store(facts: &Facts) -> Judgement {
    let host = &facts.host;
    if host.block_devices.is_empty() {
        return skipped("there is no disk in /sys/block");
    }
    let stores: Vec<&BlockDeviceFacts> = host
        .block_devices
        .iter()
        .filter(|disk| disk.model == INSTANCE_STORE)
        .collect();
    let mounted = |disk: &BlockDeviceFacts| {
        let mut mounted = host.disks.known().into_iter().flatten();
        mounted.any(|mount| device_of(host, &mount.device).is_some_and(|it| it.name == disk.name))
    };
    let idle: Vec<&str> = stores
        .iter()
        .filter(|disk| !mounted(disk))
        .map(|disk| disk.name.as_str())
        .collect();
    if idle.is_empty() {
        passed(format!("{} instance store volumes", stores.len()))
    } else {
        failed(format!("not mounted: {}", idle.join(" ")))
    }
}

fn fstab(host: &HostFacts) -> Judgement {
    /// What every image has itself.
    const OF_THE_IMAGE: &[&str] = &["/", "/boot", "/boot/efi", "/efi", "/usr", "none", "swap"];
    const VIRTUAL: &[&str] = &["proc", "sysfs", "tmpfs", "devpts", "swap", "debugfs"];
    let hangs: Vec<&str> = host
        .fstab
        .iter()
        .filter(|entry| {
            !entry.optional
                && !OF_THE_IMAGE.contains(&&*entry.mount_point)
                && !VIRTUAL.contains(&&*entry.file_system)
        })
        .map(|entry| entry.mount_point.as_str())
        .collect();
    if hangs.is_empty() {
        passed(format!("{} lines", host.fstab.len()))
    } else {
        failed(format!("without nofail: {}", hangs.join(" ")))
    }
}
