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
        return Fact::Known(UnitFacts {
            installed: true,
            file_state: Some("masked".to_owned()),
            ..UnitFacts::default()
        });
    }
    let Some(path) = DIRECTORIES
        .iter()
        .map(|directory| format!("{directory}/{name}"))
        .find(|path| root.kind(path) == Kind::File)
    else {
        return Fact::Known(UnitFacts::default());
    };
    let state = if is_wanted(root, name) {
        "enabled"
    } else if has_install_section(root, &path) {
        "disabled"
    } else {
        "static"
    };
    let lines = lines(root, name, &path);
    let values = |key: &str| -> Vec<String> {
        let values = lines.iter().filter_map(|line| value(line, key));
        let words = values.flat_map(str::split_whitespace);
        words.map(str::to_owned).collect()
    };
    let whole = |key: &str| -> Vec<String> {
        let values = lines.iter().filter_map(|line| value(line, key));
        values.map(str::to_owned).collect()
    };
    Fact::Known(UnitFacts {
        installed: true,
        active_state: None,
        file_state: Some(state.to_owned()),
        after: values("After"),
        restart_prevented_by: values("RestartPreventExitStatus"),
        environment: whole("Environment"),
        environment_files: whole("EnvironmentFile"),
        command: lines
            .iter()
            .filter_map(|line| value(line, "ExecStart"))
            .next_back()
            .map(str::to_owned),
    })
}

/// The lines of a unit's file and then of its drop-ins, which systemd reads by name whatever directory they are in.
fn lines(root: &Root, name: &str, path: &str) -> Vec<String> {
    let mut drop_ins: Vec<(String, String)> = DIRECTORIES
        .iter()
        .map(|directory| format!("{directory}/{name}.d"))
        .flat_map(|directory| {
            let names = root.names(&directory).into_iter();
            names.map(move |file| (file.clone(), format!("{directory}/{file}")))
        })
        .filter(|(file, _)| file.ends_with(".conf"))
        .collect();
    drop_ins.sort();
    std::iter::once(path.to_owned())
        .chain(drop_ins.into_iter().map(|(_, path)| path))
        .filter_map(|path| root.line(&path))
        .flat_map(|text| {
            // A backslash at the end goes on with the next line (systemd.syntax(7)).
            let text = text.replace("\\\n", " ");
            let lines = text.lines().map(|line| line.trim().to_owned());
            lines.collect::<Vec<_>>()
        })
        .collect()
}

/// The value that a line sets; an empty one, which takes back what was said, is none.
fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let value = line.strip_prefix(key)?.trim_start().strip_prefix('=')?;
    Some(value.trim()).filter(|value| !value.is_empty())
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
