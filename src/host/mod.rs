//! The outside world, one adapter a file. No policy, no settings.

pub mod docker;
pub mod dockerd;
pub mod files;
pub mod introspection;
pub mod journal;
pub mod notify;
pub mod systemd;
pub mod watch;
pub mod lock;
pub mod netfilter;
pub mod program;
pub mod routes;
pub mod sysctl;
