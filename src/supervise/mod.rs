//! Keeps the engine and the agent up: a pure machine decides, a loop performs.

mod board;
pub mod engine;
pub mod exit_reason;
pub mod hold;
mod images;
mod news;
mod run;
pub mod state;
mod tasks;
mod timeline;

pub use run::{Setup, backend, first_snapshot, jittered, run};
pub use tasks::{SettingsSource, lint};
pub use timeline::Timeline;
