//! The plugin is killed at every step of a call, and no mount is left and no count lost. `killed` does so with a Docker
//! daemon.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;

use ecs_nanny::volumes::SOCKET;
use nix::sys::signal::Signal;
use serde_json::json;

use super::site::{STORE, Site, exchange, until};
use super::trap::Trap;
use super::trap::repetition;

/// Sends a call as Docker does: again and without its body, when the connection breaks before the answer. In between the
/// plugin is started again, as systemd does. True when it was killed.
fn called(site: &mut Site, call: &str, body: &str, write: usize) -> bool {
    until("the call before is settled", || site.settled());
    let trap = Trap::set(site, write);
    let socket = site.host.path(SOCKET);
    let request = request(call, body);
    let answered = thread::scope(|scope| {
        let sent = scope.spawn(|| std::panic::catch_unwind(|| exchange(&socket, &request)));
        sent.join().unwrap()
    });
    until("it is killed, or has written everything", || {
        if trap.has_sprung() {
            return Ok(());
        }
        site.settled()
    });
    let killed = trap.disarm();
    if killed {
        site.plugin_ended();
        site.start_plugin();
    }
    match answered {
        Ok((200, _)) => {}
        Ok(other) => panic!("{call} {body}: {other:?}"),
        Err(_) => {
            assert!(killed, "{call} {body}: no answer, and it was not killed");
            let (status, answer) = exchange(&socket, &repetition(call));
            assert_eq!(status, 200, "{call} {body}: {answer}");
        }
    }
    killed
}

fn request(call: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST /VolumeDriver.{call} HTTP/1.1\r\nHost: plugin\r\nContent-Length: {length}");
    format!("{head}\r\n\r\n{body}").into_bytes()
}

/// One container after the other comes and goes; the plugin is killed at the first, second … write of its files in each
/// call. After each call everything is as it would be without.
#[test]
fn killed_at_any_write_it_counts_right() {
    let mut site = Site::prepared();
    site.start_plugin();
    let mut kills = 0;
    for write in 1..=6 {
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
            kills += usize::from(called(&mut site, call, &body, write));
            assert_eq!(site.references("files"), references, "{call} {body}");
            let expected: &[&str] = if mounted { &["files"] } else { &[] };
            assert_eq!(site.mounted(), expected, "{call} {body}");
        }
        kills += usize::from(called(&mut site, "Remove", name, write));
        site.assert_nothing_left();
    }
    // Ten calls: each writes a note and the state, and takes the note away; eight write the state once more.
    assert!(kills >= 38, "{kills}");
}

/// Sends a call during which the plugin is killed, and again once it runs anew.
fn interrupted(site: &mut Site, call: &str, body: &str, kill: impl FnOnce(&mut Site)) {
    cut_off(site, call, body, kill);
    let (status, answer) = exchange(&site.host.path(SOCKET), &repetition(call));
    assert_eq!(status, 200, "{call} {body}: {answer}");
}

/// Sends a call during which the plugin is killed, and starts it again.
fn cut_off(site: &mut Site, call: &str, body: &str, kill: impl FnOnce(&mut Site)) {
    let mut connection = UnixStream::connect(site.host.path(SOCKET)).unwrap();
    connection.write_all(&request(call, body)).unwrap();
    kill(site);
    let mut answer = Vec::new();
    // A connection that breaks is no answer either.
    let _ = connection.read_to_end(&mut answer);
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
    site.start_plugin();
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
        interrupted(&mut site, "Mount", &used("one"), |site| {
            site.plugin_ended();
        });
        assert_eq!(site.mounted(), ["files"], "killed {moment} mounting");
        assert_eq!(site.references("files"), 1);
        site.called(mount, &used("two"));
        site.called(unmount, &used("one"));
        assert_eq!(site.mounted(), ["files"]);

        let script = format!("{STORE}/{moment}-unmount");
        site.write(&script, format!("rm {script}\n{kill_it}"));
        interrupted(&mut site, "Unmount", &used("two"), |site| {
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
    interrupted(&mut site, "Mount", body, |site| {
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
    connection.write_all(&request("Mount", body)).unwrap();
    site.until_helpers(1);
    drop(connection);
    site.write(&format!("{STORE}/gone"), "");
    until("taken back", || {
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

/// Nothing is known of what was cut off before it was read, nor which of two volumes is meant: Docker is told so.
#[test]
fn what_can_not_be_known_is_refused_and_counts_nothing() {
    let mut site = Site::prepared();
    site.start_plugin();
    for name in ["a", "b"] {
        let create = format!(r#"{{"Name":"{name}","Opts":{{"device":"fs-1:/"}}}}"#);
        site.called("/VolumeDriver.Create", &create);
    }
    let used = |name: &str| format!(r#"{{"Name":"{name}","ID":"one"}}"#);
    // Stopped, it reads nothing.
    site.signal_plugin(Signal::SIGSTOP);
    cut_off(&mut site, "Mount", &used("a"), Site::end_plugin);
    let socket = site.host.path(SOCKET);
    let refused = |wanted: &str| {
        let (status, answer) = exchange(&socket, &repetition("Mount"));
        let told = answer["Err"].as_str().unwrap();
        assert!(status == 500 && told.contains(wanted), "{status} {told}");
    };
    refused("none is known that was; try again");
    assert_eq!(site.mounted(), [] as [&str; 0]);

    // Both wait for their helper.
    let hang = format!("{STORE}/hang-fs-1");
    site.write(&hang, "");
    let mut other = UnixStream::connect(&socket).unwrap();
    other.write_all(&request("Mount", &used("b"))).unwrap();
    cut_off(&mut site, "Mount", &used("a"), |site| {
        site.until_helpers(2);
        site.end_plugin();
    });
    site.remove(&hang);
    for _ in 0..2 {
        refused(r#"it may be any of those for "a", "b"; try again"#);
    }
    refused("none is known that was; try again");
    assert_eq!(site.mounted(), [] as [&str; 0]);
    for name in ["a", "b"] {
        assert_eq!(site.references(name), 0);
        // A new request for the same is none that was refused.
        let path = json!({ "Mountpoint": format!("/var/lib/ecs/volumes/{name}"), "Err": "" });
        assert_eq!(site.called("/VolumeDriver.Mount", &used(name)), path);
        assert_eq!(site.references(name), 1);
        site.called("/VolumeDriver.Unmount", &used(name));
        site.called("/VolumeDriver.Remove", &used(name));
    }
    site.assert_nothing_left();
}

/// Two containers of one volume start at once.
#[test]
fn several_for_one_volume_are_all_repeated() {
    let mut site = Site::prepared();
    site.start_plugin();
    site.called(
        "/VolumeDriver.Create",
        r#"{"Name":"files","Opts":{"device":"fs-1:/"}}"#,
    );
    let used = |id: &str| format!(r#"{{"Name":"files","ID":"{id}"}}"#);
    let socket = site.host.path(SOCKET);
    let hang = format!("{STORE}/hang-fs-1");
    site.write(&hang, "");
    let mut other = UnixStream::connect(&socket).unwrap();
    other.write_all(&request("Mount", &used("two"))).unwrap();
    cut_off(&mut site, "Mount", &used("one"), |site| {
        site.until_helpers(1);
        until("both are noted", || match site.noted() {
            2 => Ok(()),
            other => Err(other),
        });
        site.end_plugin();
    });
    site.remove(&hang);
    for _ in 0..2 {
        let (status, answer) = exchange(&socket, &repetition("Mount"));
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["Mountpoint"], "/var/lib/ecs/volumes/files");
    }
    assert_eq!(site.references("files"), 2);
    site.called("/VolumeDriver.Unmount", &used("one"));
    assert_eq!(site.mounted(), ["files"]);
    site.called("/VolumeDriver.Unmount", &used("two"));
    site.called("/VolumeDriver.Remove", &used("two"));
    site.assert_nothing_left();
}

/// A file of notes that is broken is kept, and nothing is repeated by it.
#[test]
fn broken_notes_are_put_aside() {
    let mut site = Site::prepared();
    site.write("/run/ecs-nanny/volumes.pending.json", "{");
    site.start_plugin();
    let kept = std::fs::read_dir(site.host.path("/run/ecs-nanny")).unwrap();
    let kept = kept
        .flatten()
        .map(|it| it.file_name().into_string().unwrap());
    let kept: Vec<String> = kept.filter(|it| it.contains(".unreadable-")).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(site.log().contains("is kept as"), "{}", site.log());
    let (status, _) = exchange(&site.host.path(SOCKET), &repetition("Unmount"));
    assert_eq!(status, 500);
    site.called("/VolumeDriver.List", "");
}
