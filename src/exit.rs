//! The exit statuses that systemd and scripts act on.

use std::process::{ExitCode, Termination};

/// What a command ended with. The numbers are a public interface, documented in the man page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, fit or healthy.
    Done,
    /// Failed, unfit, unhealthy or unknown.
    Failed,
    /// The command line was wrong (clap's own status for usage errors).
    Usage,
    /// The agent ended terminally; the number is the agent's own (`ExitTerminal`).
    AgentTerminal,
    /// The host can't be made fit (`EX_UNAVAILABLE` of sysexits.h).
    HostUnfit,
    /// The settings are wrong (`EX_CONFIG` of sysexits.h).
    BadSettings,
}

impl Exit {
    /// The process exit status.
    pub fn status(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::AgentTerminal => 5,
            Exit::HostUnfit => 69,
            Exit::BadSettings => 78,
        }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.status())
    }
}
