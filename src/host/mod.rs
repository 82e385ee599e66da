//! The outside world, one adapter a file. No policy, no settings.

pub mod files;
pub mod lock;
pub mod netfilter;
pub mod program;
pub mod routes;
pub mod sysctl;
