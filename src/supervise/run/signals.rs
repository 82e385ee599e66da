//! Signals as events.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::supervise::state::Event;

/// The signals that mean something here.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
    leave: Signal,
}

impl Signals {
    pub(super) fn install() -> std::io::Result<Self> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            reload: signal(SignalKind::hangup())?,
            leave: signal(SignalKind::user_defined2())?,
        })
    }

    pub(super) async fn next(&mut self) -> Event {
        tokio::select! {
            _ = self.terminate.recv() => Event::StopRequested,
            _ = self.interrupt.recv() => Event::StopRequested,
            _ = self.reload.recv() => Event::ReloadAsked,
            _ = self.leave.recv() => Event::LeaveRequested,
        }
    }
}
