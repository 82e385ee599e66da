//! A lock file that one process holds, with that process's number in it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// Held as long as this value lives. The file stays: removing it would let two processes lock two files of one name.
#[derive(Debug)]
pub struct Lock {
    _file: Flock<File>,
}

/// Why the lock is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("{} is held by {}", .path.display(), told(*.holder))]
    Held {
        /// The lock file.
        path: PathBuf,
        /// The process, where it has already written its number.
        holder: Option<u32>,
    },
    /// The file cannot be made, locked or written.
    #[error("{} cannot be locked: {source}", .path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

fn told(pid: Option<u32>) -> String {
    pid.map_or("another process".to_owned(), |pid| format!("process {pid}"))
}

/// Takes the lock, or says at once who has it. Child processes do not inherit it.
///
/// # Errors
/// [`LockError`].
pub fn acquire(path: &Path) -> Result<Lock, LockError> {
    let failed = |source| LockError::Io {
        path: path.to_owned(),
        source,
    };
    let file = open(path).map_err(failed)?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(mut file) => {
            sign(&mut file).map_err(failed)?;
            Ok(Lock { _file: file })
        }
        Err((mut file, Errno::EWOULDBLOCK)) => {
            let mut text = String::new();
            let read = file.read_to_string(&mut text);
            Err(LockError::Held {
                path: path.to_owned(),
                holder: read.ok().and_then(|_| text.trim().parse().ok()),
            })
        }
        Err((_, errno)) => Err(failed(errno.into())),
    }
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o644)
        .open(path)
}

fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run/lock");
        let lock = acquire(&path).unwrap();
        let told = acquire(&path).unwrap_err().to_string();
        let expected = format!(
            "{} is held by process {}",
            path.display(),
            std::process::id()
        );
        assert_eq!(told, expected);
        drop(lock);
        drop(acquire(&path).unwrap());
    }

    #[test]
    fn a_longer_old_number_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        fs::write(&path, "99999999999999\n").unwrap();
        let _lock = acquire(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{}\n", std::process::id()));
    }

    #[test]
    fn what_cannot_be_a_lock_file_is_an_error() {
        let error = acquire(Path::new("/proc/sys/lock")).unwrap_err();
        assert!(matches!(error, LockError::Io { .. }), "{error}");
    }
}
