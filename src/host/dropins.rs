//! Drop-in settings files: `/etc` over `/run` over `/usr/lib` for one file name; across names the later name wins.

use std::io;
use std::path::PathBuf;

use super::files::Root;

/// The directories, the strongest last.
const BASES: [&str; 3] = ["/usr/lib", "/run", "/etc"];

/// One drop-in file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropIn {
    /// Its path.
    pub path: String,
    /// Its content; bytes that are not UTF-8 are replaced.
    pub text: String,
}

/// The files `*.toml` below `ecs-nanny/config.d`, in the order in which they apply. An empty file, or a link to
/// `/dev/null`, masks the file of its name in weaker directories.
///
/// # Errors
/// The path that could not be read, and why.
pub fn read(root: &Root) -> Result<Vec<DropIn>, (String, io::Error)> {
    let directories = directories().map(|directory| root.path(&directory));
    let found = liboverdrop::scan(&directories, ".", &["toml"], true);
    found
        .into_values()
        .map(|path| {
            let inside = inside(root, &path);
            let bytes = std::fs::read(&path).map_err(|error| (inside.clone(), error))?;
            Ok(DropIn {
                path: inside,
                text: String::from_utf8_lossy(&bytes).into_owned(),
            })
        })
        .collect()
}

/// The directories that are looked at, the strongest last.
pub fn directories() -> [String; 3] {
    BASES.map(|base| format!("{base}/ecs-nanny/config.d"))
}

/// The path as the host itself would call it.
fn inside(root: &Root, path: &std::path::Path) -> String {
    let below = path.strip_prefix(root.path("/")).unwrap_or(path);
    let mut inside = PathBuf::from("/");
    inside.extend(below.components().filter(|part| {
        !matches!(
            part,
            std::path::Component::CurDir | std::path::Component::RootDir
        )
    }));
    inside.display().to_string()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn names_decide_the_order_and_etc_wins_for_one_name() {
        let tree = tempfile::tempdir().unwrap();
        for (directory, name, text) in [
            ("usr/lib", "10-vendor.toml", "vendor"),
            ("usr/lib", "50-both.toml", "weak"),
            ("run", "50-both.toml", "weaker than etc"),
            ("etc", "50-both.toml", "strong"),
            ("etc", "20-site.toml", "site"),
            ("etc", "30-note.txt", "not a setting"),
        ] {
            let directory = tree.path().join(directory).join("ecs-nanny/config.d");
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join(name), text).unwrap();
        }
        let masked = tree
            .path()
            .join("usr/lib/ecs-nanny/config.d/60-masked.toml");
        fs::write(&masked, "masked").unwrap();
        std::os::unix::fs::symlink(
            "/dev/null",
            tree.path().join("etc/ecs-nanny/config.d/60-masked.toml"),
        )
        .unwrap();
        let read = read(&Root::at(tree.path())).unwrap();
        let seen: Vec<_> = read
            .iter()
            .map(|file| (file.path.as_str(), file.text.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                ("/usr/lib/ecs-nanny/config.d/10-vendor.toml", "vendor"),
                ("/etc/ecs-nanny/config.d/20-site.toml", "site"),
                ("/etc/ecs-nanny/config.d/50-both.toml", "strong"),
            ]
        );
    }
}
