//! Which volumes are mounted, made into arrays, formatted or grown, decided from what stands on them. What carries
//! anything that is not ours is left alone.

mod commands;
mod growth;
mod standing;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::inputs::Inputs;
use crate::facts::{Fact, HostFacts, VolumeFacts};
use crate::finding::{Confidence, Finding, Outcome, Severity};
use crate::settings::{ALL_VOLUMES, DOCKER_PLACE, Layout, Storage, Switch};
use standing::Standing;

/// Our label is this and the number of the place. XFS takes 12 characters.
const LABEL: &str = "ecs-nanny-";

/// The name of our array.
const ARRAY: &str = "ecs-nanny";

/// The model of instance-store disks on Nitro; Amazon EC2 User Guide, "Instance store volumes".
const INSTANCE_STORE: &str = "Amazon EC2 NVMe Instance Storage";

/// One command of a volume's preparation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeStep {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Devices on which nothing at all may stand: they are looked at once more just before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_if_empty: Vec<String>,
}

/// A volume that is prepared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumePlan {
    /// The disks.
    pub devices: Vec<String>,
    /// Where its file system will be mounted, or is grown.
    pub mount_point: String,
    /// Directories to be made first; mount points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<String>,
    /// What is run, in order; each only when the one before succeeded. Empty where all is as wanted.
    pub steps: Vec<VolumeStep>,
    /// Docker keeps its data there, so that it must not run meanwhile.
    pub for_docker: bool,
}

/// Where Docker and containerd keep their data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DataRoots {
    pub docker: String,
    /// `None` where images are not kept in containerd's store.
    pub containerd: Option<String>,
}

/// The volumes, and what is wrong with those that are left alone.
pub(super) fn plan(inputs: &Inputs<'_>, roots: &DataRoots) -> (Vec<VolumePlan>, Vec<Finding>) {
    let storage = &inputs.settings.storage;
    let host = &inputs.facts.host;
    if storage.instance_store.is_empty() && storage.grow.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let volumes = match &host.volumes {
        Fact::Known(volumes) => volumes,
        // Only whoever prepares the host has looked.
        Fact::NotYet => return (Vec::new(), Vec::new()),
        Fact::Unreadable(why) => {
            let observed = format!("block devices can't be listed: {why}");
            return (Vec::new(), vec![left_alone(observed, "install util-linux")]);
        }
    };
    let mut deciding = Deciding {
        storage,
        host,
        volumes,
        roots,
        plans: Vec::new(),
        findings: Vec::new(),
    };
    deciding.instance_store();
    deciding.growth();
    (deciding.plans, deciding.findings)
}

pub(super) struct Deciding<'a> {
    storage: &'a Storage,
    host: &'a HostFacts,
    volumes: &'a [VolumeFacts],
    roots: &'a DataRoots,
    plans: Vec<VolumePlan>,
    findings: Vec<Finding>,
}

impl<'a> Deciding<'a> {
    fn instance_store(&mut self) {
        let chosen = self.chosen();
        if self.storage.layout == Layout::Raid0 && chosen.len() > 1 {
            self.array(&chosen);
        } else {
            self.singles(&chosen);
        }
    }

    /// The disks that the settings name. On an instance type without instance store `all` is none.
    fn chosen(&mut self) -> Vec<&'a VolumeFacts> {
        let mut chosen: Vec<&VolumeFacts> = Vec::new();
        for name in &self.storage.instance_store {
            if name == ALL_VOLUMES {
                let all = self.volumes.iter();
                chosen.extend(all.filter(|it| it.kind == "disk" && it.model == INSTANCE_STORE));
                continue;
            }
            let device = format!("/dev/{}", name.trim_start_matches("/dev/"));
            match self.volumes.iter().find(|it| it.device == device) {
                Some(volume) => chosen.push(volume),
                None => self.findings.push(left_alone(
                    format!("there is no {device}, named in storage.instance_store"),
                    "correct the name, or write [\"all\"]",
                )),
            }
        }
        let mut seen = BTreeSet::new();
        chosen.retain(|it| seen.insert(&it.device));
        chosen
    }

    /// One file system a disk. A disk keeps the place that its label names, whatever the kernel calls it at this boot.
    fn singles(&mut self, chosen: &[&'a VolumeFacts]) {
        let places = &self.storage.mount_at;
        let mut taken: Vec<Option<&VolumeFacts>> = vec![None; places.len()];
        let mut empty = Vec::new();
        for disk in chosen {
            match self.standing(disk) {
                Standing::Empty => empty.push(*disk),
                Standing::Ours(place) => match taken.get_mut(place) {
                    Some(free @ None) => *free = Some(disk),
                    Some(Some(other)) => {
                        let observed = format!(
                            "{} and {} both have the label {LABEL}{place}",
                            other.device, disk.device
                        );
                        self.findings
                            .push(left_alone(observed, "remove one of the labels"));
                    }
                    None => self.no_place(&disk.device),
                },
                Standing::Member | Standing::Array(_) => {
                    self.foreign(
                        disk,
                        "a member of our array, and storage.layout is not \"raid0\"",
                    );
                }
                Standing::Foreign(what) => self.foreign(disk, &what),
            }
        }
        let mut empty = empty.into_iter();
        for (place, disk) in taken.into_iter().enumerate() {
            match disk {
                Some(disk) => self.mount(
                    place,
                    &disk.device,
                    disk,
                    vec![disk.device.clone()],
                    Vec::new(),
                ),
                None => {
                    let Some(disk) = empty.next() else { continue };
                    self.format_and_mount(
                        place,
                        &disk.device,
                        vec![disk.device.clone()],
                        Vec::new(),
                    );
                }
            }
        }
        for disk in empty {
            self.no_place(&disk.device);
        }
    }

    fn no_place(&mut self, device: &str) {
        let observed = format!("{device} has no place in storage.mount_at");
        self.findings.push(Finding {
            severity: Severity::Informational,
            ..left_alone(
                observed,
                "add a path to storage.mount_at, or set storage.layout = \"raid0\"",
            )
        });
    }

    /// All disks as one. One that carries anything else keeps them all as they are.
    fn array(&mut self, chosen: &[&'a VolumeFacts]) {
        let devices: Vec<String> = chosen.iter().map(|disk| disk.device.clone()).collect();
        let (mut empty, mut members, mut array) = (0, 0, None);
        let before = self.findings.len();
        for disk in chosen {
            match self.standing(disk) {
                Standing::Empty => empty += 1,
                Standing::Member => members += 1,
                Standing::Array(it) => {
                    members += 1;
                    array = Some(it);
                }
                Standing::Ours(place) => {
                    self.foreign(disk, &format!("a file system of our own, {LABEL}{place}"));
                }
                Standing::Foreign(what) => self.foreign(disk, &what),
            }
        }
        if self.findings.len() > before {
            return;
        }
        if empty == chosen.len() {
            let make = commands::make_array(&devices);
            self.format_and_mount(0, commands::ARRAY_DEVICE, devices, vec![make]);
        } else if members < chosen.len() {
            let observed = format!(
                "only {members} of {} are members of our array",
                devices.join(", ")
            );
            self.findings.push(left_alone(
                observed,
                "mdadm --zero-superblock on its members makes the array anew, without what is on it",
            ));
        } else if let Some(array) = array {
            match self.signature(array) {
                Standing::Empty => self.format_and_mount(0, &array.device, devices, Vec::new()),
                Standing::Ours(_) => self.mount(0, &array.device, array, devices, Vec::new()),
                _ => self.foreign(array, "a file system without our label"),
            }
        } else {
            // What stands on it is seen when it is assembled; the mount fails where it is no file system.
            let assemble = commands::assemble(&devices);
            let unseen = VolumeFacts::default();
            self.mount(0, commands::ARRAY_DEVICE, &unseen, devices, vec![assemble]);
        }
    }

    fn format_and_mount(
        &mut self,
        place: usize,
        device: &str,
        devices: Vec<String>,
        mut steps: Vec<VolumeStep>,
    ) {
        if self.storage.format == Switch::Off {
            let observed = format!("{} is empty, and storage.format is off", devices.join(", "));
            self.findings
                .push(left_alone(observed, "set storage.format = \"on\""));
            return;
        }
        let label = format!("{LABEL}{place}");
        steps.push(commands::make_file_system(
            self.storage.file_system,
            &label,
            device,
        ));
        self.mount(place, device, &VolumeFacts::default(), devices, steps);
    }

    /// `volume` is what is known of the file system.
    fn mount(
        &mut self,
        place: usize,
        device: &str,
        volume: &VolumeFacts,
        devices: Vec<String>,
        mut steps: Vec<VolumeStep>,
    ) {
        let Some(named) = self.storage.mount_at.get(place) else {
            return;
        };
        let for_docker = named == DOCKER_PLACE;
        let mount_point = match for_docker {
            true => self.roots.docker.clone(),
            false => named.clone(),
        };
        let mut directories = vec![mount_point.clone()];
        match &volume.mount_point {
            Some(at) if *at == mount_point => {}
            Some(at) => {
                let observed = format!("{device} is mounted at {at}, not at {mount_point}");
                self.findings.push(left_alone(
                    observed,
                    "unmount it, and run ecs-nanny prepare",
                ));
                return;
            }
            None => steps.push(commands::mount(device, &mount_point)),
        }
        if let (true, Some(root)) = (for_docker, &self.roots.containerd) {
            let source = format!("{mount_point}/ecs-nanny-containerd");
            if !self.bound(root, device) {
                directories.push(root.clone());
                steps.push(commands::directory(&source));
                steps.push(commands::bind(&source, root));
            }
        }
        if let Some(finding) = self.missing_tool(&steps, device) {
            self.findings.push(finding);
            return;
        }
        if steps.is_empty() {
            directories.clear();
        }
        self.plans.push(VolumePlan {
            devices,
            mount_point,
            directories,
            steps,
            for_docker,
        });
    }

    /// Whether something of the device is mounted at a path already.
    fn bound(&self, path: &str, device: &str) -> bool {
        let mut volumes = self.volumes.iter();
        volumes.any(|it| it.device == device && it.binds.iter().any(|bind| bind == path))
    }

    /// A tool that is not there is told before anything is changed.
    fn missing_tool(&self, steps: &[VolumeStep], device: &str) -> Option<Finding> {
        let programs = &self.host.programs;
        let needed = steps.iter().filter_map(|step| step.command.first());
        let missing: BTreeSet<&str> = needed
            .map(String::as_str)
            .filter(|program| !programs.is_empty() && !programs.contains_key(*program))
            .collect();
        let first = missing.first()?;
        let packages: BTreeSet<&str> = missing.iter().map(|it| commands::package(it)).collect();
        let packages: Vec<&str> = packages.into_iter().collect();
        Some(left_alone(
            format!("{device} is not prepared: {first} is not installed"),
            format!("install {} in the image", packages.join(" and ")),
        ))
    }

    fn foreign(&mut self, disk: &VolumeFacts, what: &str) {
        let observed = format!("{} carries {what}, and was not touched", disk.device);
        let remedy = "take it out of storage.instance_store, or empty it with wipefs if nothing on it is needed";
        self.findings.push(left_alone(observed, remedy));
    }
}

fn left_alone(observed: String, remedy: impl Into<std::borrow::Cow<'static, str>>) -> Finding {
    Finding {
        rule: "storage.prepared".into(),
        title: "the volumes of the settings are prepared".into(),
        severity: Severity::Recommended,
        outcome: Outcome::Failed,
        confidence: Confidence::Certain,
        observed,
        required: "each chosen volume empty or with our label, and storage.format = \"on\" for an empty one".into(),
        remedy: remedy.into(),
        source: "docs/prepare.md".into(),
        place: None,
    }
}

#[cfg(test)]
mod tests;
