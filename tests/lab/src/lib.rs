//! The EC2 look-alike that tests, the demo, chaos runs and benchmarks of ecs-nanny use; never shipped. See README.md.

#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod aws;
pub mod bucket;
pub mod host;
pub mod image;
pub mod imds;
pub mod picture;
pub mod programs;
pub mod unit;
