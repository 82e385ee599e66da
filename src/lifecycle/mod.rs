//! What EC2 and Auto Scaling announce: polled where it can come, told to the supervision as one view.

mod notice;
mod schedule;
mod watch;

pub use schedule::{Intervals, Subject};
pub use watch::watch;
