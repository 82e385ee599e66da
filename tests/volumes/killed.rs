//! The plugin is killed at every step of what Docker does with volumes, and Docker goes on: no mount is left, no count is
//! lost, and none stays.

use std::thread;

use super::site::{Aside, Site, until};
use super::trap::Trap;

/// Docker carries something out, and the plugin is killed at one of its writes and started again, as systemd does. Whether
/// it was killed, and what Docker said where it failed.
fn killed(site: &mut Site, arguments: &[&str], write: usize) -> (bool, Result<(), String>) {
    until("the command before is settled", || site.settled());
    let trap = Trap::set(site, write);
    let docker = site.docker_aside(arguments);
    let ending = thread::spawn(move || Aside::ends(docker));
    until(
        "it is killed, or Docker is done and it has written that",
        || {
            if trap.has_sprung() || (ending.is_finished() && site.settled().is_ok()) {
                return Ok(());
            }
            Err("neither")
        },
    );
    let sprung = trap.disarm();
    if sprung {
        site.plugin_ended();
        site.start_plugin();
    }
    (sprung, ending.join().unwrap())
}

/// How many requests were lost, of all.
fn lost(site: &Site) -> usize {
    site.log().matches("is missing: Docker repeats").count()
}

/// What is counted is what runs, and more only where a request was lost before it was noted: that to unmount, or the Get
/// that goes before it.
fn agrees(site: &Site, what: &str) {
    let running = site.docker(&["ps", "--quiet"]).lines().count();
    let references = site.references("files") as usize;
    let expected = running..=running + lost(site);
    assert!(
        expected.contains(&references),
        "{what}: {references} are counted, {running} run, {} were lost",
        lost(site)
    );
    let mounted: &[&str] = if references > 0 { &["files"] } else { &[] };
    assert_eq!(site.mounted(), mounted, "{what}");
}

/// Runs a container; it fails only where a request was lost, and goes well the second time.
fn runs(site: &mut Site, name: &str, write: usize) -> bool {
    let words = super::site::container(name, "files");
    let before = lost(site);
    let (sprung, result) = killed(site, &words.each_ref().map(String::as_str), write);
    if let Err(told) = result {
        // Docker hides what is said of a Get: "no such volume".
        assert!(lost(site) > before, "{told}");
        agrees(site, &format!("{name} could not be run, killed at {write}"));
        site.docker(&["rm", "--force", name]);
        site.run_container(name, "files");
    }
    agrees(site, &format!("{name} runs, killed at {write}"));
    site.write_in(name, "/data/greeting", name);
    sprung
}

#[test]
fn killed_at_any_step_of_docker_it_counts_right() {
    let mut site = Site::running();
    let mut kills = 0;
    for write in 1.. {
        let mut sprung = Vec::new();
        site.create_volume("files", "fs-1:/");
        for name in ["one", "two"] {
            sprung.push(runs(&mut site, name, write));
        }
        assert_eq!(site.read_in("one", "/data/greeting"), "two");
        for name in ["two", "one"] {
            let (killed, result) = killed(&mut site, &["rm", "--force", name], write);
            result.unwrap();
            agrees(&site, &format!("{name} is gone, killed at {write}"));
            sprung.push(killed);
        }
        // Docker has no container any more: what was lost is found.
        until("nobody is counted", || match site.references("files") {
            0 => Ok(()),
            other => Err(other),
        });
        until("nothing is mounted", || match site.mounted() {
            mounted if mounted.is_empty() => Ok(()),
            mounted => Err(mounted),
        });
        site.docker(&["volume", "rm", "files"]);
        site.assert_nothing_left();
        kills += sprung.iter().filter(|it| **it).count();
        if !sprung.contains(&true) {
            break;
        }
    }
    println!(
        "killed {kills} times; {} requests were lost before they were noted",
        lost(&site)
    );
    // Get, Get, Get and Mount, each noted and taken away, with the state written in between; Get and Unmount likewise.
    assert!(kills >= 24, "{kills}");
}
