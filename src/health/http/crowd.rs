//! The clients of one listener, bounded in number.

use std::collections::VecDeque;

use tokio::task::JoinHandle;

/// Clients that are being served, those that came first in front.
pub(super) struct Crowd {
    limit: usize,
    served: VecDeque<JoinHandle<()>>,
}

impl Crowd {
    pub(super) fn new(limit: usize) -> Self {
        Crowd {
            limit,
            served: VecDeque::new(),
        }
    }

    /// Serves one more. Where there are too many, the one that came first goes: whoever asks at once is answered at
    /// once, and who has been here longest is the slowest.
    pub(super) fn admit(&mut self, exchange: impl Future<Output = ()> + 'static) {
        self.served.retain(|client| !client.is_finished());
        if self.served.len() >= self.limit
            && let Some(first) = self.served.pop_front()
        {
            first.abort();
        }
        self.served.push_back(tokio::task::spawn_local(exchange));
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for client in &self.served {
            client.abort();
        }
    }
}
