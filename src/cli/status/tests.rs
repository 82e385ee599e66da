use super::*;
use crate::snapshot::{Reason, sample};

fn shown(snapshot: &Snapshot, width: usize) -> String {
    screen(snapshot, sample::now(), width, false)
}

#[test]
fn a_healthy_host_in_one_screen() {
    insta::assert_snapshot!(shown(&sample::full(), 90));
}

#[test]
fn a_failed_host_says_what_to_mend_first() {
    let mut snapshot = sample::full();
    snapshot.phase = Phase::Failed;
    snapshot.reason = Some(Reason::AgentTerminal);
    snapshot.detail = "the agent may not register: AccessDeniedException".to_owned();
    snapshot.agent.state = "failed".to_owned();
    snapshot.agent.registered_since = None;
    snapshot.agent.tasks_running = None;
    insta::assert_snapshot!(shown(&snapshot, 72));
}

#[test]
fn a_host_that_is_not_acted_on_says_why() {
    let mut snapshot = sample::full();
    snapshot.lifecycle.actions_off = Some("/etc/ecs-nanny/no-actions is there".to_owned());
    let shown = shown(&snapshot, 90);
    assert!(
        shown.contains("off: /etc/ecs-nanny/no-actions is there"),
        "{shown}"
    );
}

#[test]
fn nothing_known_is_a_screen_too() {
    insta::assert_snapshot!(shown(&sample::empty(), 90));
}

#[test]
fn lines_are_as_wide_as_the_terminal_at_the_most() {
    for snapshot in sample::all() {
        for width in [40, 66, 120] {
            for line in shown(&snapshot, width).lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }
}

#[test]
fn an_expired_document_is_unknown() {
    let snapshot = sample::full();
    let late = snapshot.valid_until.after(Duration::from_secs(3700));
    let shown = screen(&snapshot, late, 100, false);
    assert!(
        shown.starts_with("unknown: the document expired 1h 1m ago"),
        "{shown}"
    );
}

#[test]
fn words_of_others_cannot_steer_the_terminal() {
    let mut snapshot = sample::full();
    snapshot.detail = "\x1b[2Jgone".to_owned();
    snapshot.agent.version = Some("\x1b]0;title\x07".to_owned());
    assert!(!shown(&snapshot, 80).contains('\x1b'));
}

#[test]
fn a_frame_covers_the_one_before_and_never_scrolls() {
    let frame = frame("a\nb\nc\nd\n", 4);
    assert_eq!(frame, "\x1b[Ha\x1b[K\r\nb\x1b[K\r\nc\x1b[K\r\n\x1b[J");
}
