use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn rules() -> settings::Acting {
    settings::Acting {
        unhealthy_after: Some(10 * MINUTE),
        launch_hook: Some("booted".to_owned()),
        drain_on: vec!["spot_interruption".to_owned()],
        command: vec!["/bin/true".to_owned()],
        power_off_after: Some(20 * MINUTE),
        ..settings::Acting::default()
    }
}

fn seen(phase: Phase, reason: Option<Reason>) -> Seen {
    Seen {
        phase,
        reason,
        ready: phase == Phase::Healthy,
        notices: Vec::new(),
        target_state: Some("InService".to_owned()),
        registered: phase == Phase::Healthy,
        batch: false,
        off: false,
    }
}

fn healthy() -> Seen {
    seen(Phase::Healthy, None)
}

fn failed() -> Seen {
    seen(Phase::Failed, Some(Reason::AgentTerminal))
}

/// A host whose phases are played second by second; every act is done at once.
struct Play {
    state: State,
    rules: settings::Acting,
    now: Duration,
    acts: Vec<(Act, Duration)>,
}

impl Play {
    fn with(rules: settings::Acting) -> Self {
        Play {
            state: State::new("i-0123456789abcdef0", []),
            rules,
            now: Duration::ZERO,
            acts: Vec::new(),
        }
    }

    fn go(&mut self, seen: &Seen, lasting: Duration, outcome: Outcome) {
        let end = self.now + lasting;
        while self.now < end {
            for act in self.state.look(seen, &self.rules, self.now) {
                self.acts.push((act, self.now));
                self.state.ended(act, outcome, self.now);
            }
            self.now += Duration::from_secs(1);
        }
    }

    fn count(&self, act: Act) -> usize {
        self.acts.iter().filter(|(did, _)| *did == act).count()
    }

    fn when(&self, act: Act) -> Option<Duration> {
        let found = self.acts.iter().find(|(did, _)| *did == act);
        found.map(|(_, when)| *when)
    }
}

#[test]
fn nothing_is_done_unless_it_is_switched_on() {
    let mut play = Play::with(settings::Acting::default());
    let unfit = seen(Phase::Failed, Some(Reason::HostUnfit));
    for seen in [&healthy(), &failed(), &unfit] {
        play.go(seen, 120 * MINUTE, Outcome::Done);
    }
    assert_eq!(play.acts, []);
}

#[test]
fn the_notices_that_settings_name_are_those_of_the_document() {
    assert_eq!(NoticeName::ALL.map(NoticeName::word), settings::NOTICES);
}

#[test]
fn a_failure_that_lasts_is_told_once_and_with_jitter_by_the_instance() {
    let mut play = Play::with(rules());
    play.go(&failed(), 120 * MINUTE, Outcome::Done);
    let when = play.when(Act::SetUnhealthy).unwrap();
    assert!(
        when >= 10 * MINUTE && when <= 12 * MINUTE + Duration::from_secs(1),
        "{when:?}"
    );
    assert_eq!(
        (play.count(Act::SetUnhealthy), play.count(Act::Abandon)),
        (1, 1)
    );
    let jitters: std::collections::BTreeSet<String> = (0..20)
        .map(|number| format!("{:.3}", State::new(&format!("i-{number}"), []).jitter))
        .collect();
    assert!(jitters.len() > 15, "{jitters:?}");
}

#[test]
fn a_phase_that_flaps_never_lasts() {
    let mut play = Play::with(rules());
    for _ in 0..50 {
        play.go(&failed(), 9 * MINUTE, Outcome::Done);
        play.go(&healthy(), MINUTE, Outcome::Done);
    }
    assert_eq!(
        (play.count(Act::SetUnhealthy), play.count(Act::Abandon)),
        (0, 0)
    );
    assert_eq!(play.count(Act::Continue), 1);
}

#[test]
fn what_an_earlier_process_of_this_boot_has_done_is_not_done_again() {
    let mut play = Play::with(rules());
    play.state = State::new("i-1", [Act::SetUnhealthy, Act::Continue]);
    play.go(&failed(), 60 * MINUTE, Outcome::Done);
    assert_eq!(play.count(Act::SetUnhealthy) + play.count(Act::Abandon), 0);
}

#[test]
fn the_launch_hook_is_asked_for_time_until_the_host_is_ready() {
    let mut play = Play::with(rules());
    play.go(&seen(Phase::Registering, None), 16 * MINUTE, Outcome::Done);
    assert_eq!(play.count(Act::Heartbeat), 3);
    play.go(&healthy(), MINUTE, Outcome::Done);
    play.go(&failed(), 60 * MINUTE, Outcome::Done);
    let ends = (play.count(Act::Continue), play.count(Act::Abandon));
    assert_eq!((play.count(Act::Heartbeat), ends), (3, (1, 0)));
}

#[test]
fn a_launch_into_the_warm_pool_and_one_out_of_it_are_both_completed() {
    let mut play = Play::with(rules());
    let mut warm = seen(Phase::Waiting, Some(Reason::WarmPool));
    warm.target_state = Some("Warmed:Running".to_owned());
    play.go(&warm, 30 * MINUTE, Outcome::Done);
    assert_eq!(
        (play.count(Act::Continue), play.count(Act::Heartbeat)),
        (1, 0)
    );
    play.go(&seen(Phase::Launching, None), MINUTE, Outcome::Done);
    play.go(&healthy(), MINUTE, Outcome::Done);
    assert_eq!(play.count(Act::Continue), 2);
}

#[test]
fn a_registered_container_instance_is_drained_once_at_a_notice_that_is_named() {
    let mut play = Play::with(rules());
    let mut announced = healthy();
    announced.notices = vec![NoticeName::Rebalance];
    play.go(&announced, MINUTE, Outcome::Done);
    assert_eq!(play.count(Act::Drain), 0);
    announced.notices.push(NoticeName::SpotInterruption);
    play.go(&announced, 10 * MINUTE, Outcome::Done);
    play.go(&healthy(), MINUTE, Outcome::Done);
    play.go(&announced, MINUTE, Outcome::Done);
    assert_eq!(play.count(Act::Drain), 1);
}

#[test]
fn switched_off_nothing_is_done_and_for_aws_batch_aws_is_not_called() {
    let mut play = Play::with(rules());
    let mut off = seen(Phase::Failed, Some(Reason::HostUnfit));
    off.off = true;
    play.go(&off, 60 * MINUTE, Outcome::Done);
    assert_eq!(play.acts, []);
    off.off = false;
    off.batch = true;
    play.go(&off, 60 * MINUTE, Outcome::Done);
    assert!(
        play.acts.iter().all(|(act, _)| !act.calls_aws()),
        "{:?}",
        play.acts
    );
    assert_eq!(play.count(Act::PowerOff), 1);
}

#[test]
fn only_certain_unfitness_switches_the_host_off() {
    let mut play = Play::with(rules());
    play.go(&failed(), 120 * MINUTE, Outcome::Done);
    assert_eq!(play.count(Act::PowerOff), 0);
}

#[test]
fn a_call_that_fails_is_tried_again_later_and_later_and_not_for_ever() {
    for (outcome, least) in [
        (Outcome::Failed, Duration::from_secs(15)),
        (Outcome::Refused, 15 * MINUTE),
    ] {
        let mut play = Play::with(rules());
        play.go(&failed(), 600 * MINUTE, outcome);
        assert_eq!(play.count(Act::SetUnhealthy), TRIES as usize, "{outcome:?}");
        let tries: Vec<Duration> = play
            .acts
            .iter()
            .filter_map(|(act, when)| (*act == Act::SetUnhealthy).then_some(*when))
            .collect();
        let gaps: Vec<Duration> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.iter().all(|gap| *gap >= least), "{gaps:?}");
        assert!(gaps.is_sorted(), "{gaps:?}");
    }
}

#[test]
fn the_command_hears_of_each_change_and_at_most_every_ten_seconds() {
    let mut play = Play::with(rules());
    play.go(&seen(Phase::Registering, None), MINUTE, Outcome::Done);
    play.go(&healthy(), MINUTE, Outcome::Done);
    assert_eq!(play.count(Act::Command), 2);
    for _ in 0..30 {
        play.go(&failed(), Duration::from_secs(1), Outcome::Done);
        play.go(&healthy(), Duration::from_secs(1), Outcome::Done);
    }
    assert!(play.count(Act::Command) <= 2 + 7, "{:?}", play.acts);
}
