//! The commands: what they print and how they end.

pub mod check;
