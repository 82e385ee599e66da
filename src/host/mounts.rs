//! Mounts: the kernel's table of them, and mount(8) and umount(8), called by their arguments with a deadline.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, getpgid, getpgrp};

use super::files::{Kind, Root};
use super::program::{self, ProgramError};

/// The mounts of this process's namespace (proc_pid_mountinfo(5)).
const TABLE: &str = "/proc/self/mountinfo";

/// Where mount(8) looks for the helper of a type (`FS_SEARCH_PATH` of util-linux).
const HELPER_DIRECTORIES: [&str; 3] = ["/sbin", "/sbin/fs.d", "/sbin/fs"];

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where.
    pub target: String,
    /// Its type, for example `nfs4`.
    pub fs_type: String,
    /// What is mounted, for example `127.0.0.1:/`.
    pub source: String,
}

/// The mounts that this process sees, the oldest first.
///
/// # Errors
/// Those of reading `/proc/self/mountinfo`.
pub fn table() -> io::Result<Vec<Mount>> {
    Ok(parse(&String::from_utf8_lossy(&fs::read(TABLE)?)))
}

/// The lines of a mountinfo; one that can't be read is passed over.
pub fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<Mount> {
    // Between the fixed fields and the last three stand as many optional ones as there are.
    let (head, tail) = line.split_once(" - ")?;
    let mut tail = tail.split(' ');
    Some(Mount {
        target: unescaped(head.split(' ').nth(4)?),
        fs_type: unescaped(tail.next()?),
        source: unescaped(tail.next()?),
    })
}

/// Blanks, line ends and backslashes stand as three octal digits.
fn unescaped(field: &str) -> String {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = (*first == b'\\').then(|| after.get(..3)).flatten();
        let octal = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some(byte) = octal {
            bytes.push(byte);
            rest = &after[3..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The program that mounts a type, `None` where it is not installed.
pub fn helper(root: &Root, fs_type: &str) -> Option<String> {
    HELPER_DIRECTORIES
        .iter()
        .map(|directory| format!("{directory}/mount.{fs_type}"))
        .find(|path| root.kind(path) == Kind::File)
}

/// Mounts a device. Options may hold where credentials are had, so errors don't show them.
///
/// # Errors
/// [`ProgramError`]; at the deadline mount(8) and its helper are killed. It may be mounted all the same.
pub async fn mount(
    fs_type: &str,
    options: Option<&str>,
    device: &str,
    target: &str,
    deadline: Duration,
) -> Result<(), ProgramError> {
    let mut args = vec!["-t", fs_type];
    if let Some(options) = options {
        args.extend(["-o", options]);
    }
    args.extend(["--", device, target]);
    let shown = format!("mount -t {fs_type} {device} {target}");
    program::run_group("mount", &args, &shown, deadline).await
}

/// Takes a mount off the tree without asking its server, which may be out of reach for good: the network namespace of a
/// task ends before its volumes are unmounted. Processes that use it keep it.
///
/// # Errors
/// [`ProgramError`].
pub async fn unmount_lazily(target: &str, deadline: Duration) -> Result<(), ProgramError> {
    // Not canonicalised: that would ask the server.
    let args = ["--lazy", "--no-canonicalize", "--", target];
    let shown = format!("umount --lazy {target}");
    program::run_group("umount", &args, &shown, deadline).await
}

/// Ends what a process that was killed left mounting or unmounting at a target, and waits until it has ended, which takes no longer
/// than a few seconds. Returns how many process groups there were.
pub async fn end_abandoned(target: &str) -> usize {
    const LOOK: Duration = Duration::from_millis(20);
    const LOOKS: u32 = 250;
    let groups = mounting(target);
    for group in &groups {
        if let Err(error) = killpg(*group, Signal::SIGKILL) {
            tracing::debug!("process group {group} could not be killed: {error}");
        }
    }
    for _ in 0..LOOKS {
        if mounting(target).is_empty() {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    groups.len()
}

/// The process groups in which mount(8) or a helper works on a target.
fn mounting(target: &str) -> Vec<Pid> {
    let mut groups: Vec<Pid> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| is_mounting(*pid, target))
        .filter_map(|pid| getpgid(Some(Pid::from_raw(pid))).ok())
        .filter(|group| *group != getpgrp())
        .collect();
    groups.sort();
    groups.dedup();
    groups
}

/// Whether a process is mount(8), a helper of it or umount(8), called with a target. A helper may be a script, whose interpreter
/// comes first.
fn is_mounting(pid: i32, target: &str) -> bool {
    let Ok(command) = fs::read(format!("/proc/{pid}/cmdline")) else {
        return false;
    };
    let words: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
    let is_mount = |word: &&[u8]| {
        Path::new(&*String::from_utf8_lossy(word))
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| matches!(name, "mount" | "umount") || name.starts_with("mount."))
    };
    words.iter().take(2).any(is_mount) && words.contains(&target.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_any_number_of_optional_fields_are_read() {
        let text = r"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
40 35 0:55 / /var/lib/ecs/volumes/a\040b rw,relatime shared:7 master:2 - nfs4 127.0.0.1:/ rw,vers=4.1
41 35 0:56 / /x rw - tmpfs a\134b rw
broken
";
        let mount = |target: &str, fs_type: &str, source: &str| Mount {
            target: target.to_owned(),
            fs_type: fs_type.to_owned(),
            source: source.to_owned(),
        };
        assert_eq!(
            parse(text),
            [
                mount("/mnt2", "ext3", "/dev/root"),
                mount("/var/lib/ecs/volumes/a b", "nfs4", "127.0.0.1:/"),
                mount("/x", "tmpfs", r"a\b"),
            ]
        );
    }

    #[test]
    fn this_process_has_a_root() {
        assert!(table().unwrap().iter().any(|mount| mount.target == "/"));
    }

    #[test]
    fn a_helper_is_looked_for_where_mount_does() {
        let tree = tempfile::tempdir().unwrap();
        let root = Root::at(tree.path());
        assert_eq!(helper(&root, "efs"), None);
        fs::create_dir_all(tree.path().join("usr/sbin")).unwrap();
        std::os::unix::fs::symlink("usr/sbin", tree.path().join("sbin")).unwrap();
        fs::write(tree.path().join("usr/sbin/mount.efs"), "").unwrap();
        assert_eq!(helper(&root, "efs").as_deref(), Some("/sbin/mount.efs"));
    }

    #[tokio::test]
    async fn a_mount_that_was_left_alone_is_ended_with_its_group() {
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("mount.slow");
        fs::write(&script, "sleep 1000\n").unwrap();
        let target = directory.path().join("target").display().to_string();
        let mut helper = std::os::unix::process::CommandExt::process_group(
            std::process::Command::new("sh")
                .arg(&script)
                .args(["device", &target]),
            0,
        )
        .spawn()
        .unwrap();
        // Between fork and exec it is still this program.
        while mounting(&target).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(end_abandoned("/another").await, 0);
        let ending = tokio::task::spawn_blocking(move || helper.wait().unwrap());
        assert_eq!(end_abandoned(&target).await, 1);
        assert!(!ending.await.unwrap().success());
        assert!(mounting(&target).is_empty());
    }
}
