//! What systemd is told of this service: READY, STATUS, WATCHDOG, STOPPING (sd_notify(3)). Elsewhere nothing happens.

use std::time::Duration;

use sd_notify::NotifyState;

/// The service is up: health is served.
pub fn ready() {
    send(&[NotifyState::Ready]);
}

/// One line for `systemctl status`.
pub fn status(line: &str) {
    // A line end would begin another assignment.
    send(&[NotifyState::Status(&line.replace('\n', " "))]);
}

/// The loop is alive.
pub fn alive() {
    send(&[NotifyState::Watchdog]);
}

/// The service is going down.
pub fn stopping() {
    send(&[NotifyState::Stopping]);
}

/// How often systemd wants to hear [`alive`] at the least; `None` where it does not watch.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

fn send(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!("sd_notify: {error}");
    }
}
