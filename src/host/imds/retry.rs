//! Trying again within a budget, with full jitter.

use std::future::Future;
use std::time::Duration;

use backon::Retryable;
use tokio::time::Instant;

use super::ImdsError;

/// The first pause is at most this long, each following one twice as long …
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// … up to this. A fleet that boots at once must not ask in step, so every pause is drawn from zero to its limit.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A caller hears at most so often what is waited for.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// What is waited for.
#[derive(Debug)]
pub struct Waiting<'a> {
    /// What the last attempt said.
    pub error: &'a ImdsError,
    /// Since the first attempt.
    pub waited: Duration,
    /// The whole budget.
    pub budget: Duration,
}

/// Attempts until one succeeds, one fails with an error that is not worth retrying, or the budget does not last for
/// another pause; an attempt that has begun is not cut off. `tell` is called after the first failure, and from then on
/// every few seconds.
///
/// # Errors
/// Those of the last attempt.
pub async fn with_budget<T, F>(
    budget: Duration,
    attempt: impl FnMut() -> F,
    mut tell: impl FnMut(Waiting<'_>),
) -> Result<T, ImdsError>
where
    F: Future<Output = Result<T, ImdsError>>,
{
    let started = Instant::now();
    let mut told_at = None;
    attempt
        .retry(FullJitter::until(started + budget))
        .sleep(tokio::time::sleep)
        .when(ImdsError::is_worth_retrying)
        .notify(|error, _| {
            let now = Instant::now();
            if told_at.is_none_or(|told_at| now - told_at >= TELL_EVERY) {
                told_at = Some(now);
                tell(Waiting {
                    error,
                    waited: now - started,
                    budget,
                });
            }
        })
        .await
}

/// Pauses that are drawn from zero to a limit that grows, until a point in time.
#[derive(Debug)]
struct FullJitter {
    limit: Duration,
    end: Instant,
}

impl FullJitter {
    fn until(end: Instant) -> Self {
        FullJitter {
            limit: FIRST_PAUSE,
            end,
        }
    }
}

impl Iterator for FullJitter {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = self.limit.mul_f64(fastrand::f64());
        self.limit = (self.limit * 2).min(LONGEST_PAUSE);
        (Instant::now() + pause < self.end).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> ImdsError {
        ImdsError::Unreachable("lab: connection refused".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_comes_after_30_s_is_met_within_the_longest_pause() {
        let started = Instant::now();
        let late = Duration::from_secs(30);
        let mut told = Vec::new();
        let met = with_budget(
            Duration::from_secs(300),
            || async {
                if started.elapsed() < late {
                    Err(refused())
                } else {
                    Ok(started.elapsed())
                }
            },
            |waiting| told.push(waiting.waited),
        )
        .await
        .unwrap();
        assert!(met >= late && met <= late + LONGEST_PAUSE, "{met:?}");
        assert_eq!(told.first(), Some(&Duration::ZERO));
        let gaps: Vec<Duration> = told.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.len() >= 3, "{told:?}");
        assert!(
            gaps.iter()
                .all(|gap| *gap >= TELL_EVERY && *gap <= TELL_EVERY + LONGEST_PAUSE),
            "{told:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_spent_budget_gives_the_last_error() {
        let budget = Duration::from_secs(300);
        let started = Instant::now();
        let mut attempts = 0;
        let error = with_budget(
            budget,
            || {
                attempts += 1;
                async { Err::<(), _>(refused()) }
            },
            |_| {},
        )
        .await
        .unwrap_err();
        assert_eq!(error, refused());
        let spent = started.elapsed();
        assert!(
            spent <= budget && spent >= budget - LONGEST_PAUSE,
            "{spent:?}"
        );
        // A mean pause of half of LONGEST_PAUSE.
        assert!((80..200).contains(&attempts), "{attempts}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_that_does_not_pass_ends_it_at_once() {
        let started = Instant::now();
        let disabled = ImdsError::Disabled {
            path: "api/token".to_owned(),
        };
        let error = with_budget(
            Duration::from_secs(300),
            || async { Err::<(), _>(disabled.clone()) },
            |_| panic!("nothing is waited for"),
        )
        .await
        .unwrap_err();
        assert_eq!(error, disabled);
        assert_eq!(started.elapsed(), Duration::ZERO);
    }
}
