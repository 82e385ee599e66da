//! What EC2 and Auto Scaling announce: polled where it can come, told to the supervision as one view. And what is done about
//! the host outside of it, where settings switch that on: a pure machine decides, a task beside the supervision performs.

mod act;
pub mod acting;
mod notice;
mod perform;
mod schedule;
mod watch;

pub use act::{KILL_SWITCH, RECORD, act};
pub use perform::Tools;
pub use schedule::{Intervals, Subject};
pub use watch::watch;
