//! How far a transfer is: a bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a line is written where there is no terminal.
const EVERY: Duration = Duration::from_secs(5);

/// The progress of one file.
pub struct Progress {
    bar: Option<ProgressBar>,
    done: u64,
    total: Option<u64>,
    told: Instant,
}

impl Progress {
    /// Begins at `done` of `total` bytes.
    pub fn new(done: u64, total: Option<u64>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
            const LINE: &str = "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
            if let Ok(style) = ProgressStyle::with_template(LINE) {
                bar.set_style(style);
            }
            bar.set_position(done);
            bar
        });
        Progress {
            bar,
            done,
            total,
            told: Instant::now(),
        }
    }

    /// More has arrived.
    pub fn more(&mut self, bytes: u64) {
        self.done += bytes;
        match &self.bar {
            Some(bar) => bar.set_position(self.done),
            None if self.told.elapsed() >= EVERY => {
                self.told = Instant::now();
                match self.total {
                    Some(total) => {
                        eprintln!("{} of {}", HumanBytes(self.done), HumanBytes(total));
                    }
                    None => eprintln!("{}", HumanBytes(self.done)),
                }
            }
            None => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
