//! How start, recovery, idle cost and memory grow with other containers, a long ecs.config and many findings.

use std::time::Duration;

use anyhow::{Context, Result};
use bollard::models::ContainerCreateBody;

use crate::arguments::Arguments;
use crate::cost;
use crate::idle::CALM;
use crate::recovery::death;
use crate::stage::Stage;
use crate::start::{once, settled};
use crate::subject::Subject;
use crate::table::{Table, Target, Unit};

const CONFIG: &str = "/etc/ecs/ecs.config";
const CLUSTER: &str = "ECS_CLUSTER=bench\n";
/// Measures ecs-nanny with 0, 100 and 500 other containers, which are created and not started, with a configuration of
/// 10,000 lines, and with one of 1,000 bad ones.
pub async fn measure(stage: &mut Stage, arguments: &Arguments, table: &mut Table) -> Result<()> {
    let mut there = 0;
    for others in [0, 100, 500] {
        if arguments.quick && others == 500 {
            continue;
        }
        let docker = stage.engine_up().await?;
        for number in there..others {
            let request = ContainerCreateBody {
                image: Some(ecs_nanny_lab::image::AGENT_TAG.to_owned()),
                ..Default::default()
            };
            docker.create(&format!("other-{number}"), request).await?;
        }
        there = others;
        look(
            stage,
            arguments,
            table,
            &format!("{others} other containers"),
        )
        .await?;
    }
    let docker = stage.engine_up().await?;
    for number in 0..there {
        docker.remove(&format!("other-{number}")).await?;
    }
    let lines = |count: usize, line: &dyn Fn(usize) -> String| {
        let lines: String = (0..count).map(line).collect();
        format!("{CLUSTER}{lines}")
    };
    let long = lines(10_000, &|number| {
        format!("# {number}: a comment as users write them\n")
    });
    let bad = lines(1_000, &|number| {
        format!("ECS_NO_SUCH_VARIABLE_{number}=x\n")
    });
    for (name, content) in [
        ("10,000 lines of ecs.config", long),
        ("1,000 findings", bad),
    ] {
        stage.write(CONFIG, content.as_bytes())?;
        look(stage, arguments, table, name).await?;
    }
    stage.write(CONFIG, CLUSTER.as_bytes())
}

async fn look(
    stage: &mut Stage,
    arguments: &Arguments,
    table: &mut Table,
    with: &str,
) -> Result<()> {
    let rounds = if arguments.quick { 2 } else { 5 };
    for _ in 0..rounds {
        for subject in [Subject::Floor, Subject::Nanny] {
            let took = once(stage, subject).await?;
            table
                .row(
                    &format!("{with}: exec → agent running"),
                    Unit::Milliseconds,
                    Target::None,
                )
                .add(subject, took);
            let running = settled(stage, subject).await?;
            let took = death(stage, subject).await?;
            table
                .row(
                    &format!("{with}: agent killed → running"),
                    Unit::Milliseconds,
                    Target::None,
                )
                .add(subject, took);
            stage.until_settled(subject).await?;
            if let Some(running) = running {
                running.leave().await?;
            }
        }
    }
    let running = settled(stage, Subject::Nanny)
        .await?
        .context("no supervisor")?;
    // How long an idle supervisor is looked at here.
    let look = Duration::from_secs(if arguments.quick { 16 } else { 60 });
    tokio::time::sleep(CALM).await;
    let cost = cost::over(running.pid()?, look).await?;
    running.leave().await?;
    let minutes = look.as_secs_f64() / 60.0;
    for (what, unit, value) in [
        (
            "CPU with children, per minute",
            Unit::Milliseconds,
            cost.cpu_with_children_ms.unwrap_or(cost.cpu_ms) / minutes,
        ),
        (
            "voluntary switches, per minute",
            Unit::Count,
            cost.voluntary_switches / minutes,
        ),
        ("PSS", Unit::Kilobytes, cost.proportional_kb),
    ] {
        table
            .row(&format!("{with}: {what}"), unit, Target::None)
            .add(Subject::Nanny, value);
    }
    Ok(())
}
