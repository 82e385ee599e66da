//! With the Docker daemon down, and after its death.

use std::time::SystemTime;

use anyhow::Result;
use nix::sys::signal::{Signal, kill};

use crate::arguments::Arguments;
use crate::stage::{Stage, runs};
use crate::start::{milliseconds, settled};
use crate::subject::{Running, Subject, turns};
use crate::table::{Table, Target, Unit};

/// From exec to the agent running, with Docker down: against starting dockerd, the container's creation and its start by
/// hand. A peer's dockerd is started together with it.
pub async fn boot(stage: &mut Stage, arguments: &Arguments, table: &mut Table) -> Result<()> {
    let mut subjects = Subject::supervisors(arguments);
    subjects.insert(0, Subject::Floor);
    for round in 0..arguments.few() {
        for subject in turns(&subjects, round) {
            stage.engine_up().await?;
            stage.clean().await?;
            stage.engine_down().await?;
            let (began, running) = match subject {
                Subject::Nanny => {
                    let running = Running::start(stage, subject)?;
                    (running.started, Some(running))
                }
                Subject::Peer => {
                    let began = stage.start_engine()?;
                    (began, Some(Running::start(stage, subject)?))
                }
                _ => {
                    let began = stage.start_engine()?;
                    let docker = stage.engine_answers().await?;
                    stage.create(&docker, false).await?;
                    docker.start(&arguments.container).await?;
                    (began, None)
                }
            };
            stage.engine_answers().await?;
            let started = stage.started_after(began).await?;
            stage.until_settled(subject).await?;
            if let Some(running) = running {
                running.leave().await?;
            }
            table
                .row(
                    "exec → agent running, Docker down",
                    Unit::Milliseconds,
                    Target::None,
                )
                .add(subject, milliseconds(began, started));
        }
    }
    Ok(())
}

/// From the daemon's death to the agent running: against starting dockerd at once and the same container by hand. For
/// Docker's own policy and for a peer dockerd is started at once too.
pub async fn killed(stage: &mut Stage, arguments: &Arguments, table: &mut Table) -> Result<()> {
    let subjects = Subject::all(arguments);
    for round in 0..arguments.few() {
        for subject in turns(&subjects, round) {
            let running = settled(stage, subject).await?;
            let engine = stage.engine_pid()?;
            let died = SystemTime::now();
            kill(engine, Signal::SIGKILL)?;
            if subject != Subject::Nanny {
                while runs(engine) {
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
                stage.start_engine()?;
            }
            if subject == Subject::Floor {
                let docker = stage.engine_answers().await?;
                docker.start(&arguments.container).await?;
            }
            let started = stage.started_after(died).await?;
            stage.until_settled(subject).await?;
            if let Some(running) = running {
                running.leave().await?;
            }
            table
                .row(
                    "dockerd killed → agent running",
                    Unit::Milliseconds,
                    Target::Ratio(1.25),
                )
                .add(subject, milliseconds(died, started));
        }
    }
    Ok(())
}
