//! Waiting for conditions, with deadlines.

use std::time::{Duration, Instant};

/// How long anything may take that is not itself timed: much longer than it takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until there is a value. `look` says what it saw instead.
#[track_caller]
pub fn eventually<T>(
    what: impl Into<String>,
    within: Duration,
    look: impl AsyncFnMut() -> Result<T, String>,
) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    looking(what.into(), within, look, caller)
}

async fn looking<T>(
    what: String,
    within: Duration,
    mut look: impl AsyncFnMut() -> Result<T, String>,
    caller: &'static std::panic::Location<'static>,
) -> T {
    const BETWEEN: Duration = Duration::from_millis(20);
    let started = Instant::now();
    loop {
        let seen = match look().await {
            Ok(value) => return value,
            Err(seen) => seen,
        };
        assert!(
            started.elapsed() < within,
            "{caller}: not {what} within {within:?}; seen last: {seen}"
        );
        tokio::time::sleep(BETWEEN).await;
    }
}
