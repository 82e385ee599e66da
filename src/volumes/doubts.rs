//! Counts that may be too high: a request to unmount, or the Get that Docker sends before it, was lost with the process that
//! received it, or Docker was killed.
//! What Docker says of its containers settles it. Pure: [`super::settling`] asks.

use std::collections::BTreeMap;
use std::time::Duration;

use super::state::Volume;

/// A container that is being started has its volumes before it runs. It is on its way for no longer: Docker waits two
/// minutes for each of its mounts.
const STARTED: Duration = Duration::from_mins(5);

/// How containers have a volume: how often, and how often in one that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uses {
    /// By any container, running or not.
    pub all: u32,
    /// By containers that run.
    pub running: u32,
}

/// What is known of a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As many use it as are counted, or more are about to.
    Right,
    /// Nobody uses it.
    Nobody,
    /// It can't be known yet.
    Open,
}

/// Volumes whose count is in doubt.
#[derive(Debug, Default)]
pub struct Doubts(BTreeMap<String, Option<Idle>>);

/// A volume that no container which runs has.
#[derive(Debug)]
struct Idle {
    since: Duration,
    mounts: BTreeMap<String, u32>,
}

impl Doubts {
    /// Doubts every count, but for volumes that Docker may know nothing of.
    pub fn raise(&mut self, volumes: &BTreeMap<String, Volume>) {
        let used = volumes
            .iter()
            .filter(|(_, it)| it.references() > 0 && !it.ours.rebuilt);
        for (name, _) in used {
            self.0.entry(name.clone()).or_default();
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The volumes in doubt.
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// Judges a count by what Docker says; `now` counts from any moment. Only what stays open stays in doubt.
    pub fn judge(
        &mut self,
        name: &str,
        volume: Option<&Volume>,
        uses: Uses,
        now: Duration,
    ) -> Verdict {
        let mounts = volume.map(|volume| &volume.mounts);
        let verdict = match volume.map_or(0, Volume::references) {
            counted if counted <= uses.running => Verdict::Right,
            // Who is about to mount it has a container already.
            _ if uses.all == 0 => Verdict::Nobody,
            _ if uses.running == 0 && self.was_idle(name, mounts, now) => Verdict::Nobody,
            _ => Verdict::Open,
        };
        if verdict != Verdict::Open {
            self.0.remove(name);
            return verdict;
        }
        if let Some(idle) = self.0.get_mut(name) {
            let same = idle
                .as_ref()
                .is_some_and(|idle| Some(&idle.mounts) == mounts);
            if uses.running > 0 {
                *idle = None;
            } else if !same {
                *idle = Some(Idle {
                    since: now,
                    mounts: mounts.cloned().unwrap_or_default(),
                });
            }
        }
        verdict
    }

    fn was_idle(&self, name: &str, mounts: Option<&BTreeMap<String, u32>>, now: Duration) -> bool {
        self.0
            .get(name)
            .and_then(Option::as_ref)
            .is_some_and(|idle| {
                Some(&idle.mounts) == mounts && now.saturating_sub(idle.since) >= STARTED
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn volumes(ids: &[&str]) -> BTreeMap<String, Volume> {
        let volume = Volume {
            mounts: ids.iter().map(|id| ((*id).to_owned(), 1)).collect(),
            ..Volume::default()
        };
        BTreeMap::from([("a".to_owned(), volume)])
    }

    fn judged(doubts: &mut Doubts, ids: &[&str], all: u32, running: u32, minute: u32) -> Verdict {
        let volumes = volumes(ids);
        doubts.judge(
            "a",
            volumes.get("a"),
            Uses { all, running },
            MINUTE * minute,
        )
    }

    fn doubts() -> Doubts {
        let mut doubts = Doubts::default();
        doubts.raise(&volumes(&["one"]));
        assert_eq!(doubts.names(), ["a"]);
        doubts
    }

    #[test]
    fn what_nobody_uses_or_docker_may_not_know_is_not_in_doubt() {
        let mut doubts = Doubts::default();
        doubts.raise(&volumes(&[]));
        let mut found = volumes(&["one"]);
        found.get_mut("a").unwrap().ours.rebuilt = true;
        doubts.raise(&found);
        assert!(doubts.is_empty());
    }

    #[test]
    fn a_count_that_docker_agrees_with_is_right() {
        for (ids, running) in [(&["one"][..], 1), (&["one"], 2), (&[], 0)] {
            let mut doubts = doubts();
            assert_eq!(
                judged(&mut doubts, ids, running, running, 0),
                Verdict::Right
            );
            assert!(doubts.is_empty());
        }
        let mut doubts = doubts();
        assert_eq!(
            doubts.judge("a", None, Uses::default(), MINUTE),
            Verdict::Right
        );
    }

    #[test]
    fn a_volume_that_no_container_has_is_nobodys() {
        let mut doubts = doubts();
        assert_eq!(judged(&mut doubts, &["one"], 0, 0, 0), Verdict::Nobody);
        assert!(doubts.is_empty());
    }

    #[test]
    fn a_volume_of_containers_that_do_not_run_is_nobodys_after_a_while() {
        let mut doubts = doubts();
        assert_eq!(judged(&mut doubts, &["one"], 1, 0, 0), Verdict::Open);
        assert_eq!(judged(&mut doubts, &["one"], 1, 0, 4), Verdict::Open);
        // Somebody came: a container is being started.
        assert_eq!(judged(&mut doubts, &["one", "two"], 1, 0, 5), Verdict::Open);
        assert_eq!(judged(&mut doubts, &["one", "two"], 1, 0, 9), Verdict::Open);
        // It runs, and ends.
        assert_eq!(
            judged(&mut doubts, &["one", "two"], 1, 1, 10),
            Verdict::Open
        );
        assert_eq!(
            judged(&mut doubts, &["one", "two"], 1, 0, 11),
            Verdict::Open
        );
        assert_eq!(
            judged(&mut doubts, &["one", "two"], 1, 0, 16),
            Verdict::Nobody
        );
        assert!(doubts.is_empty());
    }

    #[test]
    fn while_one_of_two_runs_it_stays_open() {
        let mut doubts = doubts();
        for minute in [0, 10, 20] {
            assert_eq!(
                judged(&mut doubts, &["one", "two"], 2, 1, minute),
                Verdict::Open
            );
        }
        assert_eq!(doubts.names(), ["a"]);
    }
}
