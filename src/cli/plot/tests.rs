use super::*;
use crate::snapshot::sample;

#[test]
fn as_text_a_boot_shows_what_was_waited_for() {
    insta::assert_snapshot!(text(&sample::boot(), 100, false));
}

#[test]
fn as_a_picture_every_part_has_its_bar() {
    let boot = sample::boot();
    let picture = svg(&boot, "i-0123, m7i.large & \"more\" <x>");
    let bars = |class: &str| picture.matches(&format!("class=\"{class}\"")).count();
    let critical = boot.spans.iter().filter(|span| span.critical).count();
    // One more of each is in the legend.
    assert_eq!(bars("waited"), critical + 1);
    assert_eq!(bars("beside"), boot.spans.len() - critical + 1);
    for span in &boot.spans {
        assert!(picture.contains(span.name.words()), "{picture}");
    }
    assert!(picture.contains("&lt;x&gt;") && !picture.contains("<x>"));
}

#[test]
fn a_boot_that_has_just_begun_can_be_drawn() {
    let mut boot = BootView::default();
    assert!(text(&boot, 80, false).contains("has not been healthy yet"));
    boot.spans.push(Span {
        name: SpanName::Facts,
        start_ms: 0,
        end_ms: None,
        critical: false,
    });
    assert!(text(&boot, 80, false).contains('…'));
    assert!(svg(&boot, "this host").contains('…'));
}

#[test]
fn a_start_by_hand_leaves_the_time_since_the_kernel_out() {
    let boot = BootView {
        exec_after_kernel_ms: LONGEST_BOOT + 1,
        ..sample::boot()
    };
    assert_eq!(Range::of(&boot).start, 0);
    assert_eq!(Range::of(&sample::boot()).start, -6200);
    assert!(!svg(&boot, "this host").contains("kernel, systemd"));
}

#[test]
fn numbers_have_three_digits_that_count() {
    for (millis, wanted) in [
        (0, "0.00 s"),
        (-1500, "-1.50 s"),
        (9_999, "10.00 s"),
        (23_410, "23.4 s"),
        (312_000, "312 s"),
    ] {
        assert_eq!(seconds(millis), wanted);
    }
}
