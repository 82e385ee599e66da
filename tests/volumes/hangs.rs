//! Mounts that hang, and many of them.

use std::fs;

use nix::sys::signal::Signal;

use super::site::{STORE, Site, until};

#[test]
fn a_mount_that_hangs_holds_up_no_other_volume() {
    let mut site = Site::running();
    site.create_volume("dead", "fs-1:/");
    site.create_volume("files", "fs-2:/");
    site.write(&format!("{STORE}/hang-fs-1"), "");
    let waiting = site.run_container_aside("one", "dead");
    site.until_helpers(1);
    // Everything else works meanwhile, for Docker and for other containers.
    site.run_container("two", "files");
    assert_eq!(site.mounted(), ["files"]);
    assert!(site.docker(&["volume", "ls", "--quiet"]).contains("dead"));
    site.docker(&["volume", "inspect", "dead"]);
    site.docker(&["rm", "--force", "two"]);
    site.docker(&["volume", "rm", "files"]);
    assert_eq!(site.mounted(), [] as [&str; 0]);
    // Its own deadline of 100 s ends it, before Docker gives up after two minutes.
    let told = waiting.fails();
    let wanted = "mount -t efs fs-1:/ /var/lib/ecs/volumes/dead had not ended after";
    assert!(told.contains(wanted), "{told}");
    site.until_helpers(0);
    assert_eq!(site.references("dead"), 0);
    site.remove(&format!("{STORE}/hang-fs-1"));
    site.docker(&["start", "one"]);
    assert_eq!(site.mounted(), ["dead"]);
    site.docker(&["rm", "--force", "one"]);
    site.docker(&["volume", "rm", "dead"]);
    site.assert_nothing_left();
    site.signal_plugin(Signal::SIGTERM);
    assert!(site.plugin_ended().success());
}

/// Through Docker for those of Docker, through the socket for those with a mount.
#[test]
fn a_thousand_cycles_leak_nothing() {
    const CYCLES: usize = 1000;
    let site = Site::running();
    let descriptors = || {
        let descriptors = format!("/proc/{}/fd", site.plugin_pid());
        fs::read_dir(descriptors).unwrap().count()
    };
    let memory = || {
        let status = fs::read_to_string(format!("/proc/{}/status", site.plugin_pid())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let cycle = |number: usize| {
        let create = format!(r#"{{"Name":"v{number}","Opts":{{"device":"fs-1:/"}}}}"#);
        let used = format!(r#"{{"Name":"v{number}","ID":"one"}}"#);
        for (call, body) in [
            ("Create", &create),
            ("Mount", &used),
            ("Unmount", &used),
            ("Remove", &used),
        ] {
            site.called(&format!("/VolumeDriver.{call}"), body);
        }
    };
    for number in 0..20 {
        cycle(number);
    }
    let before = (descriptors(), memory());
    for number in 0..CYCLES {
        cycle(number);
    }
    let script = "for i in $(seq 1000); do docker volume create --driver amazon-ecs-volume-plugin \
        --opt device=fs-1:/ d$i >/dev/null && docker volume rm d$i >/dev/null || exit 1; done";
    site.done("sh", &["-c", script]);
    site.assert_nothing_left();
    until("connections are closed", || {
        let after = descriptors();
        (after <= before.0 + 4)
            .then_some(())
            .ok_or((before.0, after))
    });
    let after = memory();
    println!("memory {} KiB before, {after} KiB after", before.1);
    assert!(
        after < before.1 + 4096,
        "{} KiB, then {after} KiB",
        before.1
    );
    assert_eq!(site.docker(&["volume", "ls", "--quiet"]), "");
}
