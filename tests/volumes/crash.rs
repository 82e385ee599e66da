//! The plugin is killed at every step, and no mount is left and no count lost.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ecs_nanny::volumes::{SOCKET, STATE_FILE};
use inotify::{Inotify, WatchMask};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::site::{STORE, Site, exchange};

/// Kills the plugin as soon as the state file has been replaced so many times more; until it is disarmed.
struct KillAtWrite {
    disarmed: Arc<AtomicBool>,
    watcher: thread::JoinHandle<bool>,
}

impl KillAtWrite {
    fn arm(site: &Site, write: usize) -> Self {
        let mut inotify = Inotify::init().unwrap();
        let file = site.host.path(STATE_FILE);
        let directory = file.parent().unwrap();
        fs::create_dir_all(directory).unwrap();
        inotify
            .watches()
            .add(directory, WatchMask::MOVED_TO)
            .unwrap();
        let disarmed = Arc::new(AtomicBool::new(false));
        let watched = disarmed.clone();
        let plugin = Pid::from_raw(site.plugin_pid().cast_signed());
        let watcher = thread::spawn(move || {
            let mut buffer = [0; 4096];
            let mut seen = 0;
            loop {
                let is_last = watched.load(Ordering::SeqCst);
                seen += inotify
                    .read_events(&mut buffer)
                    .map_or(0, |events| events.count());
                if seen >= write {
                    kill(plugin, Signal::SIGKILL).unwrap();
                    return true;
                }
                if is_last {
                    return false;
                }
                // As soon as possible, without taking the plugin's core.
                thread::sleep(Duration::from_micros(100));
            }
        });
        KillAtWrite { disarmed, watcher }
    }

    /// Whether it has killed.
    fn disarm(self) -> bool {
        self.disarmed.store(true, Ordering::SeqCst);
        self.watcher.join().unwrap()
    }
}

/// Sends a call as Docker does: again, when the connection breaks before the answer. In between the plugin is started
/// again, as systemd does. True when it was killed.
fn called(site: &mut Site, path: &str, body: &str, write: usize) -> bool {
    let trap = KillAtWrite::arm(site, write);
    let length = body.len();
    let request =
        format!("POST {path} HTTP/1.1\r\nHost: plugin\r\nContent-Length: {length}\r\n\r\n{body}");
    let socket = site.host.path(SOCKET);
    let answered = thread::scope(|scope| {
        let sent =
            scope.spawn(|| std::panic::catch_unwind(|| exchange(&socket, request.as_bytes())));
        sent.join().unwrap()
    });
    let killed = trap.disarm();
    if killed {
        site.plugin_ended();
        site.start_plugin();
    }
    match answered {
        Ok((200, _)) => {}
        Ok(other) => panic!("{path} {body}: {other:?}"),
        Err(_) => {
            assert!(killed, "{path} {body}: no answer, and it was not killed");
            site.called(path, body);
        }
    }
    killed
}

/// One container after the other comes and goes; the plugin is killed at the first, second … write of the state in each
/// call. After each call everything is as it would be without.
#[test]
fn killed_at_any_write_it_counts_right() {
    let mut site = Site::prepared();
    site.start_plugin();
    let mut kills = 0;
    for write in 1..=3 {
        let name = r#"{"Name":"files"}"#;
        let used = |id: &str| format!(r#"{{"Name":"files","ID":"{id}"}}"#);
        let create = r#"{"Name":"files","Opts":{"type":"efs","device":"fs-1:/"}}"#.to_owned();
        let life = [
            ("Create", create, 0, false),
            ("Mount", used("one"), 1, true),
            ("Mount", used("two"), 2, true),
            ("Mount", used("four"), 3, true),
            ("Unmount", used("four"), 2, true),
            ("Unmount", used("one"), 1, true),
            ("Unmount", used("two"), 0, false),
            ("Mount", used("three"), 1, true),
            ("Unmount", used("three"), 0, false),
        ];
        for (call, body, references, mounted) in life {
            let path = format!("/VolumeDriver.{call}");
            kills += usize::from(called(&mut site, &path, &body, write));
            assert_eq!(site.references("files"), references, "{call} {body}");
            let expected: &[&str] = if mounted { &["files"] } else { &[] };
            assert_eq!(site.mounted(), expected, "{call} {body}");
        }
        kills += usize::from(called(&mut site, "/VolumeDriver.Remove", name, write));
        site.assert_nothing_left();
    }
    // Each call writes at least once.
    assert!(kills >= 10, "{kills}");
}

/// Sends a call during which the plugin is killed, and again once it runs anew.
fn interrupted(site: &mut Site, path: &str, body: &str, kill: impl FnOnce(&mut Site)) {
    let length = body.len();
    let request =
        format!("POST {path} HTTP/1.1\r\nHost: plugin\r\nContent-Length: {length}\r\n\r\n{body}");
    let mut connection = UnixStream::connect(site.host.path(SOCKET)).unwrap();
    connection.write_all(request.as_bytes()).unwrap();
    kill(site);
    let mut answer = Vec::new();
    // A connection that breaks is no answer either.
    let _ = connection.read_to_end(&mut answer);
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
    site.start_plugin();
    site.called(path, body);
}

/// Before and after the helper mounts; before and after umount(8).
#[test]
fn killed_while_the_host_works_nothing_is_left() {
    let mut site = Site::prepared();
    site.start_plugin();
    let kill_it = "kill -9 $(cat /run/ecs-nanny/volumes.lock)\n";
    let used = |id: &str| format!(r#"{{"Name":"files","ID":"{id}"}}"#);
    let (mount, unmount) = ("/VolumeDriver.Mount", "/VolumeDriver.Unmount");
    site.called(
        "/VolumeDriver.Create",
        r#"{"Name":"files","Opts":{"device":"fs-1:/"}}"#,
    );
    for moment in ["before", "after"] {
        let script = format!("{STORE}/{moment}");
        site.write(&script, format!("rm {script}\n{kill_it}"));
        interrupted(&mut site, mount, &used("one"), |site| {
            site.plugin_ended();
        });
        assert_eq!(site.mounted(), ["files"], "killed {moment} mounting");
        assert_eq!(site.references("files"), 1);
        site.called(mount, &used("two"));
        site.called(unmount, &used("one"));
        assert_eq!(site.mounted(), ["files"]);

        let script = format!("{STORE}/{moment}-unmount");
        site.write(&script, format!("rm {script}\n{kill_it}"));
        interrupted(&mut site, unmount, &used("two"), |site| {
            site.plugin_ended();
        });
        assert_eq!(
            site.mounted(),
            [] as [&str; 0],
            "killed {moment} unmounting"
        );
        assert_eq!(site.references("files"), 0);
    }
    site.called("/VolumeDriver.Remove", r#"{"Name":"files"}"#);
    site.assert_nothing_left();
}

/// What mounts goes on when the plugin is killed; the next one ends it before it mounts itself.
#[test]
fn a_mount_that_outlives_the_plugin_is_ended() {
    let mut site = Site::prepared();
    site.start_plugin();
    site.called(
        "/VolumeDriver.Create",
        r#"{"Name":"files","Opts":{"device":"fs-1:/"}}"#,
    );
    let hang = format!("{STORE}/hang-fs-1");
    site.write(&hang, "");
    let body = r#"{"Name":"files","ID":"one"}"#;
    interrupted(&mut site, "/VolumeDriver.Mount", body, |site| {
        site.until_helpers(1);
        site.end_plugin();
        site.until_helpers(1);
        site.remove(&hang);
    });
    site.until_helpers(0);
    assert_eq!(site.mounted(), ["files"]);
    assert_eq!(site.references("files"), 1);
    site.called("/VolumeDriver.Unmount", body);
    site.called("/VolumeDriver.Remove", body);
    site.assert_nothing_left();
}

/// Docker dies while it waits for a mount: nobody will ever unmount it.
#[test]
fn a_mount_that_nobody_waits_for_is_taken_back() {
    let mut site = Site::prepared();
    site.start_plugin();
    site.called(
        "/VolumeDriver.Create",
        r#"{"Name":"files","Opts":{"device":"fs-1:/"}}"#,
    );
    // The helper waits until the connection is gone.
    site.write(
        &format!("{STORE}/before"),
        format!("while [ ! -e {STORE}/gone ]; do sleep 0.05; done\n"),
    );
    let mut connection = UnixStream::connect(site.host.path(SOCKET)).unwrap();
    let body = r#"{"Name":"files","ID":"one"}"#;
    let request = format!(
        "POST /VolumeDriver.Mount HTTP/1.1\r\nHost: plugin\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(request.as_bytes()).unwrap();
    site.until_helpers(1);
    drop(connection);
    site.write(&format!("{STORE}/gone"), "");
    super::site::until("taken back", || {
        let log = site.log();
        let mounted = site.mounted();
        let told = log.contains("its use is taken back");
        (told && mounted.is_empty() && site.references("files") == 0)
            .then_some(())
            .ok_or(mounted)
    });
    site.called("/VolumeDriver.Remove", r#"{"Name":"files"}"#);
    site.assert_nothing_left();
}
