//! From the agent's death to its next run.

use std::time::SystemTime;

use anyhow::Result;
use nix::sys::signal::{Signal, kill};

use crate::arguments::Arguments;
use crate::stage::Stage;
use crate::start::{milliseconds, settled};
use crate::subject::{Subject, turns};
use crate::table::{Table, Target, Unit};

/// The first death of an agent that was well.
pub async fn first(stage: &mut Stage, arguments: &Arguments, table: &mut Table) -> Result<()> {
    let subjects = Subject::all(arguments);
    for round in 0..arguments.rounds() {
        for subject in turns(&subjects, round) {
            let running = settled(stage, subject).await?;
            let took = death(stage, subject).await?;
            stage.until_settled(subject).await?;
            if let Some(running) = running {
                running.leave().await?;
            }
            table
                .row(
                    "agent killed → running",
                    Unit::Milliseconds,
                    Target::Ratio(1.10),
                )
                .add(subject, took);
        }
    }
    Ok(())
}

/// Ten deaths in a row, each as soon as the agent runs: how long it takes after the fifth and the tenth.
pub async fn series(stage: &mut Stage, arguments: &Arguments, table: &mut Table) -> Result<()> {
    let told: &[usize] = if arguments.quick { &[5] } else { &[5, 10] };
    let rounds = if arguments.quick { 1 } else { 2 };
    for _ in 0..rounds {
        for subject in Subject::all(arguments) {
            if subject == Subject::Floor {
                continue;
            }
            let running = settled(stage, subject).await?;
            for number in 1..=*told.last().unwrap_or(&0) {
                let took = death(stage, subject).await?;
                if told.contains(&number) {
                    table
                        .row(
                            &format!("the same, death {number} in a row (backoff)"),
                            Unit::Milliseconds,
                            Target::None,
                        )
                        .add(subject, took);
                }
            }
            if let Some(running) = running {
                running.leave().await?;
            }
        }
    }
    Ok(())
}

/// Kills the agent and waits until it runs again, in milliseconds. The floor starts the same container as soon as Docker
/// says that it has ended.
pub async fn death(stage: &Stage, subject: Subject) -> Result<f64> {
    let agent = stage.agent_pid().await?;
    let docker = stage.docker().await?;
    let name = stage.arguments.container.clone();
    let floor = (subject == Subject::Floor).then(|| {
        tokio::spawn(async move {
            docker.ended(&name).await?;
            docker.start(&name).await
        })
    });
    if floor.is_some() {
        // Docker has to know that somebody waits, as it does of a supervisor.
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let killed = SystemTime::now();
    kill(agent, Signal::SIGKILL)?;
    let started = stage.started_after(killed).await?;
    if let Some(floor) = floor {
        floor.await??;
    }
    Ok(milliseconds(killed, started))
}
