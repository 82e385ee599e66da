//! This boot: its id, and how long ago its kernel started.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::files::Root;

/// The kernel's id of this boot.
pub fn id(root: &Root) -> Option<String> {
    root.line("/proc/sys/kernel/random/boot_id")
}

/// How long ago the kernel started, suspended time included; `None` where there is no such clock.
pub fn kernel_age() -> Option<Duration> {
    clock_gettime(ClockId::CLOCK_BOOTTIME)
        .ok()
        .map(Duration::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_older_than_this_test() {
        assert!(kernel_age().unwrap() > Duration::ZERO);
        assert_eq!(id(&Root::host()).unwrap().len(), 36);
    }
}
