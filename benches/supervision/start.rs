//! From exec to the agent running, with Docker up and the image loaded.

use std::time::SystemTime;

use anyhow::Result;

use crate::arguments::Arguments;
use crate::stage::Stage;
use crate::subject::{Running, Subject, turns};
use crate::table::{Table, Target, Unit};

/// Measures it.
pub async fn measure(stage: &mut Stage, arguments: &Arguments, table: &mut Table) -> Result<()> {
    let mut subjects = Subject::supervisors(arguments);
    subjects.insert(0, Subject::Floor);
    for round in 0..arguments.rounds() {
        for subject in turns(&subjects, round) {
            let took = once(stage, subject).await?;
            table
                .row(
                    "exec → agent running, Docker up",
                    Unit::Milliseconds,
                    Target::Ratio(1.10),
                )
                .add(subject, took);
        }
    }
    Ok(())
}

/// One start from a clean host, in milliseconds.
pub async fn once(stage: &mut Stage, subject: Subject) -> Result<f64> {
    let docker = stage.engine_up().await?;
    stage.clean().await?;
    let (began, running) = begin(stage, subject, &docker).await?;
    let started = stage.started_after(began).await?;
    stage.until_settled(subject).await?;
    if let Some(running) = running {
        running.leave().await?;
    }
    Ok(milliseconds(began, started))
}

/// Starts a subject; the floor's container is created and started by the time this returns.
async fn begin(
    stage: &Stage,
    subject: Subject,
    docker: &ecs_nanny::host::docker::Docker,
) -> Result<(SystemTime, Option<Running>)> {
    if matches!(subject, Subject::Nanny | Subject::Peer) {
        let running = Running::start(stage, subject)?;
        return Ok((running.started, Some(running)));
    }
    let began = SystemTime::now();
    stage.create(docker, subject == Subject::Docker).await?;
    docker.start(&stage.arguments.container).await?;
    Ok((began, None))
}

/// Has the agent run under a subject, and waits until it does its work.
pub async fn settled(stage: &mut Stage, subject: Subject) -> Result<Option<Running>> {
    let docker = stage.engine_up().await?;
    stage.clean().await?;
    let (_, running) = begin(stage, subject, &docker).await?;
    stage.until_settled(subject).await?;
    Ok(running)
}

/// Between two moments.
pub fn milliseconds(from: SystemTime, to: SystemTime) -> f64 {
    to.duration_since(from).unwrap_or_default().as_secs_f64() * 1000.0
}
