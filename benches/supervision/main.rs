//! Measures ecs-nanny beside the floor, Docker's own restart policy and any other supervisor: `scripts/bench`.

mod arguments;
mod boot_time;
mod chart;
mod commands;
mod cost;
mod engine;
mod growth;
mod idle;
mod machine;
mod recovery;
mod stage;
mod start;
mod starts;
mod subject;
mod table;
mod truth;

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;

use arguments::{Arguments, Measure};
use stage::Stage;
use table::Table;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let began = Instant::now();
    let mut table = Table::new(machine::described());
    let mut stage = Stage::begin(&arguments).await?;
    for measure in arguments.measures() {
        eprintln!("scripts/bench: {measure} ({} s)", began.elapsed().as_secs());
        let measured = match measure {
            Measure::Start => start::measure(&mut stage, &arguments, &mut table).await,
            Measure::Boot => engine::boot(&mut stage, &arguments, &mut table).await,
            Measure::Crash => recovery::first(&mut stage, &arguments, &mut table).await,
            Measure::Crashes => recovery::series(&mut stage, &arguments, &mut table).await,
            Measure::Engine => engine::killed(&mut stage, &arguments, &mut table).await,
            Measure::Truth => truth::measure(&mut stage, &arguments, &mut table).await,
            Measure::Idle => idle::measure(&mut stage, &arguments, &mut table).await,
            Measure::Growth => growth::measure(&mut stage, &arguments, &mut table).await,
            Measure::Commands => commands::measure(&mut stage, &arguments, &mut table).await,
            Measure::Machine => boot_time::measure(&mut table).await,
        };
        measured.with_context(|| {
            format!(
                "measuring {measure}; the supervisor's last words:\n{}",
                stage.last_words()
            )
        })?;
    }
    table.took(began.elapsed(), &machine::load());
    print!("{}", table.text());
    table.write(&arguments.out)?;
    chart::write(&table, &arguments.out.join("bench.svg"))?;
    if arguments.docs {
        table.put_into(Path::new("docs/performance.md"))?;
        chart::write(&table, Path::new("docs/performance.svg"))?;
    }
    eprintln!(
        "scripts/bench: done in {} s; {}/bench.json, bench.txt and bench.svg are written",
        began.elapsed().as_secs(),
        arguments.out.display()
    );
    Ok(())
}
