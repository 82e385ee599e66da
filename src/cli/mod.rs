//! The commands: what they print and how they end.

mod columns;

pub mod check;
pub mod config_show;
pub mod plan;
