use super::*;
use crate::volumes::ledger::Step;
use crate::volumes::state::Change;
use proptest::prelude::*;

#[test]
fn the_first_user_mounts_and_the_last_one_unmounts() {
    let mut ledger = ledger();
    assert_eq!(ledger.mount("a", "one", false).unwrap(), Step::Host);
    ledger.count("a", "one");
    assert_eq!(ledger.mount("a", "two", true).unwrap(), Step::Count);
    ledger.count("a", "two");
    assert_eq!(ledger.unmount("a", "one", true).unwrap(), Step::Count);
    ledger.uncount("a", "one");
    assert_eq!(ledger.unmount("a", "one", true).unwrap(), Step::Answer);
    assert_eq!(ledger.unmount("a", "two", true).unwrap(), Step::Host);
    ledger.uncount("a", "two");
    assert_eq!(references(ledger.state(), "a"), 0);
}

#[test]
fn one_id_may_use_a_volume_twice() {
    let mut ledger = ledger();
    for _ in 0..2 {
        ledger.count("a", "one");
    }
    assert_eq!(ledger.unmount("a", "one", true).unwrap(), Step::Count);
    ledger.uncount("a", "one");
    assert_eq!(ledger.unmount("a", "one", true).unwrap(), Step::Host);
}

#[test]
fn whatever_is_counted_a_volume_that_is_not_mounted_is_mounted_first() {
    let mut ledger = ledger();
    ledger.count("a", "one");
    assert_eq!(ledger.mount("a", "two", false).unwrap(), Step::Host);
}

#[test]
fn the_last_use_of_what_is_not_mounted_only_counts() {
    let mut ledger = ledger();
    ledger.count("a", "one");
    assert_eq!(ledger.unmount("a", "one", false).unwrap(), Step::Count);
}

#[test]
fn creating_again_is_no_error_unless_it_is_another_one() {
    let mut ledger = ledger();
    assert!(!ledger.create("a", &options("fs-1:/"), "later").unwrap());
    assert_eq!(ledger.volume("a").unwrap().created_at, NOW);
    let told = ledger.create("a", &options("fs-2:/"), NOW).unwrap_err();
    assert!(told.contains("with other options"), "{told}");
    ledger.remove("a");
    assert!(ledger.create("a", &options("fs-2:/"), NOW).unwrap());
}

#[test]
fn what_is_asked_of_no_volume_is_refused() {
    let mut ledger = Ledger::default();
    for told in [
        ledger.mount("b", "one", false).unwrap_err(),
        ledger.unmount("b", "one", false).unwrap_err(),
        ledger.how_to_mount("b").unwrap_err(),
    ] {
        assert_eq!(told, "there is no volume \"b\"");
    }
}

#[test]
fn what_was_not_answered_counts_once_when_it_is_repeated() {
    let mut before = ledger();
    before.count("a", "one");
    let mut after = Ledger::new(before.state().clone());
    assert_eq!(after.mount("a", "one", true).unwrap(), Step::Answer);
    // Another use of the same id is another one.
    assert_eq!(after.mount("a", "one", true).unwrap(), Step::Count);
    after.count("a", "one");

    before.uncount("a", "one");
    let mut after = Ledger::new(before.state().clone());
    assert_eq!(after.unmount("a", "one", true).unwrap(), Step::Answer);
    // Whoever unmounts was told that he had mounted: this is another use.
    assert_eq!(after.mount("a", "one", true).unwrap(), Step::Count);
}

#[test]
fn what_was_answered_is_not_taken_for_a_repetition() {
    let mut before = ledger();
    before.count("a", "one");
    assert!(before.answered("a", Change::Mount, "one"));
    let mut after = Ledger::new(before.state().clone());
    assert_eq!(after.mount("a", "one", true).unwrap(), Step::Count);
}

#[test]
fn nothing_is_repeated_for_ever() {
    let mut before = ledger();
    before.count("a", "one");
    let mut after = Ledger::new(before.state().clone());
    assert!(after.forget_repeatable());
    assert!(!after.forget_repeatable());
    assert_eq!(after.mount("a", "one", true).unwrap(), Step::Count);
    assert!(after.volume("a").unwrap().ours.unanswered.is_empty());
}

#[test]
fn a_use_that_is_taken_back_leaves_no_trace() {
    let mut ledger = ledger();
    ledger.count("a", "one");
    ledger.answered("a", Change::Mount, "one");
    let before = ledger.clone();
    ledger.count("a", "two");
    assert!(!ledger.take_back("a", "two"));
    assert_eq!(ledger, before);
    assert!(ledger.take_back("a", "one"));
}

proptest! {
    /// Containers come and go; the process is killed after any of its writes, and Docker repeats what was not answered.
    /// What is counted is what containers use, and the volume is mounted while one does.
    #[test]
    fn counts_hold_whenever_the_process_is_killed(
        steps in prop::collection::vec((0usize..4, any::<bool>(), any::<bool>()), 1..60)
    ) {
        let mut host_mounted = false;
        let mut users: BTreeMap<String, u32> = BTreeMap::new();
        let mut ledger = ledger();
        for (who, kill_before_answer, kill_after) in steps {
            let id = format!("id{who}");
            let mounts = users.get(&id).copied().unwrap_or(0) == 0 || kill_after == kill_before_answer;
            for attempt in 0..2 {
                if mounts {
                    match ledger.mount("a", &id, host_mounted).unwrap() {
                        Step::Answer => prop_assert_eq!(attempt, 1),
                        step => {
                            host_mounted |= step == Step::Host;
                            ledger.count("a", &id);
                        }
                    }
                } else {
                    match ledger.unmount("a", &id, host_mounted).unwrap() {
                        Step::Answer => prop_assert_eq!(attempt, 1),
                        step => {
                            host_mounted &= step != Step::Host;
                            ledger.uncount("a", &id);
                        }
                    }
                }
                if attempt == 0 && kill_before_answer {
                    ledger = Ledger::new(ledger.state().clone());
                    continue;
                }
                break;
            }
            let change = if mounts { Change::Mount } else { Change::Unmount };
            ledger.answered("a", change, &id);
            if kill_after {
                ledger = Ledger::new(ledger.state().clone());
            }
            let uses = users.entry(id).or_default();
            if mounts { *uses += 1 } else { *uses -= 1 }
            users.retain(|_, uses| *uses > 0);
            prop_assert_eq!(&ledger.volume("a").unwrap().mounts, &users);
            prop_assert_eq!(host_mounted, !users.is_empty());
        }
    }
}
