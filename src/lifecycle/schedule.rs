//! What is asked when. Pure: no clock, and randomness is given.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::facts::InstanceFacts;

/// Something that the metadata service may announce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The interruption of a Spot instance.
    SpotInterruption,
    /// The recommendation to replace a Spot instance.
    Rebalance,
    /// Scheduled maintenance.
    Maintenance,
    /// What the Auto Scaling group wants.
    TargetState,
}

impl Subject {
    /// Its path in the metadata service, below the version.
    pub fn path(self) -> &'static str {
        match self {
            Subject::SpotInterruption => "meta-data/spot/instance-action",
            Subject::Rebalance => "meta-data/events/recommendations/rebalance",
            Subject::Maintenance => "meta-data/events/maintenance/scheduled",
            Subject::TargetState => "meta-data/autoscaling/target-lifecycle-state",
        }
    }
}

/// The longest time between two questions about the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intervals {
    /// Both subjects of a Spot instance. EC2 asks for 5 s (EC2 User Guide, "Spot Instance interruption notices" and
    /// "EC2 instance rebalance recommendations").
    pub spot: Duration,
    /// The group's target state. A lifecycle hook gives an hour, a warm pool's instance waits as long to be used.
    pub target_state: Duration,
    /// Maintenance is announced days before.
    pub maintenance: Duration,
}

impl Default for Intervals {
    fn default() -> Self {
        Intervals {
            spot: Duration::from_secs(5),
            target_state: Duration::from_secs(15),
            maintenance: Duration::from_secs(60),
        }
    }
}

impl Intervals {
    fn of(&self, subject: Subject) -> Duration {
        match subject {
            Subject::SpotInterruption | Subject::Rebalance => self.spot,
            Subject::TargetState => self.target_state,
            Subject::Maintenance => self.maintenance,
        }
    }
}

/// The part of an interval that jitter may take away. Only away: what is announced is seen within its interval.
const JITTER: f64 = 0.2;
/// After the launch a group may be unknown to the service for so long (`target-lifecycle-state` is 404 at first).
const GROUP_MAY_COME: Duration = Duration::from_secs(600);
/// The first pause of everything after an answer that failed; it doubles …
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// … up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// When each subject is asked about next.
#[derive(Debug)]
pub struct Schedule {
    intervals: Intervals,
    due: Vec<(Subject, Instant)>,
    /// Until when a group that is not known may still come.
    group_until: Option<Instant>,
    failures: u32,
    paused_until: Instant,
}

impl Schedule {
    /// What can be announced to this instance: spot paths to Spot instances alone, the target state where a group is
    /// known or the instance is so young that it may come. `random` is from 0 to 1.
    pub fn of(
        instance: &InstanceFacts,
        intervals: Intervals,
        wall: SystemTime,
        now: Instant,
        mut random: impl FnMut() -> f64,
    ) -> Self {
        let mut subjects = vec![Subject::Maintenance];
        if instance.life_cycle.as_deref() == Some("spot") {
            subjects.extend([Subject::SpotInterruption, Subject::Rebalance]);
        }
        let group_until = match instance.target_lifecycle_state {
            Some(_) => None,
            None => youth_left(instance, wall).map(|left| now + left),
        };
        if instance.target_lifecycle_state.is_some() || group_until.is_some() {
            subjects.push(Subject::TargetState);
        }
        let due = subjects
            .into_iter()
            .map(|subject| (subject, now + intervals.of(subject).mul_f64(random())))
            .collect();
        Schedule {
            intervals,
            due,
            group_until,
            failures: 0,
            paused_until: now,
        }
    }

    /// The subject that is due first, and when.
    pub fn next(&self) -> Option<(Subject, Instant)> {
        let (subject, at) = self.due.iter().min_by_key(|(_, at)| *at)?;
        Some((*subject, (*at).max(self.paused_until)))
    }

    /// There was an answer; `there` where the path was.
    pub fn answered(&mut self, subject: Subject, there: bool, now: Instant, random: f64) {
        self.failures = 0;
        if subject == Subject::TargetState {
            if there {
                self.group_until = None;
            } else if self.group_until.is_some_and(|until| now >= until) {
                self.due.retain(|(due, _)| *due != Subject::TargetState);
            }
        }
        self.again(subject, now, random);
    }

    /// There was no answer: nothing is asked for a while that grows.
    pub fn failed(&mut self, subject: Subject, now: Instant, random: f64) {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(8));
        self.failures = self.failures.saturating_add(1);
        self.paused_until = now + shortened(pause.min(LONGEST_PAUSE), random);
        self.again(subject, now, random);
    }

    fn again(&mut self, subject: Subject, now: Instant, random: f64) {
        let next = now + shortened(self.intervals.of(subject), random);
        for (due, at) in &mut self.due {
            if *due == subject {
                *at = next;
            }
        }
    }
}

fn shortened(span: Duration, random: f64) -> Duration {
    span.mul_f64(1.0 - JITTER * random)
}

/// How long the instance is still so young that its group may not be known; `None` where it is older, or nobody knows.
fn youth_left(instance: &InstanceFacts, wall: SystemTime) -> Option<Duration> {
    let launched = humantime::parse_rfc3339(instance.launch_time.as_deref()?).ok()?;
    let age = wall.duration_since(launched).unwrap_or_default();
    GROUP_MAY_COME
        .checked_sub(age)
        .filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn instance(life_cycle: &str, target_state: Option<&str>) -> InstanceFacts {
        InstanceFacts {
            life_cycle: Some(life_cycle.to_owned()),
            target_lifecycle_state: target_state.map(str::to_owned),
            launch_time: Some("2026-01-01T00:00:00Z".to_owned()),
            ..InstanceFacts::default()
        }
    }

    /// What is asked in an hour, when every question is answered at once; and the longest gap of each subject.
    fn hour(
        instance: &InstanceFacts,
        age: Duration,
        there: bool,
    ) -> BTreeMap<Subject, (u32, Duration)> {
        let launched = humantime::parse_rfc3339("2026-01-01T00:00:00Z").unwrap();
        let begin = Instant::now();
        let mut random = fastrand::Rng::with_seed(7);
        let intervals = Intervals::default();
        let mut schedule =
            Schedule::of(instance, intervals, launched + age, begin, || random.f64());
        let mut asked: BTreeMap<Subject, (u32, Duration)> = BTreeMap::new();
        let mut last: BTreeMap<Subject, Instant> = BTreeMap::new();
        while let Some((subject, at)) = schedule.next() {
            if at > begin + Duration::from_secs(3600) {
                break;
            }
            let before = last.insert(subject, at).unwrap_or(begin);
            let (count, gap) = asked.entry(subject).or_default();
            *count += 1;
            *gap = (*gap).max(at - before);
            schedule.answered(subject, there, at, random.f64());
        }
        asked
    }

    const OLD: Duration = Duration::from_secs(86400);

    #[test]
    fn only_what_can_come_is_asked_about() {
        let on_demand = hour(&instance("on-demand", None), OLD, false);
        let subjects: Vec<Subject> = on_demand.into_keys().collect();
        assert_eq!(subjects, [Subject::Maintenance]);
        let in_a_group = hour(&instance("on-demand", Some("InService")), OLD, true);
        let subjects: Vec<Subject> = in_a_group.into_keys().collect();
        assert_eq!(subjects, [Subject::Maintenance, Subject::TargetState]);
    }

    #[test]
    fn everything_is_asked_within_its_interval_and_under_once_a_second_in_all() {
        let asked = hour(&instance("spot", Some("InService")), OLD, true);
        let intervals = Intervals::default();
        assert_eq!(asked.len(), 4);
        for (subject, (_, gap)) in &asked {
            assert!(*gap <= intervals.of(*subject), "{subject:?}: {gap:?}");
        }
        let total: u32 = asked.values().map(|(count, _)| count).sum();
        assert!(total < 3600, "{asked:?}");
    }

    #[test]
    fn a_group_is_looked_for_while_the_instance_is_young() {
        let young = hour(&instance("on-demand", None), Duration::from_secs(30), false);
        let (count, _) = young[&Subject::TargetState];
        // Ten minutes from the launch, at 12 s to 15 s each.
        assert!((38..=50).contains(&count), "{count}");
    }

    #[test]
    fn a_service_that_fails_is_asked_less_and_less() {
        let begin = Instant::now();
        let spot = instance("spot", Some("InService"));
        let mut schedule = Schedule::of(
            &spot,
            Intervals::default(),
            SystemTime::now(),
            begin,
            || 0.5,
        );
        let mut asked = 0;
        while let Some((subject, at)) = schedule.next() {
            if at > begin + Duration::from_secs(600) {
                break;
            }
            asked += 1;
            schedule.failed(subject, at, 0.5);
        }
        // One at a time, 27 s apart after the first five.
        assert!((20..=30).contains(&asked), "{asked}");
        let (subject, at) = schedule.next().unwrap();
        schedule.answered(subject, true, at, 0.5);
        let (_, next) = schedule.next().unwrap();
        assert!(next - at < Duration::from_secs(5), "{:?}", next - at);
    }
}
