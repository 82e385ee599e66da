use std::collections::BTreeMap;

use super::*;
use crate::facts::Facts;
use crate::host::volumes::Signature;
use crate::settings::{FileSystem, Settings};

fn disk(name: &str, signature: Option<(&str, &str)>) -> VolumeFacts {
    VolumeFacts {
        device: format!("/dev/{name}"),
        kind: "disk".to_owned(),
        bytes: 1 << 40,
        model: INSTANCE_STORE.to_owned(),
        signature: Fact::Known(signature.map(|(kind, label)| Signature {
            kind: kind.to_owned(),
            label: (!label.is_empty()).then(|| label.to_owned()),
        })),
        ..VolumeFacts::default()
    }
}

fn storage() -> Storage {
    Storage {
        instance_store: vec![ALL_VOLUMES.to_owned()],
        format: Switch::On,
        mount_at: vec![DOCKER_PLACE.to_owned(), "/scratch".to_owned()],
        ..Storage::default()
    }
}

/// The command lines, and what is told.
fn decided(storage: Storage, volumes: Vec<VolumeFacts>) -> (Vec<String>, Vec<String>) {
    let settings = Settings {
        storage,
        ..Settings::default()
    };
    let mut facts = Facts::default();
    facts.host.volumes = Fact::Known(volumes);
    facts.host.programs = [
        "mkfs.ext4",
        "mkfs.xfs",
        "mount",
        "mkdir",
        "resize2fs",
        "growpart",
    ]
    .map(|name| (name.to_owned(), format!("/usr/sbin/{name}")))
    .into_iter()
    .collect::<BTreeMap<_, _>>();
    if settings.storage.layout == Layout::Raid0 {
        facts
            .host
            .programs
            .insert("mdadm".to_owned(), String::new());
    }
    let config = crate::plan::inputs::agent_config(&settings, &facts);
    let inputs = Inputs::new(&settings, &facts, &config);
    let roots = DataRoots {
        docker: "/var/lib/docker".to_owned(),
        containerd: None,
    };
    let (plans, findings) = plan(&inputs, &roots);
    let steps = plans.iter().flat_map(|plan| &plan.steps);
    (
        steps.map(|step| step.command.join(" ")).collect(),
        findings.into_iter().map(|it| it.observed).collect(),
    )
}

#[test]
fn empty_disks_are_formatted_where_that_is_asked_and_labelled_ones_never() {
    let (steps, told) = decided(storage(), vec![disk("nvme1n1", None)]);
    assert_eq!(
        steps,
        [
            "mkfs.ext4 -q -m 0 -E nodiscard -L ecs-nanny-0 /dev/nvme1n1",
            "mount -o noatime /dev/nvme1n1 /var/lib/docker"
        ]
    );
    assert_eq!(told, [""; 0]);

    let off = Storage {
        format: Switch::Off,
        ..storage()
    };
    let (steps, told) = decided(off, vec![disk("nvme1n1", None)]);
    assert_eq!(steps, [""; 0]);
    assert_eq!(told, ["/dev/nvme1n1 is empty, and storage.format is off"]);

    // The kernel has counted the other way round at this boot.
    let ours = vec![
        disk("nvme1n1", Some(("ext4", "ecs-nanny-1"))),
        disk("nvme2n1", Some(("ext4", "ecs-nanny-0"))),
    ];
    let (steps, told) = decided(storage(), ours.clone());
    assert_eq!(
        steps,
        [
            "mount -o noatime /dev/nvme2n1 /var/lib/docker",
            "mount -o noatime /dev/nvme1n1 /scratch"
        ]
    );
    assert_eq!(told, [""; 0]);

    let mounted = |mut disk: VolumeFacts, at: &str| {
        disk.mount_point = Some(at.to_owned());
        disk
    };
    let again = vec![
        mounted(ours[0].clone(), "/scratch"),
        mounted(ours[1].clone(), "/var/lib/docker"),
    ];
    assert_eq!(decided(storage(), again), (vec![], vec![]));
}

#[test]
fn whatever_is_not_ours_is_left_alone() {
    let unreadable = VolumeFacts {
        signature: Fact::Unreadable("input/output error".to_owned()),
        ..disk("nvme9n1", None)
    };
    for (standing, told_of) in [
        (disk("nvme1n1", Some(("ext4", "data"))), "ext4 \"data\""),
        (disk("nvme1n1", Some(("xfs", ""))), "xfs"),
        (disk("nvme1n1", Some(("gpt", ""))), "gpt"),
        (disk("nvme1n1", Some(("LVM2_member", ""))), "LVM2_member"),
        (
            disk("nvme1n1", Some(("linux_raid_member", "host:0"))),
            "linux_raid_member \"host:0\"",
        ),
        (
            disk("nvme1n1", Some(("swap", "ecs-nanny-0"))),
            "swap \"ecs-nanny-0\"",
        ),
        (
            unreadable,
            "something that can't be told: input/output error",
        ),
    ] {
        for layout in [Layout::Single, Layout::Raid0] {
            let storage = Storage {
                layout,
                ..storage()
            };
            let (steps, told) = decided(storage, vec![standing.clone(), disk("nvme2n1", None)]);
            let expected = format!("{} carries {told_of}, and was not touched", standing.device);
            assert_eq!(told, [expected]);
            assert!(
                steps.iter().all(|step| !step.contains(&standing.device)),
                "{steps:?}"
            );
            // In an array they belong together; by themselves the other one is used.
            assert_eq!(steps.is_empty(), layout == Layout::Raid0, "{steps:?}");
        }
    }
}

#[test]
fn only_instance_store_is_all_and_others_can_be_named() {
    let mut ebs = disk("nvme0n1", None);
    ebs.model = "Amazon Elastic Block Store".to_owned();
    assert_eq!(decided(storage(), vec![ebs.clone()]), (vec![], vec![]));
    let named = Storage {
        instance_store: vec!["nvme0n1".to_owned(), "nvme7n1".to_owned()],
        file_system: FileSystem::Xfs,
        ..storage()
    };
    let (steps, told) = decided(named, vec![ebs]);
    assert_eq!(
        steps[0],
        "mkfs.xfs -q -K -n ftype=1 -L ecs-nanny-0 /dev/nvme0n1"
    );
    assert_eq!(
        told,
        ["there is no /dev/nvme7n1, named in storage.instance_store"]
    );
}

#[test]
fn a_disk_without_a_place_is_told() {
    let disks = ["nvme1n1", "nvme2n1", "nvme3n1"].map(|name| disk(name, None));
    let (steps, told) = decided(storage(), disks.to_vec());
    assert_eq!(steps.len(), 4);
    assert_eq!(told, ["/dev/nvme3n1 has no place in storage.mount_at"]);
}

#[test]
fn an_array_is_made_found_and_assembled() {
    let raid = || Storage {
        layout: Layout::Raid0,
        ..storage()
    };
    let names = ["nvme1n1", "nvme2n1"];
    let (steps, _) = decided(raid(), names.map(|name| disk(name, None)).to_vec());
    assert_eq!(
        steps,
        [
            "mdadm --create /dev/md/ecs-nanny --level=0 --raid-devices=2 --name=ecs-nanny --homehost=any /dev/nvme1n1 /dev/nvme2n1",
            "mkfs.ext4 -q -m 0 -E nodiscard -L ecs-nanny-0 /dev/md/ecs-nanny",
            "mount -o noatime /dev/md/ecs-nanny /var/lib/docker"
        ]
    );
    let members = names.map(|name| disk(name, Some(("linux_raid_member", "any:ecs-nanny"))));
    let (steps, told) = decided(raid(), members.to_vec());
    assert_eq!(
        steps,
        [
            "mdadm --assemble /dev/md/ecs-nanny /dev/nvme1n1 /dev/nvme2n1",
            "mount -o noatime /dev/md/ecs-nanny /var/lib/docker"
        ]
    );
    assert_eq!(told, [""; 0]);

    // udev assembles it by itself, under whatever number.
    let array = VolumeFacts {
        kind: "raid0".to_owned(),
        parents: members.iter().map(|it| it.device.clone()).collect(),
        ..disk("md127", Some(("ext4", "ecs-nanny-0")))
    };
    let (steps, told) = decided(raid(), [&members[..], &[array]].concat());
    assert_eq!(steps, ["mount -o noatime /dev/md127 /var/lib/docker"]);
    assert_eq!(told, [""; 0]);

    // One disk was replaced: what was on the array is lost, and that is for a person to say.
    let half = vec![members[0].clone(), disk("nvme2n1", None)];
    let (steps, told) = decided(raid(), half);
    assert_eq!(steps, [""; 0]);
    assert!(told[0].starts_with("only 1 of"), "{told:?}");

    // An array of one disk is that disk.
    let (steps, _) = decided(raid(), vec![disk("nvme1n1", None)]);
    assert!(steps[0].starts_with("mkfs.ext4"), "{steps:?}");
}

#[test]
fn a_missing_tool_is_told_before_anything_is_changed() {
    let storage = Storage {
        instance_store: vec![],
        grow: vec!["/data".to_owned()],
        ..storage()
    };
    let volume = VolumeFacts {
        mount_point: Some("/data".to_owned()),
        file_system_bytes: Some(1 << 30),
        ..disk("nvme1n1", Some(("xfs", "")))
    };
    let (steps, told) = decided(storage, vec![volume]);
    assert_eq!(steps, [""; 0]);
    assert_eq!(
        told,
        ["/dev/nvme1n1 is not prepared: xfs_growfs is not installed"]
    );
}

#[test]
fn what_has_become_larger_is_grown_and_nothing_else() {
    let storage = || Storage {
        instance_store: vec![],
        grow: vec!["/data".to_owned()],
        ..storage()
    };
    let whole = |bytes| VolumeFacts {
        mount_point: Some("/data".to_owned()),
        file_system_bytes: Some(bytes),
        ..disk("nvme1n1", Some(("ext4", "")))
    };
    assert_eq!(
        decided(storage(), vec![whole(1 << 39)]).0,
        ["resize2fs /dev/nvme1n1"]
    );
    assert_eq!(
        decided(storage(), vec![whole((1 << 40) - 4096)]),
        (vec![], vec![])
    );

    let mut part = whole(1 << 38);
    part.device = "/dev/nvme1n1p2".to_owned();
    part.kind = "part".to_owned();
    part.bytes = 1 << 38;
    part.parents = vec!["/dev/nvme1n1".to_owned()];
    let (steps, told) = decided(storage(), vec![disk("nvme1n1", Some(("gpt", ""))), part]);
    assert_eq!(
        steps,
        ["growpart /dev/nvme1n1 2", "resize2fs /dev/nvme1n1p2"]
    );
    assert_eq!(told, [""; 0]);

    let (_, told) = decided(storage(), vec![disk("nvme1n1", None)]);
    assert_eq!(told, ["nothing is mounted at /data, named in storage.grow"]);
}
