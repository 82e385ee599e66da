//! Data volumes that have become larger than what is on them. The root file system is cloud-init's.

use super::{Deciding, VolumePlan, VolumeStep, commands, left_alone};
use crate::facts::{Fact, VolumeFacts};

/// What may be left over behind a file system or a partition: alignment, a backup partition table, a last group that is
/// too small to be used. Anything more has been added.
const SLACK: u64 = 16 << 20;

impl Deciding<'_> {
    pub(super) fn growth(&mut self) {
        for mount_point in &self.storage.grow {
            match self.grown(mount_point) {
                Ok(plan) => self.plans.push(plan),
                Err((observed, remedy)) => self.findings.push(left_alone(observed, remedy)),
            }
        }
    }

    fn grown(&self, mount_point: &str) -> Result<VolumePlan, (String, String)> {
        let at = |it: &&VolumeFacts| it.mount_point.as_deref() == Some(mount_point);
        let Some(volume) = self.volumes.iter().find(at) else {
            let observed = format!("nothing is mounted at {mount_point}, named in storage.grow");
            return Err((
                observed,
                "mount it in /etc/fstab, or correct the path".to_owned(),
            ));
        };
        let mut steps = Vec::new();
        let mut room = volume.bytes;
        if let (Some(disk), "part") = (self.disk_of(volume), &*volume.kind) {
            let behind = self.behind(disk);
            if behind > SLACK {
                steps.extend(partition_number(volume, disk).map(|number| {
                    room += behind;
                    commands::grow_partition(&disk.device, number)
                }));
            }
        }
        let kind = match &volume.signature {
            Fact::Known(Some(found)) => found.kind.as_str(),
            _ => "an unknown file system",
        };
        let used = volume.file_system_bytes.unwrap_or(room);
        if room.saturating_sub(used) > SLACK {
            steps.extend(match kind {
                "ext3" | "ext4" => Some(commands::grow_ext4(&volume.device)),
                "xfs" => Some(commands::grow_xfs(mount_point)),
                _ => None,
            });
        } else if volume.file_system_bytes.is_none() {
            let observed = format!("{mount_point} is {kind}, which is not grown");
            return Err((observed, "use ext4 or xfs, or grow it yourself".to_owned()));
        }
        if let Some(finding) = self.missing_tool(&steps, &volume.device) {
            return Err((finding.observed, finding.remedy.into_owned()));
        }
        Ok(plan_of(volume, mount_point, steps))
    }

    fn disk_of(&self, part: &VolumeFacts) -> Option<&VolumeFacts> {
        let parent = part.parents.first()?;
        self.volumes.iter().find(|it| it.device == *parent)
    }

    /// Bytes of a disk that no partition has.
    fn behind(&self, disk: &VolumeFacts) -> u64 {
        let parts = self
            .volumes
            .iter()
            .filter(|it| it.parents.contains(&disk.device));
        disk.bytes
            .saturating_sub(parts.map(|part| part.bytes).sum())
    }
}

/// `nvme1n1p2` is partition 2 of `nvme1n1`, `xvdf1` partition 1 of `xvdf`.
fn partition_number<'a>(part: &'a VolumeFacts, disk: &VolumeFacts) -> Option<&'a str> {
    let rest = part.device.strip_prefix(&disk.device)?;
    let number = rest.strip_prefix('p').unwrap_or(rest);
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(number)
}

fn plan_of(volume: &VolumeFacts, mount_point: &str, steps: Vec<VolumeStep>) -> VolumePlan {
    VolumePlan {
        devices: vec![volume.device.clone()],
        mount_point: mount_point.to_owned(),
        directories: Vec::new(),
        steps,
        for_docker: false,
    }
}
