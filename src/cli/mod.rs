//! What the commands print.

pub mod lint;
