//! What systemd gives to `ecs-nanny.service`, for those who start `ecs-nanny run` in its place.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// `WatchdogSec=` of the unit.
pub const WATCHDOG: Duration = Duration::from_secs(10);

/// Gives a command the environment of the unit (systemd/ecs-nanny.service), with notifications to a socket.
pub fn environment(command: &mut Command, notify_socket: &Path) {
    command
        .env("NOTIFY_SOCKET", notify_socket)
        .env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string())
        .env("MALLOC_ARENA_MAX", "1")
        .env_remove("WATCHDOG_PID")
        .env_remove("JOURNAL_STREAM");
}
