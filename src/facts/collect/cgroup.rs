//! Which control groups are mounted.

use std::collections::BTreeSet;

use crate::facts::{CgroupFacts, CgroupVersion, Fact};
use crate::host::files::Root;

use super::text;

/// Control groups as `/sys/fs/cgroup` and the mount table show them. Where both hierarchies are mounted (`hybrid`, with
/// the second at `/sys/fs/cgroup/unified`), controllers are on the first, and so is Docker. A booted host where nothing
/// is mounted is version 1 with no controllers.
pub fn cgroup(root: &Root) -> Fact<CgroupFacts> {
    if let Some(controllers) = root.line("/sys/fs/cgroup/cgroup.controllers") {
        return Fact::Known(CgroupFacts {
            version: CgroupVersion::V2,
            controllers: sorted(controllers.split_whitespace()),
        });
    }
    match (
        text(root, "/proc/cgroups"),
        text(root, "/proc/self/mountinfo"),
    ) {
        (Ok(known), Ok(mounts)) => Fact::Known(CgroupFacts {
            version: CgroupVersion::V1,
            controllers: mounted_controllers(&known, &mounts),
        }),
        (Err(why), _) | (_, Err(why)) => Fact::Unreadable(why),
    }
}

/// Controllers that the kernel knows, that are enabled, and that a hierarchy is mounted for.
fn mounted_controllers(known: &str, mounts: &str) -> Vec<String> {
    let options: BTreeSet<&str> = mounts
        .lines()
        .filter_map(cgroup_options)
        .flatten()
        .collect();
    sorted(
        known
            .lines()
            .filter_map(enabled_controller)
            .filter(|name| options.contains(name)),
    )
}

/// The super-block options of a version 1 hierarchy; its controllers are among them (proc_pid_mountinfo(5)).
fn cgroup_options(mount: &str) -> Option<impl Iterator<Item = &str>> {
    let (_, tail) = mount.split_once(" - ")?;
    let mut fields = tail.split_whitespace();
    (fields.next()? == "cgroup").then_some(())?;
    Some(fields.nth(1)?.split(','))
}

/// The name in a line of `/proc/cgroups` (`memory 9 86 1`, tabs between) whose last field is 1 (cgroups(7)).
fn enabled_controller(line: &str) -> Option<&str> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    match fields[..] {
        [name, _, _, "1"] if !name.starts_with('#') => Some(name),
        _ => None,
    }
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let names: BTreeSet<&str> = names.collect();
    names.into_iter().map(str::to_owned).collect()
}
