//! A descriptor that is kept for whoever asks how ecs-nanny is when it can open no more.

use std::cell::RefCell;
use std::fs::File;

/// Held until a client can't be let in without it.
#[derive(Debug, Default)]
pub struct Spare(RefCell<Option<File>>);

impl Spare {
    /// Takes one again, if it was given away and there is one.
    pub fn keep(&self) {
        let mut held = self.0.borrow_mut();
        if held.is_none() {
            *held = File::open("/dev/null").ok();
        }
    }

    /// Gives it away; false if there is none.
    pub fn give(&self) -> bool {
        self.0.take().is_some()
    }
}
