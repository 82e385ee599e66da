//! The outside world, one adapter a file. No policy, no settings.

pub mod activation;
pub mod alarm;
pub mod boot;
pub mod connections;
mod descriptor;
pub mod docker;
pub mod docker_config;
pub mod dockerd;
pub mod dropins;
pub mod files;
pub mod imds;
pub mod introspection;
pub mod journal;
pub mod lock;
pub mod mounts;
pub mod netfilter;
pub mod nftables;
pub mod notify;
pub mod nvml;
pub mod process;
pub mod program;
pub mod routes;
pub mod sysctl;
pub mod systemd;
pub mod volumes;
pub mod watch;
