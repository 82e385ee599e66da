//! The host prepared before Docker starts: Docker's own configuration, GPUs.
//!
//! They need root and docker.io; each test that writes has a host of its own.

#![allow(clippy::unwrap_used)]

mod daemon_json;
#[path = "../fixture/mod.rs"]
mod fixture;
mod gpu;
