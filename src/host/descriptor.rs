//! Descriptors of the kernel that become readable when something has happened.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Has the runtime wait until a descriptor is readable.
///
/// # Errors
/// Those of epoll_ctl(2).
#[allow(
    deprecated,
    reason = "it is unsound for types that give their descriptor away, which this one does not; its successor is unsafe"
)]
pub(super) fn await_readable(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(descriptor, Interest::READABLE)
}
