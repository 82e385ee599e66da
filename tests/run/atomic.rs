//! The vendor layer holds the old or the new content, whenever the writer is killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use ecs_nanny::host::files::replace;

use super::wait::{PATIENCE, eventually};
use super::world::{VENDOR_CONFIG, World};

/// Set in the writer, to the file that it writes.
const FILE: &str = "ECS_NANNY_TEST_FILE";

/// Long enough for a write to be under way at most moments.
const LENGTH: usize = 512 * 1024;

fn is_whole(content: &[u8]) -> bool {
    content.len() == LENGTH && content.iter().all(|byte| *byte == content[0])
}

/// Not a test of its own: the writer that the test below kills.
#[test]
fn writer() {
    let Some(file) = std::env::var_os(FILE).map(PathBuf::from) else {
        return;
    };
    for letter in (b'a'..=b'z').cycle() {
        replace(&file, 0o600, &[letter; LENGTH]).unwrap();
    }
}

#[test]
fn a_file_is_whole_whenever_its_writer_is_killed() {
    const KILLS: u32 = 200;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ecs.config");
    replace(&file, 0o600, &[b'0'; LENGTH]).unwrap();
    let mut changed = 0;
    for _ in 0..KILLS {
        let before = fs::read(&file).unwrap();
        kill_a_writer(&file);
        let after = fs::read(&file).unwrap();
        assert!(is_whole(&after), "{} bytes", after.len());
        changed += u32::from(before != after);
    }
    assert!(changed > 0, "no writer came to write");
}

fn kill_a_writer(file: &Path) {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "atomic::writer"])
        .env(FILE, file)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Not a wait for anything: the moment of the kill is what varies.
    std::thread::sleep(Duration::from_micros(fastrand::u64(..40_000)));
    writer.kill().unwrap();
    writer.wait().unwrap();
}

#[tokio::test]
async fn the_vendor_layer_is_whole_whenever_the_daemon_is_killed() {
    const KILLS: u32 = 12;
    let mut world = World::healthy().await;
    let planned = String::from_utf8(world.read(VENDOR_CONFIG)).unwrap();
    let mut written = 0;
    for kill in 0..KILLS {
        world.kill_nanny().await;
        let old = format!("OF_THE_IMAGE={kill}\n");
        let new = format!("{old}{planned}");
        world.write(VENDOR_CONFIG, &old);
        world.start();
        // Not a wait for anything, either; ever longer, since on a busy machine it takes its time to come to write.
        let longest = 300 * (u64::from(kill) + 1);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..longest))).await;
        world.kill_nanny().await;
        let content = String::from_utf8(world.read(VENDOR_CONFIG)).unwrap();
        assert!(content == old || content == new, "{content}");
        written += u32::from(content == new);
        world.start();
    }
    assert!(written > 0, "it was killed before each write");
    eventually("written in the end", PATIENCE, async || {
        let content = String::from_utf8(world.read(VENDOR_CONFIG)).unwrap();
        let done = content.contains("awslogs");
        done.then_some(()).ok_or(content)
    })
    .await;
}
