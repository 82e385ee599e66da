//! What a supervisor costs that has nothing to do.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::arguments::Arguments;
use crate::cost::{self, Cost};
use crate::recovery::death;
use crate::stage::Stage;
use crate::start::settled;
use crate::subject::Subject;
use crate::table::{Table, Target, Unit};

/// After its start a supervisor has things to do that it does not do again.
pub const CALM: Duration = Duration::from_secs(15);

/// Measures a minute of each supervisor and, in a full run, ten more of ecs-nanny; and how it then takes a death.
pub async fn measure(stage: &mut Stage, arguments: &Arguments, table: &mut Table) -> Result<()> {
    for subject in Subject::supervisors(arguments) {
        let running = settled(stage, subject).await?.context("no supervisor")?;
        tokio::time::sleep(CALM).await;
        let minute = cost::over(running.pid()?, Duration::from_secs(60)).await?;
        note(table, subject, "idle for a minute", &minute, 1.0);
        memory(table, subject, "idle", &minute);
        if subject == Subject::Nanny && !arguments.quick {
            let long = cost::over(running.pid()?, Duration::from_secs(600)).await?;
            note(
                table,
                subject,
                "idle for 10 minutes, per minute",
                &long,
                10.0,
            );
            memory(table, subject, "after 10 minutes", &long);
            let took = death(stage, subject).await?;
            table
                .row(
                    "agent killed after 10 healthy minutes → running",
                    Unit::Milliseconds,
                    Target::None,
                )
                .add(subject, took);
            stage.until_settled(subject).await?;
        }
        running.leave().await?;
    }
    Ok(())
}

/// What is counted over a time.
pub fn note(table: &mut Table, subject: Subject, when: &str, cost: &Cost, minutes: f64) {
    let mut add = |what: &str, unit, target, value: f64| {
        table
            .row(&format!("{when}: {what}"), unit, target)
            .add(subject, value / minutes);
    };
    add(
        "CPU of the process",
        Unit::Milliseconds,
        Target::Most(3.0),
        cost.cpu_ms,
    );
    if let Some(with_children) = cost.cpu_with_children_ms {
        add(
            "CPU with children",
            Unit::Milliseconds,
            Target::Most(10.0),
            with_children,
        );
    }
    add(
        "voluntary switches",
        Unit::Count,
        Target::Most(60.0),
        cost.voluntary_switches,
    );
}

/// What is held.
pub fn memory(table: &mut Table, subject: Subject, when: &str, cost: &Cost) {
    for (what, unit, target, value) in [
        ("RSS", Unit::Kilobytes, Target::None, cost.resident_kb),
        (
            "PSS",
            Unit::Kilobytes,
            Target::Most(5000.0),
            cost.proportional_kb,
        ),
        (
            "anonymous memory",
            Unit::Kilobytes,
            Target::Most(1500.0),
            cost.anonymous_kb,
        ),
        ("threads", Unit::Count, Target::Most(1.0), cost.threads),
        (
            "file descriptors",
            Unit::Count,
            Target::None,
            cost.descriptors,
        ),
    ] {
        table
            .row(&format!("{when}: {what}"), unit, target)
            .add(subject, value);
    }
}
