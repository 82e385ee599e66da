//! One fault: done, timed, and held against the table.

use std::time::{Duration, SystemTime};

use anyhow::Result;

use crate::act::act;
use crate::look::Health;
use crate::scene::Scene;
use crate::table::{Act, Agent, FLUSHED, Fault, From, Told, s};
use crate::watch::Seen;

/// What came of a fault.
#[derive(Debug, Default)]
pub struct Outcome {
    pub name: &'static str,
    /// How long after its begin it was told, and as what.
    pub told: Option<(Duration, String)>,
    /// How long after the moment that counts the agent ran again; `None` where it ran all the time.
    pub running: Option<Duration>,
    /// How long after the fault's end all was well.
    pub well: Option<Duration>,
    /// Containers, in whatever state.
    pub containers: Option<usize>,
    /// Rules, and how many there are on a healthy host.
    pub rules: Option<(usize, usize)>,
    /// What was not as the table says.
    pub wrong: Vec<String>,
    /// The supervisor's records since the fault began, where something was wrong.
    pub log: String,
}

/// How many looks a change may be missed by.
const LOOK: Duration = Duration::from_millis(300);

/// The longest until a host is well again by itself after a random fault: the waits that the faults before have doubled,
/// the slow lane, and a start.
const BACK: Duration = s(150);

/// How a fault is done and judged.
#[derive(Debug, Clone, Copy)]
pub enum Manner {
    /// Everything has to be as the table says.
    ByTheTable {
        /// How long it lasts, at the least until it is told.
        hold: Duration,
    },
    /// Only what must always hold has to.
    AtRandom {
        /// How long it lasts.
        hold: Duration,
        /// Whether the supervisor forgets the faults before.
        forget: bool,
    },
}

impl Outcome {
    fn of(name: &'static str) -> Self {
        Outcome {
            name,
            ..Outcome::default()
        }
    }

    /// What came of a fault that could not be done.
    pub fn failed(name: &'static str, wrong: String) -> Self {
        Outcome {
            wrong: vec![wrong],
            ..Outcome::of(name)
        }
    }
}

/// Does a fault and judges how it was taken.
pub async fn judge(scene: &mut Scene, fault: &Fault, manner: Manner) -> Outcome {
    let mut outcome = Outcome::of(fault.name);
    let logged = scene.unit.log().len();
    let met = match manner {
        Manner::ByTheTable { hold } => meet(scene, fault, hold, &mut outcome).await,
        Manner::AtRandom { hold, forget } => endure(scene, fault, hold, forget, &mut outcome).await,
    };
    if let Err(error) = met {
        outcome.wrong.push(format!("{error:#}"));
    }
    scene.end_meanwhile().await;
    outcome.wrong.extend(scene.wrongs());
    if !outcome.wrong.is_empty() {
        outcome.log = scene.unit.log().split_off(logged);
    }
    outcome
}

async fn meet(
    scene: &mut Scene,
    fault: &Fault,
    hold: Duration,
    outcome: &mut Outcome,
) -> Result<()> {
    scene.forget().await?;
    act(scene, &fault.prepare).await?;
    let before = scene.watch.seen().started_at;
    let told_before = scene.watch.seen().now().cloned();
    let began = SystemTime::now();
    act(scene, &fault.act).await?;
    if scene.tells() && !fault.unhurt() {
        let watching =
            |seen: &Seen| told(fault, scene, seen, began, told_before.as_ref()).is_some();
        let within = fault.within + LOOK;
        if let Err(error) = scene.until("told", within, watching).await {
            outcome.wrong.push(error.to_string());
        }
        outcome.told = told(
            fault,
            scene,
            &scene.watch.seen(),
            began,
            told_before.as_ref(),
        );
    }
    let is_seen = scene.tells() || stopped(fault) || matches!(fault.end, Act::Nothing);
    let hold = match is_seen {
        true => hold,
        // As long as it might have taken to be told.
        false => hold.max(scene.hold(fault.within)),
    };
    let lasted = began.elapsed().unwrap_or_default();
    // Not a wait for anything: this is how long the fault lasts.
    tokio::time::sleep(hold.saturating_sub(lasted)).await;
    scene.end_meanwhile().await;
    let ended = if matches!(fault.end, Act::Nothing) && fault.hold.is_zero() {
        began
    } else {
        act(scene, &fault.end).await?;
        SystemTime::now()
    };
    recover(scene, fault, (began, ended), before, outcome).await?;
    if scene.tells() && fault.unhurt() {
        outcome.wrong.extend(hurt(&scene.watch.seen(), began));
    }
    leftovers(scene, outcome).await
}

/// A random fault: it has to be over by itself.
async fn endure(
    scene: &mut Scene,
    fault: &Fault,
    hold: Duration,
    forget: bool,
    outcome: &mut Outcome,
) -> Result<()> {
    if forget {
        scene.forget().await?;
    }
    act(scene, &fault.prepare).await?;
    let before = scene.watch.seen().started_at;
    let told_before = scene.watch.seen().now().cloned();
    let began = SystemTime::now();
    act(scene, &fault.act).await?;
    if matches!(fault.end, Act::Nothing) && scene.tells() && !fault.unhurt() {
        // It ends by itself, and not before it is seen.
        scene
            .until("told", BACK, |seen| {
                told(fault, scene, seen, began, told_before.as_ref()).is_some()
            })
            .await?;
    }
    // Not a wait for anything: this is how long the fault lasts.
    tokio::time::sleep(hold).await;
    scene.end_meanwhile().await;
    act(scene, &fault.end).await?;
    let ended = SystemTime::now();
    let again = matches!(fault.agent, Agent::Again(..));
    scene
        .until("well again", BACK, |seen| {
            scene.well(seen) && !(again && seen.started_at == before)
        })
        .await?;
    outcome.well = ended.elapsed().ok();
    leftovers(scene, outcome).await
}

/// Waits until all is well again, and judges what became of the agent.
async fn recover(
    scene: &Scene,
    fault: &Fault,
    (began, ended): (SystemTime, SystemTime),
    before: Option<SystemTime>,
    outcome: &mut Outcome,
) -> Result<()> {
    let again = matches!(fault.agent, Agent::Again(..));
    scene
        .until("well again", fault.back, |seen| {
            scene.well(seen) && !(again && seen.started_at == before)
        })
        .await?;
    outcome.well = ended.elapsed().ok();
    let seen = scene.watch.seen();
    let Some(started) = seen.started_at.filter(|started| Some(*started) != before) else {
        return Ok(());
    };
    let from = match fault.agent {
        Agent::Same => {
            outcome.wrong.push("the agent was started again".to_owned());
            ended
        }
        Agent::Either | Agent::Again(From::End, _) => ended,
        Agent::Again(From::Begin, _) => began,
        Agent::Again(From::Engine, _) => seen.engine_back_since(began).unwrap_or(ended),
    };
    let took = started.duration_since(from).unwrap_or_default();
    outcome.running = Some(took);
    if let Agent::Again(_, within) = fault.agent
        && took > scene.allow(within)
    {
        let within = scene.allow(within);
        outcome.wrong.push(format!(
            "the agent ran after {took:.1?}, not within {within:.1?}"
        ));
    }
    Ok(())
}

/// One container, the rules of a healthy host, and every byte of the configuration.
async fn leftovers(scene: &mut Scene, outcome: &mut Outcome) -> Result<()> {
    scene.until_rules_are_back(FLUSHED).await?;
    let containers = scene.containers().await?;
    outcome.containers = Some(containers);
    let rules = scene.rules().await?;
    outcome.rules = Some((rules.len(), scene.healthy_rules.len()));
    if rules != scene.healthy_rules {
        let healthy = &scene.healthy_rules;
        outcome.wrong.push(format!(
            "the rules are {rules:?}, on a healthy host {healthy:?}"
        ));
    }
    if containers != 1 {
        outcome.wrong.push(format!("{containers} containers"));
    }
    scene.check_configuration();
    Ok(())
}

/// When the fault was told, and how.
fn told(
    fault: &Fault,
    scene: &Scene,
    seen: &Seen,
    began: SystemTime,
    before: Option<&Health>,
) -> Option<(Duration, String)> {
    let since = |at: SystemTime| at.duration_since(began).unwrap_or_default();
    if stopped(fault) {
        let (at, took) = scene.stopped_at.filter(|(at, _)| *at >= began)?;
        return Some((since(at) + took, "stopped".to_owned()));
    }
    seen.health
        .iter()
        .filter(|(at, _)| *at >= began)
        .find_map(|(at, health)| {
            let health = health.as_ref()?;
            let tells = |told: &&Told| tells(told, health, began, before);
            fault.told.iter().find(tells)?;
            Some((since(*at), summary(health)))
        })
}

/// Whether the fault is a stop of the supervisor, which is seen without being told.
fn stopped(fault: &Fault) -> bool {
    fault.told.iter().any(|told| matches!(told, Told::Stopped))
}

/// Whether a document tells it.
fn tells(told: &Told, health: &Health, began: SystemTime, before: Option<&Health>) -> bool {
    match told {
        Told::As(phase, reason) => health.phase == *phase && health.reason == Some(*reason),
        Told::In(phase) => health.phase == *phase,
        // Cut to milliseconds in the document.
        Told::Exit(status) => health
            .last_exit
            .is_some_and(|(code, at)| code == *status && at + Duration::from_millis(1) >= began),
        Told::Repaired => before.is_some_and(|before| health.repairs > before.repairs),
        Told::AnotherProcess => before.is_some_and(|before| health.process != before.process),
        Told::Unhurt | Told::Stopped => false,
    }
}

fn summary(health: &Health) -> String {
    match health.reason {
        Some(reason) => format!("{} {reason}", health.phase),
        None => health.phase.to_string(),
    }
}

/// What was told of a fault that hurts nobody.
fn hurt(seen: &Seen, began: SystemTime) -> Option<String> {
    let told = seen.health.iter().filter(|(at, _)| *at >= began);
    let mut hurt = told.filter_map(|(_, health)| health.as_ref().filter(|health| !health.ready));
    hurt.next()
        .map(|health| format!("nothing was hurt, and yet it was told: {}", health.line))
}
