//! The lab's pieces for scripts: image tarballs and the metadata stand-in.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use ecs_nanny_lab::image::Image;

/// An EC2 look-alike for tests of ecs-nanny.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make an image tarball as `docker save` writes it.
    Image(ImageArgs),
}

#[derive(Args)]
struct ImageArgs {
    /// Where the tarball goes.
    #[arg(long)]
    out: PathBuf,
    /// The static program; default: ecs-nanny-lab-agent beside this program.
    #[arg(long)]
    agent: Option<PathBuf>,
    /// An ordinary container that sleeps, instead of the stand-in agent.
    #[arg(long)]
    ordinary: bool,
    /// The version that the agent tells.
    #[arg(long)]
    version: Option<String>,
    /// NAME=value for the image's environment, for example LAB_AGENT_EXIT=42.
    #[arg(long)]
    env: Vec<String>,
    /// The image's tag.
    #[arg(long)]
    tag: Option<String>,
    /// Architecture in Docker's words, where it shall differ from the program's.
    #[arg(long)]
    architecture: Option<String>,
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Image(args) => make_image(args),
    }
}

fn make_image(args: ImageArgs) -> Result<()> {
    let program = match args.agent {
        Some(program) => program,
        None => std::env::current_exe()?.with_file_name("ecs-nanny-lab-agent"),
    };
    let mut image = if args.ordinary {
        Image::ordinary(program)
    } else {
        Image::agent(program)
    };
    if let Some(version) = &args.version {
        image = image.version(version);
    }
    if let Some(tag) = args.tag {
        image.tag = tag;
    }
    image.env.extend(args.env);
    image.architecture = args.architecture;
    let out = std::fs::File::create(&args.out)
        .with_context(|| format!("cannot write {}", args.out.display()))?;
    println!("{}", image.write(std::io::BufWriter::new(out))?);
    Ok(())
}
