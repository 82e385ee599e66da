use super::*;
use crate::facts::{CgroupFacts, CgroupVersion};

/// A tree with these files; `PATH -> TARGET` makes a symbolic link.
fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
    let directory = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match content.strip_prefix("-> ") {
            Some(target) => std::os::unix::fs::symlink(target, path).unwrap(),
            None => std::fs::write(path, content).unwrap(),
        }
    }
    let root = Root::at(directory.path());
    (directory, root)
}

/// The first 20 bytes of a 64-bit little-endian ELF program.
fn elf(machine: u8) -> String {
    let mut header = b"\x7fELF\x02\x01\x01".to_vec();
    header.resize(16, 0);
    header.extend([3, 0, machine, 0]);
    String::from_utf8(header).unwrap()
}

#[test]
fn the_running_host_is_read() {
    let facts = read(&Root::host());
    assert!(!facts.unbooted);
    assert_eq!(facts.schema, SCHEMA);
    assert!(facts.host.kernel_release.known().is_some());
    assert_eq!(
        facts.host.machine.known().map(String::as_str),
        Some(std::env::consts::ARCH)
    );
    assert!(
        facts
            .host
            .memory
            .known()
            .is_some_and(|memory| memory.total_bytes > 0)
    );
    assert!(
        facts
            .host
            .disks
            .known()
            .is_some_and(|disks| !disks.is_empty())
    );
    assert_eq!(facts.host.paths.len(), PROBED_PATHS.len());
}

#[test]
fn an_unbooted_tree_tells_its_newest_kernel_by_number() {
    let (_directory, root) = tree(&[
        ("lib/modules/6.1.9-9.amzn2023.x86_64/modules.dep", ""),
        (
            "lib/modules/6.1.119-129.201.amzn2023.x86_64/modules.dep",
            "",
        ),
        ("lib/modules/6.12.1-removed/updates/dkms/some.ko", ""),
    ]);
    assert_eq!(
        host(&root).kernel_release,
        Fact::Known("6.1.119-129.201.amzn2023.x86_64".to_owned())
    );
}

#[test]
fn an_empty_tree_says_why_nothing_is_known() {
    let (_directory, root) = tree(&[]);
    let facts = host(&root);
    for why in [
        facts.kernel_release.why_unknown(),
        facts.machine.why_unknown(),
        facts.os_release.why_unknown(),
        facts.memory.why_unknown(),
        facts.disks.why_unknown(),
        facts.cgroup.why_unknown(),
    ] {
        assert!(!why.is_empty() && why != "not known yet", "{why}");
    }
    assert!(!facts.systemd);
    assert_eq!(facts.agent_config[USER_PATH], Fact::Known(None));
}

#[test]
fn machines_are_read_from_programs() {
    for (number, name) in [(62, "x86_64"), (0x3, "i686")] {
        let (_directory, root) = tree(&[
            ("usr/bin/coreutils", &elf(number)),
            ("usr/bin/env", "-> coreutils"),
        ]);
        assert_eq!(host(&root).machine, Fact::Known(name.to_owned()));
    }
    let (_directory, root) = tree(&[("usr/bin/env", "#!/bin/sh\nexit 0 # a script")]);
    assert_eq!(
        host(&root).machine.why_unknown(),
        "/usr/bin/env: not an ELF program"
    );
}

const KNOWN_CONTROLLERS: &str = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n\
    cpuset\t3\t1\t1\ncpu\t1\t1\t1\ncpuacct\t1\t1\t1\nmemory\t0\t1\t0\npids\t8\t1\t1\n";

#[test]
fn a_hybrid_host_has_its_controllers_on_version_1() {
    let (_directory, root) = tree(&[
        ("proc/cgroups", KNOWN_CONTROLLERS),
        (
            "proc/self/mountinfo",
            "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
             32 31 0:29 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n\
             33 31 0:30 / /sys/fs/cgroup/systemd rw shared:10 - cgroup cgroup rw,xattr,name=systemd\n\
             34 31 0:31 / /sys/fs/cgroup/cpu,cpuacct rw shared:11 - cgroup cgroup rw,cpu,cpuacct\n\
             35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
        ),
        ("sys/fs/cgroup/unified/cgroup.controllers", ""),
    ]);
    assert_eq!(
        host(&root).cgroup,
        Fact::Known(CgroupFacts {
            version: CgroupVersion::V1,
            controllers: vec!["cpu".to_owned(), "cpuacct".to_owned()],
        })
    );
}

#[test]
fn the_unified_hierarchy_names_its_controllers() {
    let (_directory, root) = tree(&[
        ("proc/cgroups", KNOWN_CONTROLLERS),
        (
            "sys/fs/cgroup/cgroup.controllers",
            "cpuset cpu io memory hugetlb pids rdma misc\n",
        ),
    ]);
    let cgroup = host(&root).cgroup;
    let cgroup = cgroup.known().unwrap();
    assert_eq!(cgroup.version, CgroupVersion::V2);
    assert_eq!(cgroup.controllers.len(), 8);
    assert_eq!(cgroup.controllers[0], "cpu");
}

#[test]
fn unit_files_tell_what_systemd_would() {
    const UNIT: &str =
        "[Unit]\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
    let wanted = "etc/systemd/system/multi-user.target.wants/docker.service";
    let vendor = "usr/lib/systemd/system/docker.service";
    let link = "-> /usr/lib/systemd/system/docker.service";
    for (files, installed, state) in [
        (vec![], false, None),
        (vec![(vendor, UNIT)], true, Some("disabled")),
        (vec![(vendor, UNIT), (wanted, link)], true, Some("enabled")),
        (vec![(vendor, "[Service]\n")], true, Some("static")),
        (
            vec![
                (vendor, UNIT),
                ("etc/systemd/system/docker.service", "-> /dev/null"),
            ],
            true,
            Some("masked"),
        ),
    ] {
        let (_directory, root) = tree(&files);
        let found = host(&root).units["docker.service"].clone();
        let found = found.known().unwrap();
        assert_eq!(
            (found.installed, found.file_state.as_deref()),
            (installed, state),
            "{files:?}"
        );
    }
}

#[test]
fn configuration_keeps_its_bytes_and_mode() {
    let (directory, root) = tree(&[("etc/ecs/ecs.config", "ECS_CLUSTER=a\n")]);
    let path = directory.path().join("etc/ecs/ecs.config");
    std::fs::write(&path, b"ECS_CLUSTER=\xff\n").unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
    let facts = host(&root);
    let file = facts.agent_config[USER_PATH]
        .known()
        .unwrap()
        .clone()
        .unwrap();
    assert_eq!(file.mode, 0o640);
    assert_eq!(file.content.bytes(), b"ECS_CLUSTER=\xff\n");
}

#[test]
fn drop_ins_add_to_a_unit() {
    let (_directory, root) = tree(&[
        (
            "usr/lib/systemd/system/ecs.service",
            "[Unit]\nAfter=docker.service  cloud-final.service\nAfter =x\n[Service]\nExecStart=/a b\n",
        ),
        (
            "etc/systemd/system/ecs.service.d/10-nanny.conf",
            "[Service]\nRestartPreventExitStatus=5\nExecStart=\nExecStart=/c\n",
        ),
        ("etc/systemd/system/ecs.service.d/notes", "After=y\n"),
    ]);
    let found = host(&root).units["ecs.service"].clone();
    let found = found.known().unwrap();
    assert_eq!(found.after, ["docker.service", "cloud-final.service", "x"]);
    assert_eq!(found.restart_prevented_by, ["5"]);
    assert_eq!(found.command.as_deref(), Some("/c"));
}
