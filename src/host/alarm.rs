//! A timer for a loop that sleeps for seconds. The runtime's own timers fall through the levels of a wheel and wake their
//! sleeper up to three times on the way; the kernel's wakes it once.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;

use super::descriptor::await_readable;

/// One timer, which may be set again and again.
#[derive(Debug)]
pub struct Alarm {
    /// `None` where the kernel gave none, for want of descriptors.
    timer: Option<AsyncFd<OwnedFd>>,
    set_to: Option<Instant>,
}

impl Alarm {
    /// A timer that is not set. To be made in a runtime.
    pub fn new() -> Self {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags).ok();
        Alarm {
            timer: timer.and_then(|timer| await_readable(timer).ok()),
            set_to: None,
        }
    }

    /// Waits until a moment; one that has passed is there at once. It may be dropped and called again.
    pub async fn at(&mut self, moment: Instant) {
        if self.expired(moment).await.is_none() {
            tokio::time::sleep_until(moment).await;
        }
    }

    /// `None` where the kernel's timer can't be used.
    async fn expired(&mut self, moment: Instant) -> Option<()> {
        let timer = self.timer.as_ref()?;
        loop {
            let left = moment.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Some(());
            }
            if self.set_to != Some(moment) {
                self.set_to = None;
                set(timer, left)?;
                self.set_to = Some(moment);
            }
            // It may still be readable from an earlier moment.
            timer.readable().await.ok()?.clear_ready();
        }
    }
}

impl Default for Alarm {
    fn default() -> Self {
        Alarm::new()
    }
}

fn set(timer: &AsyncFd<OwnedFd>, left: Duration) -> Option<()> {
    let once = Itimerspec {
        it_interval: Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        },
        it_value: Timespec::try_from(left).ok()?,
    };
    timerfd_settime(timer, TimerfdTimerFlags::empty(), &once).ok()?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_rings_at_each_moment_and_not_before() {
        let mut alarm = Alarm::new();
        assert!(alarm.timer.is_some());
        let begin = Instant::now();
        for after in [30, 10, 50, 50, 0] {
            let moment = begin + Duration::from_millis(after);
            alarm.at(moment).await;
            assert!(Instant::now() >= moment);
        }
    }

    #[tokio::test]
    async fn a_wait_that_was_given_up_does_not_shorten_the_next() {
        let mut alarm = Alarm::new();
        let soon = Instant::now() + Duration::from_millis(5);
        tokio::select! {
            biased;
            () = std::future::ready(()) => {}
            () = alarm.at(soon) => {}
        }
        tokio::time::sleep_until(soon + Duration::from_millis(5)).await;
        let later = Instant::now() + Duration::from_millis(20);
        alarm.at(later).await;
        assert!(Instant::now() >= later);
    }

    #[tokio::test]
    async fn without_a_timer_of_the_kernel_the_runtime_wakes() {
        let mut alarm = Alarm {
            timer: None,
            set_to: None,
        };
        let moment = Instant::now() + Duration::from_millis(5);
        alarm.at(moment).await;
        assert!(Instant::now() >= moment);
    }
}
