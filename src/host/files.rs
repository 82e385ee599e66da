//! Files through a root directory, and files replaced so that a reader or a power cut sees the old or the new content.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// The most that is read of one file, in bytes; a file that grows while it is read ends here.
pub const READ_LIMIT: u64 = 8 * 1024 * 1024;

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Nothing.
    Absent,
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A socket.
    Socket,
    /// A device or anything else.
    Other,
}

/// A file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFile {
    /// Its content.
    pub bytes: Vec<u8>,
    /// Its permission bits.
    pub mode: u32,
}

/// A directory that stands for `/`, so that a recorded tree or an unbooted image is read like the running host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root(PathBuf);

impl Root {
    /// The running host.
    pub fn host() -> Self {
        Root(PathBuf::from("/"))
    }

    /// Another tree.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Root(directory.into())
    }

    /// True for the running host.
    pub fn is_host(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// The path on this machine of an absolute path inside the tree. Symbolic links inside the tree that are absolute
    /// are followed inside it (an image's `/etc/os-release` may point to `/usr/lib/os-release`).
    pub fn path(&self, inside: &str) -> PathBuf {
        if self.is_host() {
            return PathBuf::from(inside);
        }
        self.resolve(Path::new(inside), 0)
    }

    fn resolve(&self, inside: &Path, depth: u32) -> PathBuf {
        // As many links as Linux follows in one path (path_resolution(7)).
        const LINKS: u32 = 40;
        let mut resolved = PathBuf::new();
        let mut parts = inside.components().peekable();
        while let Some(part) = parts.next() {
            match part {
                Component::Normal(name) => {
                    let candidate = self.0.join(&resolved).join(name);
                    let link = fs::read_link(&candidate);
                    if let (Ok(target), true) = (link, depth < LINKS) {
                        let base = if target.is_absolute() {
                            PathBuf::new()
                        } else {
                            resolved
                        };
                        let rest: PathBuf = parts.collect();
                        return self.resolve(&base.join(target).join(rest), depth + 1);
                    }
                    resolved.push(name);
                }
                Component::ParentDir => {
                    resolved.pop();
                }
                Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            }
        }
        self.0.join(resolved)
    }

    /// Reads a whole file, at most [`READ_LIMIT`] bytes.
    ///
    /// # Errors
    /// Those of opening and reading; a longer file is `FileTooLarge`.
    pub fn read(&self, inside: &str) -> io::Result<ReadFile> {
        let mut file = File::open(self.path(inside))?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        let mut bytes = Vec::new();
        (&mut file).take(READ_LIMIT + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > READ_LIMIT {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("{inside} is larger than {READ_LIMIT} bytes"),
            ));
        }
        Ok(ReadFile {
            bytes,
            mode: metadata.permissions().mode() & 0o7777,
        })
    }

    /// Reads a whole file; `None` where there is none.
    ///
    /// # Errors
    /// Those of [`Root::read`] but for absence.
    pub fn read_if_present(&self, inside: &str) -> io::Result<Option<ReadFile>> {
        match self.read(inside) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A short text file without its surrounding white space; `None` where it is absent or unreadable.
    pub fn line(&self, inside: &str) -> Option<String> {
        let bytes = self.read(inside).ok()?.bytes;
        Some(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// What stands at a path, links followed.
    pub fn kind(&self, inside: &str) -> Kind {
        match fs::metadata(self.path(inside)) {
            Err(_) => Kind::Absent,
            Ok(metadata) if metadata.is_dir() => Kind::Directory,
            Ok(metadata) if metadata.is_file() => Kind::File,
            Ok(metadata) if metadata.file_type().is_socket() => Kind::Socket,
            Ok(_) => Kind::Other,
        }
    }

    /// Where the symbolic link at a path points; `None` where there is no link.
    pub fn link_target(&self, inside: &str) -> Option<PathBuf> {
        fs::read_link(self.own_path(inside)).ok()
    }

    /// The path on this machine of a name itself: links on the way are followed, one that stands there is not.
    pub fn own_path(&self, inside: &str) -> PathBuf {
        let inside = Path::new(inside);
        let directory = inside.parent().unwrap_or(Path::new("/"));
        self.path(&directory.to_string_lossy())
            .join(inside.file_name().unwrap_or_default())
    }

    /// Names in a directory, sorted; empty where there is none.
    pub fn names(&self, inside: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(inside)) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }
}

/// Replaces a file: a temporary file in the same directory (for SELinux labels), mode set, file synced, renamed,
/// directory synced. Temporary files of writers that were killed are removed. Missing directories are made with mode 0755. Nothing is written when content and mode are equal.
/// Returns whether the file changed.
///
/// # Errors
/// Any I/O error; the old content is then still in place.
pub fn replace(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<bool> {
    let directory = path
        .parent()
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    if unchanged(path, mode, bytes) {
        return Ok(false);
    }
    fs::create_dir_all(directory)?;
    let mut prefix = OsString::from(".ecs-nanny-");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push("-");
    remove_abandoned(directory, &prefix);
    let mut temporary = tempfile::Builder::new()
        .prefix(&prefix)
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(directory)?;
    temporary.write_all(bytes)?;
    // The mode asked of open(2) is cut by the umask.
    temporary
        .as_file()
        .set_permissions(Permissions::from_mode(mode))?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()?;
    Ok(true)
}

/// Removes temporary files that nobody writes any more.
fn remove_abandoned(directory: &Path, prefix: &OsStr) {
    /// No write of ours takes as long.
    const ABANDONED: Duration = Duration::from_secs(60);
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let temporary = name
            .as_encoded_bytes()
            .starts_with(prefix.as_encoded_bytes());
        let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        if temporary && age().is_some_and(|age| age > ABANDONED) {
            // What can't be removed does no harm.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn unchanged(path: &Path, mode: u32, bytes: &[u8]) -> bool {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return false;
    };
    metadata.is_file()
        && metadata.permissions().mode() & 0o7777 == mode
        && metadata.len() == bytes.len() as u64
        && fs::read(path).is_ok_and(|old| old == bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_links_stay_inside_the_tree() {
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir_all(tree.path().join("usr/lib")).unwrap();
        fs::create_dir_all(tree.path().join("etc")).unwrap();
        fs::write(tree.path().join("usr/lib/os-release"), "ID=inside\n").unwrap();
        std::os::unix::fs::symlink("/usr/lib/os-release", tree.path().join("etc/os-release"))
            .unwrap();
        let root = Root::at(tree.path());
        assert_eq!(root.line("/etc/os-release").as_deref(), Some("ID=inside"));
        assert_eq!(
            root.line("/../../etc/os-release").as_deref(),
            Some("ID=inside")
        );
        assert_eq!(
            root.link_target("/etc/os-release").as_deref(),
            Some(Path::new("/usr/lib/os-release"))
        );
        assert_eq!(root.link_target("/usr/lib/os-release"), None);
    }

    #[test]
    fn links_in_a_circle_end() {
        let tree = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/a", tree.path().join("b")).unwrap();
        std::os::unix::fs::symlink("/b", tree.path().join("a")).unwrap();
        assert_eq!(Root::at(tree.path()).kind("/a"), Kind::Absent);
    }

    #[test]
    fn what_a_killed_writer_left_is_removed_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let hour_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
        let others = [
            ".ecs-nanny-other-1",
            "file-1",
            ".ecs-nanny-file-being-written",
        ];
        for name in [".ecs-nanny-file-1", ".ecs-nanny-file-2"]
            .iter()
            .chain(&others)
        {
            let file = File::create(directory.path().join(name)).unwrap();
            if !name.ends_with("written") {
                file.set_modified(hour_ago).unwrap();
            }
        }
        replace(&path, 0o600, b"one").unwrap();
        let mut left = Root::at(directory.path()).names("/");
        left.retain(|name| name != "file");
        let mut expected = others.map(str::to_owned);
        expected.sort();
        assert_eq!(left, expected);
    }

    #[test]
    fn replacing_writes_only_a_change() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/er/file");
        assert!(replace(&path, 0o600, b"one").unwrap());
        assert!(!replace(&path, 0o600, b"one").unwrap());
        assert!(replace(&path, 0o640, b"one").unwrap());
        assert!(replace(&path, 0o640, b"two").unwrap());
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, 0o640);
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
