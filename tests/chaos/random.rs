//! Random faults in a row. Only what must always hold is judged.

use std::time::Duration;

use crate::arguments::Terms;
use crate::campaign::{Progress, Slot};
use crate::judge::{Manner, Outcome};
use crate::table::Act;
use crate::table::{Fault, s};
use crate::unit::Supervisor;

/// The longest that a random fault lasts.
const LONGEST: Duration = s(20);
/// The shortest: the stand-in agent looks once a second at how it shall behave.
const SHORTEST: Duration = Duration::from_millis(1500);

/// Does so many faults, shared out to the hosts. The same seed gives the same faults in the same order.
pub async fn run(
    count: u32,
    seed: u64,
    faults: &[&'static Fault],
    supervisor: &Supervisor,
    terms: &Terms,
    hosts: u32,
) -> Vec<Outcome> {
    let progress = Progress::of(count as usize);
    let mut workers = tokio::task::JoinSet::new();
    for host in 0..hosts {
        let mut random = fastrand::Rng::with_seed(seed.wrapping_add(u64::from(host)));
        let mine = count / hosts + u32::from(host < count % hosts);
        let drawn: Vec<(&Fault, Manner)> = (0..mine)
            .filter_map(|_| draw(&mut random, faults, terms))
            .collect();
        let mut slot = Slot::new(supervisor, terms);
        let progress = progress.clone();
        workers.spawn(async move {
            for (fault, manner) in drawn {
                progress.done(slot.meet(fault, manner).await);
            }
            slot.end().await;
        });
    }
    while workers.join_next().await.is_some() {}
    progress.outcomes()
}

/// A fault, how long it lasts, and whether the supervisor still knows of those before.
fn draw(
    random: &mut fastrand::Rng,
    faults: &[&'static Fault],
    terms: &Terms,
) -> Option<(&'static Fault, Manner)> {
    let fault = *random.choice(faults)?;
    let longest = fault.hold.max(fault.within).min(LONGEST);
    let part = random.f64();
    let forget = random.u8(..3) == 0;
    let hold = match fault.end {
        Act::Nothing => Duration::ZERO,
        _ => terms.hold(longest).mul_f64(part).max(SHORTEST),
    };
    Some((fault, Manner::AtRandom { hold, forget }))
}
