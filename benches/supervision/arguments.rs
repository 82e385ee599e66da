//! What can be asked for.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Measures ecs-nanny on hosts of the lab (real Docker, the stand-in agent), beside the floor (the Engine API called
/// directly with the same container), Docker's restart=always and, with --peer, another supervisor. All of a line are
/// measured in turns, in one run; what counts is their ratio. Prints a table and writes it as text, JSON and SVG.
#[derive(Debug, Clone, Parser)]
#[command(name = "scripts/bench", version)]
pub struct Arguments {
    /// Fewer runs and shorter looks: within 5 minutes
    #[arg(long)]
    pub quick: bool,
    /// Another supervisor, a command for `sh -c`, on the terms of scripts/chaos: it is run on the host, supervises the
    /// agent as long as it runs (dockerd is kept for it, the agent's image is loaded and is in
    /// /var/cache/ecs/ecs-agent.tar), brings its own restarts, and stops at SIGTERM, which its process group gets
    #[arg(long, value_name = "COMMAND")]
    pub peer: Option<String>,
    /// The name of the agent's container
    #[arg(long, value_name = "NAME", default_value = "ecs-agent")]
    pub container: String,
    /// Only this measure; can be given more than once
    #[arg(long, value_name = "MEASURE")]
    pub only: Vec<Measure>,
    /// Runs of each short measure
    #[arg(long, value_name = "N")]
    pub runs: Option<usize>,
    /// The program that is measured
    #[arg(long, value_name = "PATH", default_value = "target/release/ecs-nanny")]
    pub program: PathBuf,
    /// Where the results go
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    pub out: PathBuf,
    /// Put the table and the chart into docs/performance.md too
    #[arg(long)]
    pub docs: bool,
    /// Given by cargo
    #[arg(long, hide = true)]
    pub bench: bool,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Measure {
    /// From exec to the agent running, with Docker up
    Start,
    /// From exec to the agent running, with Docker down
    Boot,
    /// From the agent's first death to its next run
    Crash,
    /// From its fifth and tenth death in a row
    Crashes,
    /// From the Docker daemon's death to the agent running
    Engine,
    /// From a fault to the truth in /health
    Truth,
    /// What an idle supervisor costs
    Idle,
    /// The same and starts, with many containers and large configurations
    Growth,
    /// Commands as whole processes, and sizes
    Commands,
    /// A machine's boot beside cloud-init, emulated; not with --quick unless asked for
    Machine,
}

impl std::fmt::Display for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

impl Arguments {
    /// What is measured, in order.
    pub fn measures(&self) -> Vec<Measure> {
        let all = Measure::value_variants().iter().copied();
        all.filter(|measure| match self.only.is_empty() {
            true => !(self.quick && *measure == Measure::Machine),
            false => self.only.contains(measure),
        })
        .collect()
    }

    /// How often a short measure is taken.
    pub fn rounds(&self) -> usize {
        self.runs.unwrap_or(if self.quick { 5 } else { 20 })
    }

    /// How often a long one is.
    pub fn few(&self) -> usize {
        self.runs.unwrap_or(if self.quick { 2 } else { 5 })
    }
}
