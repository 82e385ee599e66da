//! What can be asked for, and the terms on which faults are judged.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Injects faults into a running system (a real Docker daemon, the stand-in for the ECS agent) and reads from outside how
/// its supervisor takes them: when health told the truth, when the agent ran again, what was left behind. Ends with
/// status 0 when all of them were taken as the table of faults says.
#[derive(Debug, Clone, Parser)]
#[command(name = "scripts/chaos", version)]
pub struct Arguments {
    /// Every fault (what scripts/chaos asks for by itself); without it, and without names, a dozen of them
    #[arg(long, hide = true)]
    pub all: bool,
    /// The dozen that scripts/test runs
    #[arg(long)]
    pub smoke: bool,
    /// Only this fault; can be given more than once
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// The faults and what is expected of each
    #[arg(long)]
    pub list: bool,
    /// So many random faults in a row, of which only what must always hold is judged: one agent at most, not a byte of
    /// configuration lost, never healthy when it is not, recovery by itself
    #[arg(long, value_name = "N")]
    pub random: Option<u32>,
    /// Where the random faults begin; the seed of a run is printed
    #[arg(long, requires = "random")]
    pub seed: Option<u64>,
    /// The program of ecs-nanny
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_ecs-nanny"), hide_default_value = true)]
    pub program: PathBuf,
    /// Another supervisor, a command for `sh -c`. It is run on the host, supervises the agent as long as it runs
    /// (dockerd is kept for it, and the agent's image is in /var/cache/ecs/ecs-agent.tar), brings its own restarts, and
    /// stops at SIGTERM, which its whole process group gets. Nothing is known of its health
    #[arg(long, value_name = "COMMAND")]
    pub peer: Option<String>,
    /// The name of the agent's container
    #[arg(long, value_name = "NAME", default_value = "ecs-agent")]
    pub container: String,
    /// Hosts at a time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub hosts: u32,
    /// How long faults last, as a part of what the table says
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub scale: f64,
    /// How late things may be, as a multiple of what the table says: 1, but 3 for the dozen of --smoke, which have to
    /// pass on busy machines
    #[arg(long, value_name = "FACTOR")]
    pub patience: Option<f64>,
    /// Print what the supervisor recorded in runs that failed
    #[arg(long)]
    pub logs: bool,
    /// Names of faults, in part; what `cargo test NAME` gives
    #[arg(hide = true)]
    pub filter: Vec<String>,
    /// Given by `cargo test -- --nocapture`
    #[arg(long, hide = true)]
    pub nocapture: bool,
}

impl Arguments {
    /// Whether the dozen is meant.
    pub fn picks_smoke(&self) -> bool {
        let all = self.all || self.list || self.random.is_some();
        self.only.is_empty() && (self.smoke || !all)
    }
}

/// What holds for every fault of a run.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The name of the agent's container.
    pub container: String,
    scale: f64,
    patience: f64,
}

impl Terms {
    /// Those that were asked for.
    pub fn of(arguments: &Arguments) -> Self {
        let patience = match arguments.picks_smoke() {
            true => 3.0,
            false => 1.0,
        };
        Terms {
            container: arguments.container.clone(),
            scale: arguments.scale,
            patience: arguments.patience.unwrap_or(patience),
        }
    }

    /// How long a fault lasts.
    pub fn hold(&self, table: Duration) -> Duration {
        table.mul_f64(self.scale)
    }

    /// How long something may take.
    pub fn allow(&self, contract: Duration) -> Duration {
        contract.mul_f64(self.patience)
    }
}
