//! Commands as whole processes, and sizes.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::arguments::Arguments;
use crate::stage::Stage;
use crate::start::settled;
use crate::subject::{Subject, turns};
use crate::table::{Table, Target, Unit};

const MEGABYTE: f64 = 1_000_000.0;

/// Measures them.
pub async fn measure(stage: &mut Stage, arguments: &Arguments, table: &mut Table) -> Result<()> {
    let running = settled(stage, Subject::Nanny).await?;
    for round in 0..arguments.rounds() {
        for words in [&["--version"][..], &["check"], &["plan"], &["status"]] {
            let name = format!("ecs-nanny {}, a whole process", words.join(" "));
            // The floor is a process that does nothing.
            for subject in turns(&[Subject::Floor, Subject::Nanny], round) {
                let took = match subject {
                    Subject::Floor => once(stage, Path::new("/bin/true"), &[]).await?,
                    _ => once(stage, &stage.program, words).await?,
                };
                table
                    .row(&name, Unit::Milliseconds, Target::None)
                    .add(subject, took);
            }
        }
    }
    if let Some(running) = running {
        running.leave().await?;
    }
    let size = std::fs::metadata(&stage.program)?.len() as f64 / MEGABYTE;
    table
        .row(
            "size of the program, stripped",
            Unit::Megabytes,
            Target::Most(6.0),
        )
        .add(Subject::Nanny, size);
    for entry in std::fs::read_dir("target/package")
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".deb") || name.ends_with(".rpm") {
            let size = entry.metadata()?.len() as f64 / MEGABYTE;
            table
                .row(&format!("size of {name}"), Unit::Megabytes, Target::None)
                .add(Subject::Nanny, size);
        }
    }
    Ok(())
}

async fn once(stage: &Stage, program: &Path, arguments: &[&str]) -> Result<f64> {
    let mut command = Command::new(program);
    command.args(arguments);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let (began, child) = stage.host.inside(|| (Instant::now(), command.spawn()))?;
    child
        .with_context(|| program.display().to_string())?
        .wait()
        .await?;
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}
