use super::*;
use crate::volumes::ledger::Step;
use crate::volumes::recovery::recover;

#[test]
fn no_file_and_no_mounts_is_a_new_host() {
    let recovery = recover(None, &[], NOW);
    assert!(recovery.ledger.volumes().is_empty());
    assert!(recovery.notes.is_empty() && recovery.aside.is_empty());
}

#[test]
fn what_is_mounted_keeps_its_users() {
    let mut before = ledger();
    before.count("a", "one");
    let recovery = recover(Some(&written(&before)), &[mounted("a")], NOW);
    assert_eq!(references(recovery.ledger.state(), "a"), 1);
    assert!(recovery.half_mounted.is_empty() && recovery.notes.is_empty());
}

#[test]
fn after_a_reboot_nobody_uses_anything() {
    let mut before = ledger();
    before.count("a", "one");
    let mut recovery = recover(Some(&written(&before)), &[], NOW);
    assert_eq!(references(recovery.ledger.state(), "a"), 0);
    assert_eq!(recovery.notes.len(), 1);
    assert_eq!(
        recovery.ledger.mount("a", "one", false).unwrap(),
        Step::Host
    );
}

#[test]
fn what_was_being_mounted_is_nobodys() {
    let mut before = ledger();
    before.mounting("a");
    for mounts in [vec![], vec![mounted("a")]] {
        let recovery = recover(Some(&written(&before)), &mounts, NOW);
        let path = format!("{DIRECTORY}/a");
        assert_eq!(recovery.half_mounted, [("a".to_owned(), path)]);
        assert!(!recovery.ledger.volume("a").unwrap().ours.mounting);
    }
}

#[test]
fn a_volume_of_an_old_ecs_init_that_counts_nobody_stays_mounted() {
    let before = ledger();
    let mut recovery = recover(Some(&written(&before)), &[mounted("a")], NOW);
    assert!(recovery.half_mounted.is_empty());
    assert_eq!(
        recovery.ledger.mount("a", "one", true).unwrap(),
        Step::Count
    );
}

#[test]
fn broken_state_is_rebuilt_from_what_is_mounted() {
    for broken in [
        &b""[..],
        b"{",
        b"[]",
        b"\"junk\"",
        b"{\"volumes\": 7}",
        b"\xff",
    ] {
        let elsewhere = Mount {
            target: "/var/lib/ecs/other".to_owned(),
            ..mounted("x")
        };
        let below = mounted("a/b");
        let mounts = [mounted("a"), mounted("a"), elsewhere, below];
        let mut recovery = recover(Some(broken), &mounts, NOW);
        assert_eq!(recovery.aside.len(), 1, "{broken:?}");
        assert_eq!(recovery.notes.len(), 1);
        let names: Vec<&String> = recovery.ledger.volumes().keys().collect();
        assert_eq!(names, ["a"]);
        // Nobody knows who uses it, so nobody's end unmounts it.
        assert_eq!(
            recovery.ledger.mount("a", "one", true).unwrap(),
            Step::Count
        );
        recovery.ledger.count("a", "one");
        assert_eq!(
            recovery.ledger.unmount("a", "one", true).unwrap(),
            Step::Count
        );
        recovery.ledger.uncount("a", "one");
        assert_eq!(references(recovery.ledger.state(), "a"), 1);
        let told = recovery.ledger.how_to_mount("a").unwrap_err();
        assert!(told.contains("remove it and create it anew"), "{told}");
    }
}

#[test]
fn a_file_that_is_gone_is_rebuilt_without_one_to_keep() {
    let recovery = recover(None, &[mounted("a")], NOW);
    assert!(recovery.aside.is_empty());
    assert!(recovery.ledger.volume("a").unwrap().ours.rebuilt);
}

#[test]
fn what_can_be_read_of_a_broken_file_is_kept() {
    let file = format!(
        r#"{{"volumes": {{"good": {{"path": "{DIRECTORY}/good", "mounts": {{"one": 2}}}},
            "bad": {{"path": 7}}, "nowhere": {{"path": "x"}}}}}}"#
    );
    let mounts = [mounted("good"), mounted("bad")];
    let recovery = recover(Some(file.as_bytes()), &mounts, NOW);
    assert_eq!(recovery.aside.len(), 2, "{:?}", recovery.aside);
    assert_eq!(references(recovery.ledger.state(), "good"), 2);
    assert!(recovery.ledger.volume("bad").unwrap().ours.rebuilt);
    assert!(recovery.ledger.volume("nowhere").is_err());
}

#[test]
fn a_whole_file_is_believed_over_the_mounts() {
    let recovery = recover(Some(b"{}"), &[mounted("an-administrators-own")], NOW);
    assert!(recovery.ledger.volumes().is_empty());
    assert!(recovery.notes.is_empty());
}
