//! The commands: what they print and how they end.

mod columns;
mod page;
mod parse;

pub mod args;
pub mod check;
pub mod config_show;
pub mod junit;
pub mod lint;
pub mod plan;
pub mod plot;
pub mod status;
