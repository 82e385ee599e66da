//! The outside world, one adapter a file. No policy, no settings.

pub mod files;
pub mod imds;
