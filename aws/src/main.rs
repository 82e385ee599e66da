//! ecs-nanny-aws: what ecs-nanny needs TLS for, in a program of its own that runs on demand. The daemon stays without.

#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod act;
mod fetch;
mod partial;
mod progress;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand};

/// Calls to AWS for ecs-nanny
#[derive(Debug, Parser)]
#[command(name = "ecs-nanny-aws", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fetch a file, going on where an earlier attempt ended; prints what was done as JSON
    Fetch(FetchArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages (roff) of ecs-nanny-aws and of every command into a directory
    Man {
        /// The directory
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    #[command(flatten)]
    Act(act::Call),
}

/// `fetch`.
#[derive(Debug, clap::Args)]
pub struct FetchArgs {
    /// https://, http:// or file: address
    #[arg(long)]
    pub url: String,
    /// Where the bytes go; a file of the same name with .source says what they are the beginning of
    #[arg(long, value_name = "PATH")]
    pub to: PathBuf,
    /// Compare with the MD5 that is published beside the file (URL.md5): a check of the transport alone
    #[arg(long)]
    pub md5: bool,
    /// How long the whole may take
    #[arg(long, value_name = "SPAN", default_value = "30m", value_parser = humantime::parse_duration)]
    pub timeout: Duration,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("ecs-nanny-aws: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match cli.command {
        Command::Fetch(args) => {
            let fetched = runtime.block_on(fetched(&args))?;
            println!("{}", serde_json::to_string(&fetched)?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Completions { shell } => {
            let name = "ecs-nanny-aws";
            clap_complete::generate(shell, &mut Cli::command(), name, &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Command::Man { out } => {
            clap_mangen::generate_to(Cli::command(), &out)
                .with_context(|| out.display().to_string())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Act(call) => {
            let answer = runtime.block_on(act::act(&call));
            println!("{}", serde_json::to_string(&answer)?);
            Ok(match answer {
                act::Answer::Done { .. } => ExitCode::SUCCESS,
                act::Answer::Failed(_) => ExitCode::FAILURE,
            })
        }
    }
}

async fn fetched(args: &FetchArgs) -> anyhow::Result<fetch::Fetched> {
    tokio::time::timeout(args.timeout, fetch::fetch(args))
        .await
        .map_err(|_| {
            let span = humantime::format_duration(args.timeout);
            anyhow::anyhow!("{} was not fetched within {span}", fetch::shown(&args.url))
        })?
}
