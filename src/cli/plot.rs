//! `ecs-nanny plot`: the time line of a boot, as text and as SVG.

mod svg;
mod text;
#[cfg(test)]
mod tests;

use crate::snapshot::{BootView, Span, SpanName};

pub use svg::svg;
pub use text::text;

/// Longest time before exec that is taken for a boot, in milliseconds. After that the process was started later by hand,
/// and the kernel's start is left out of the picture.
const LONGEST_BOOT: u64 = 5 * 60 * 1000;

/// The part of time that is shown, in milliseconds after exec.
struct Range {
    start: i64,
    end: i64,
}

impl Range {
    fn of(boot: &BootView) -> Self {
        let kernel = match boot.exec_after_kernel_ms {
            long if long > LONGEST_BOOT => 0,
            short => -(short as i64),
        };
        let ends = boot.spans.iter().filter_map(|span| span.end_ms);
        Range {
            start: kernel,
            end: ends.chain(boot.healthy_ms).max().unwrap_or(0).max(1),
        }
    }

    fn length(&self) -> i64 {
        self.end - self.start
    }

    /// Where a moment stands, from 0 to 1.
    fn place(&self, moment: i64) -> f64 {
        let moment = moment.clamp(self.start, self.end);
        (moment - self.start) as f64 / self.length() as f64
    }
}

/// When a span ended; one that is open lasts to the end of the picture.
fn end(span: &Span, range: &Range) -> i64 {
    span.end_ms.unwrap_or(range.end)
}

/// In words, when this boot was and how long it took.
fn headline(boot: &BootView) -> String {
    let exec = seconds(boot.exec_after_kernel_ms as i64);
    let executed = format!("ecs-nanny was executed {exec} after the kernel's start");
    match boot.healthy_ms {
        Some(healthy) => format!(
            "{executed} and the host was healthy {} later",
            seconds(healthy)
        ),
        None => format!("{executed}; the host has not been healthy yet"),
    }
}

/// What the boot's end was waiting for, the longest first.
fn waited_for(boot: &BootView) -> String {
    let mut waits: Vec<(SpanName, i64)> = boot
        .spans
        .iter()
        .filter(|span| span.critical)
        .filter_map(|span| Some((span.name, span.end_ms? - span.start_ms)))
        .collect();
    waits.sort_by_key(|(_, length)| -length);
    let words: Vec<String> = waits
        .iter()
        .map(|(name, length)| format!("{} {}", name.words(), seconds(*length)))
        .collect();
    words.join("; ")
}

/// `-1.50 s`, `23.4 s`, `312 s`: three digits that count.
pub(super) fn seconds(millis: i64) -> String {
    let seconds = millis as f64 / 1000.0;
    let digits = match millis.abs() {
        0..10_000 => 2,
        10_000..100_000 => 1,
        _ => 0,
    };
    format!("{seconds:.digits$} s")
}
