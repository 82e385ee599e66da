//! ecs-nanny: a boot agent for EC2 instances made from custom AMIs.
//!
//! The rooms, in import order: a room uses only rooms above it.

#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod exit;
pub mod finding;
pub mod telemetry;
pub mod host;
pub mod settings;
pub mod agent_config;
pub mod volumes;
pub mod facts;
pub mod checks;
pub mod agent_image;
pub mod plan;
pub mod apply;
pub mod snapshot;
pub mod supervise;
pub mod lifecycle;
pub mod health;
pub mod bake;
pub mod cli;
pub mod app;
