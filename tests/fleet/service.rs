//! Services that throttle: a bucket of tokens, of which a refused request takes none.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// What the fleet asks.
pub struct Services {
    pub metadata: Service,
    pub registration: Service,
}

/// One of them.
pub struct Service {
    began: Instant,
    per_second: f64,
    burst: f64,
    silent_for: Duration,
    state: RefCell<State>,
}

struct State {
    tokens: f64,
    filled: Instant,
    /// Requests in each second.
    asked: BTreeMap<u64, u64>,
}

/// How long an answer takes.
const ANSWER: Duration = Duration::from_millis(20);

impl Service {
    pub fn new(began: Instant, per_second: f64, burst: f64) -> Self {
        Service {
            began,
            per_second,
            burst,
            silent_for: Duration::ZERO,
            state: RefCell::new(State {
                tokens: burst,
                filled: began,
                asked: BTreeMap::new(),
            }),
        }
    }

    /// Answers nobody for a while after the first exec.
    pub fn silent_for(self, silent_for: Duration) -> Self {
        Service { silent_for, ..self }
    }

    /// One request: answered, or refused for there being too many.
    pub async fn ask(&self) -> bool {
        tokio::time::sleep(ANSWER).await;
        let now = Instant::now();
        let mut state = self.state.borrow_mut();
        let since = (now - state.filled).as_secs_f64();
        state.tokens = (state.tokens + since * self.per_second).min(self.burst);
        state.filled = now;
        *state.asked.entry((now - self.began).as_secs()).or_default() += 1;
        let answered = state.tokens >= 1.0 && now - self.began >= self.silent_for;
        if answered {
            state.tokens -= 1.0;
        }
        answered
    }

    /// Requests in all.
    pub fn asked(&self) -> u64 {
        self.state.borrow().asked.values().sum()
    }

    pub fn most_in_a_second(&self) -> u64 {
        self.state
            .borrow()
            .asked
            .values()
            .copied()
            .max()
            .unwrap_or(0)
    }

    /// Requests in each second, from the first exec on.
    pub fn by_second(&self) -> BTreeMap<u64, u64> {
        self.state.borrow().asked.clone()
    }
}
