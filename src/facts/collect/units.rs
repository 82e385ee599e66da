//! What unit files tell of a unit, where systemd can't be asked.

use std::fs;
use std::path::Path;

use crate::facts::{Fact, UnitFacts};
use crate::host::files::{Kind, Root};

/// Where an administrator's units and links are (systemd.unit(5)).
const ETC: &str = "/etc/systemd/system";

/// Where unit files are, in systemd's order.
const DIRECTORIES: &[&str] = &[
    ETC,
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// A unit as its files tell it: `UnitFileState` is `masked`, `enabled`, `static` or `disabled`; `ActiveState` is not told.
pub fn from_files(root: &Root, name: &str) -> Fact<UnitFacts> {
    if is_masked(root, name) {
        return told(true, Some("masked"));
    }
    let Some(path) = DIRECTORIES
        .iter()
        .map(|directory| format!("{directory}/{name}"))
        .find(|path| root.kind(path) == Kind::File)
    else {
        return told(false, None);
    };
    let state = if is_wanted(root, name) {
        "enabled"
    } else if has_install_section(root, &path) {
        "disabled"
    } else {
        "static"
    };
    told(true, Some(state))
}

fn told(installed: bool, file_state: Option<&str>) -> Fact<UnitFacts> {
    Fact::Known(UnitFacts {
        installed,
        active_state: None,
        file_state: file_state.map(str::to_owned),
    })
}

/// Masked: a link to `/dev/null`, which [`Root::path`] would follow, so the link itself is read.
fn is_masked(root: &Root, name: &str) -> bool {
    DIRECTORIES.iter().any(|directory| {
        fs::read_link(root.path(directory).join(name))
            .is_ok_and(|target| target == Path::new("/dev/null"))
    })
}

/// Wanted or required by a unit, as `systemctl enable` links it.
fn is_wanted(root: &Root, name: &str) -> bool {
    root.names(ETC)
        .iter()
        .filter(|directory| directory.ends_with(".wants") || directory.ends_with(".requires"))
        .any(|directory| {
            root.names(&format!("{ETC}/{directory}"))
                .iter()
                .any(|unit| unit == name)
        })
}

fn has_install_section(root: &Root, path: &str) -> bool {
    root.read(path).is_ok_and(|file| {
        String::from_utf8_lossy(&file.bytes)
            .lines()
            .any(|line| line.trim() == "[Install]")
    })
}
