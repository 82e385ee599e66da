//! What is done about the host outside of it. A pure machine on the snapshot: no clock, no I/O; `now` counts from its
//! beginning. Everything that it may do is off until a setting switches it on.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::facts::share_of;
use crate::settings;
use crate::snapshot::{NoticeName, Phase, Reason};

#[cfg(test)]
mod tests;

/// The most that jitter adds to a wait that ends in an action on the instance, so that a fleet does not act at once.
const LONGEST_JITTER: Duration = Duration::from_secs(120);
/// The part of such a wait that jitter adds at most.
const JITTER: f64 = 0.2;
/// How often a call is tried that fails.
pub const TRIES: u32 = 8;
/// The wait before the second try; it doubles …
const FIRST_WAIT: Duration = Duration::from_secs(15);
/// … up to this, which is also the wait after a refusal that only a change of the role's policy ends.
const LONGEST_WAIT: Duration = Duration::from_secs(900);
/// The user's command runs at most so often; what changes meanwhile is one change.
const COMMAND_EVERY: Duration = Duration::from_secs(10);

/// Something that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// The Auto Scaling group is told that the instance is unhealthy.
    SetUnhealthy,
    /// The launch hook's action is completed: the group goes on with the instance.
    Continue,
    /// The same: the group replaces the instance.
    Abandon,
    /// The launch hook is asked for more time.
    Heartbeat,
    /// The container instance is set to DRAINING.
    Drain,
    /// The user's command runs.
    Command,
    /// The host is switched off.
    PowerOff,
}

impl Act {
    /// All of them.
    const ALL: [Act; 7] = [
        Act::SetUnhealthy,
        Act::Continue,
        Act::Abandon,
        Act::Heartbeat,
        Act::Drain,
        Act::Command,
        Act::PowerOff,
    ];

    /// The act of a word.
    pub fn of_word(word: &str) -> Option<Act> {
        Act::ALL.into_iter().find(|act| act.word() == word)
    }

    /// Its word in the document.
    pub fn word(self) -> &'static str {
        match self {
            Act::SetUnhealthy => "set_unhealthy",
            Act::Continue => "continue_launch",
            Act::Abandon => "abandon_launch",
            Act::Heartbeat => "heartbeat",
            Act::Drain => "drain",
            Act::Command => "command",
            Act::PowerOff => "power_off",
        }
    }

    /// Whether it calls AWS, which nothing does for the groups of AWS Batch.
    pub fn calls_aws(self) -> bool {
        !matches!(self, Act::Command | Act::PowerOff)
    }
}

/// What is seen of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The phase.
    pub phase: Phase,
    /// Its reason.
    pub reason: Option<Reason>,
    /// The agent runs and is registered.
    pub ready: bool,
    /// What is announced.
    pub notices: Vec<NoticeName>,
    /// What the Auto Scaling group wants; `None` where no group is known.
    pub target_state: Option<String>,
    /// The agent has told its container instance.
    pub registered: bool,
    /// AWS Batch owns the instance.
    pub batch: bool,
    /// Nothing is to be done: the kill switch, or an operator's hold.
    pub off: bool,
}

/// How something ended that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is done, or there is nothing left to do.
    Done,
    /// It failed, and may work the next time.
    Failed,
    /// It failed, and only a change elsewhere mends that.
    Refused,
}

/// How far one thing has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    Open,
    Busy,
    /// It failed so often; not before this moment again.
    Waits(Duration),
    Done,
}

#[derive(Debug, Clone, Copy, Default)]
struct Track {
    stage: Stage,
    tries: u32,
}

/// The machine.
#[derive(Debug)]
pub struct State {
    /// 0 to 1, by the instance's id: the same after a restart.
    jitter: f64,
    failed_since: Option<Duration>,
    unfit_since: Option<Duration>,
    /// What the group wanted when the launch hook was looked at: leaving a warm pool is a launch of its own.
    launching_for: Option<String>,
    heartbeat_at: Option<Duration>,
    told: Option<(Phase, Option<Reason>)>,
    command_at: Option<Duration>,
    tracks: BTreeMap<Act, Track>,
}

impl State {
    /// Nothing done yet but for what an earlier process of this boot has done.
    pub fn new(instance_id: &str, done: impl IntoIterator<Item = Act>) -> Self {
        let track = Track {
            stage: Stage::Done,
            tries: 0,
        };
        State {
            jitter: share_of(instance_id),
            failed_since: None,
            unfit_since: None,
            launching_for: None,
            heartbeat_at: None,
            told: None,
            command_at: None,
            tracks: done.into_iter().map(|act| (act, track)).collect(),
        }
    }

    /// Looks at the host and says what is to be done now. To be called at every change and every second.
    pub fn look(&mut self, seen: &Seen, rules: &settings::Acting, now: Duration) -> Vec<Act> {
        let since = |since: &mut Option<Duration>, is: bool| {
            *since = is.then(|| since.unwrap_or(now));
        };
        since(&mut self.failed_since, seen.phase == Phase::Failed);
        let unfit = seen.phase == Phase::Failed && seen.reason == Some(Reason::HostUnfit);
        since(&mut self.unfit_since, unfit);
        self.follow_launch(seen, now);
        let wanted = [
            self.wants_unhealthy(seen, rules, now)
                .then_some(Act::SetUnhealthy),
            self.wants_of_hook(seen, rules, now),
            self.wants_drain(seen, rules).then_some(Act::Drain),
            self.wants_command(seen, rules, now).then_some(Act::Command),
            self.lasts(self.unfit_since, rules.power_off_after, now)
                .then_some(Act::PowerOff),
        ];
        let mut acts = Vec::new();
        for act in wanted.into_iter().flatten() {
            let barred = seen.off || (seen.batch && act.calls_aws());
            if !barred && self.may(act, now) {
                self.begin(act, seen, now);
                acts.push(act);
            }
        }
        acts
    }

    /// Takes how something ended.
    pub fn ended(&mut self, act: Act, outcome: Outcome, now: Duration) {
        let jitter = self.jitter;
        let track = self.tracks.entry(act).or_default();
        let repeats = matches!(act, Act::Heartbeat | Act::Command);
        track.stage = match outcome {
            Outcome::Done if repeats => Stage::Open,
            Outcome::Done => Stage::Done,
            Outcome::Failed | Outcome::Refused => {
                track.tries = track.tries.saturating_add(1);
                let wait = match outcome {
                    Outcome::Refused => LONGEST_WAIT,
                    _ => FIRST_WAIT.saturating_mul(1 << track.tries.min(8).saturating_sub(1)),
                };
                Stage::Waits(now + wait.min(LONGEST_WAIT).mul_f64(1.0 + jitter * JITTER))
            }
        };
        if outcome == Outcome::Done {
            track.tries = 0;
        }
    }

    /// What is done and is not done again in this boot.
    pub fn done(&self) -> impl Iterator<Item = Act> {
        let tracks = self.tracks.iter();
        tracks.filter_map(|(act, track)| (track.stage == Stage::Done).then_some(*act))
    }

    fn may(&self, act: Act, now: Duration) -> bool {
        let track = self.tracks.get(&act).copied().unwrap_or_default();
        match track.stage {
            Stage::Open => true,
            Stage::Waits(until) => track.tries < TRIES && now >= until,
            Stage::Busy | Stage::Done => false,
        }
    }

    fn begin(&mut self, act: Act, seen: &Seen, now: Duration) {
        self.tracks.entry(act).or_default().stage = Stage::Busy;
        match act {
            Act::Heartbeat => self.heartbeat_at = Some(now),
            Act::Command => {
                self.told = Some((seen.phase, seen.reason));
                self.command_at = Some(now);
            }
            _ => {}
        }
    }

    fn is_done(&self, act: Act) -> bool {
        self.tracks
            .get(&act)
            .is_some_and(|track| track.stage == Stage::Done)
    }

    /// Whether something has lasted for so long, and for the jitter on top.
    fn lasts(&self, since: Option<Duration>, after: Option<Duration>, now: Duration) -> bool {
        let (Some(since), Some(after)) = (since, after) else {
            return false;
        };
        let jitter = after
            .mul_f64(JITTER)
            .min(LONGEST_JITTER)
            .mul_f64(self.jitter);
        now.saturating_sub(since) >= after + jitter
    }

    fn wants_unhealthy(&self, seen: &Seen, rules: &settings::Acting, now: Duration) -> bool {
        seen.target_state.is_some() && self.lasts(self.failed_since, rules.unhealthy_after, now)
    }

    /// An instance that leaves its warm pool is launched a second time.
    fn follow_launch(&mut self, seen: &Seen, now: Duration) {
        let before = std::mem::replace(&mut self.launching_for, seen.target_state.clone());
        self.heartbeat_at.get_or_insert(now);
        if before.is_some_and(|state| state.starts_with("Warmed:"))
            && seen.target_state.as_deref() == Some("InService")
        {
            for act in [Act::Continue, Act::Abandon, Act::Heartbeat] {
                self.tracks.remove(&act);
            }
        }
    }

    fn wants_of_hook(&self, seen: &Seen, rules: &settings::Acting, now: Duration) -> Option<Act> {
        if rules.launch_hook.is_none()
            || seen.target_state.is_none()
            || self.is_done(Act::Continue)
            || self.is_done(Act::Abandon)
        {
            return None;
        }
        // In a warm pool there is nothing more to wait for.
        if seen.ready || seen.reason == Some(Reason::WarmPool) {
            return Some(Act::Continue);
        }
        if self.lasts(self.failed_since, Some(rules.abandon_after), now) {
            return Some(Act::Abandon);
        }
        let due = self.heartbeat_at.unwrap_or_default() + rules.heartbeat;
        (now >= due).then_some(Act::Heartbeat)
    }

    fn wants_drain(&self, seen: &Seen, rules: &settings::Acting) -> bool {
        let named = |notice: &NoticeName| rules.drain_on.iter().any(|word| word == notice.word());
        seen.registered && seen.notices.iter().any(named)
    }

    fn wants_command(&self, seen: &Seen, rules: &settings::Acting, now: Duration) -> bool {
        let rested = self
            .command_at
            .is_none_or(|at| now.saturating_sub(at) >= COMMAND_EVERY);
        !rules.command.is_empty() && rested && self.told != Some((seen.phase, seen.reason))
    }
}
