//! Fewer wakings: what is due at about the same time is done at once.

use std::time::Duration;

use tokio::time::Instant;

/// Looks that are due at about the same time are taken in one waking: one that is due a while from now is moved to
/// another timer that fires up to an eighth earlier.
pub(super) fn together(
    timers: impl Iterator<Item = Instant>,
    at: Instant,
    wait: Duration,
) -> Instant {
    const WORTHWHILE: Duration = Duration::from_secs(4);
    if wait < WORTHWHILE {
        return at;
    }
    let earliest = at - wait / 8;
    timers
        .filter(|other| (earliest..=at).contains(other))
        .max()
        .unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_that_are_due_at_about_the_same_time_are_taken_together() {
        let now = Instant::now();
        let after = |seconds: f64| now + Duration::from_secs_f64(seconds);
        let timers = [after(2.0), after(7.1), after(7.5), after(9.0)];
        let eight = Duration::from_secs(8);
        assert_eq!(together(timers.into_iter(), after(8.0), eight), after(7.5));
        // Never later, and not much earlier.
        let far = [after(2.0), after(6.9), after(8.1)];
        assert_eq!(together(far.into_iter(), after(8.0), eight), after(8.0));
        // What comes soon keeps its time.
        let second = Duration::from_secs(1);
        assert_eq!(
            together([after(0.9)].into_iter(), after(1.0), second),
            after(1.0)
        );
    }
}
