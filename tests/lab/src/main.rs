//! The lab's pieces for scripts: image tarballs and the metadata stand-in.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use ecs_nanny_lab::aws::Aws;
use ecs_nanny_lab::image::Image;
use ecs_nanny_lab::imds::{Changes, Fault, Imds};
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};

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
    /// Serve instance metadata as EC2 does, until SIGTERM.
    Imds(ImdsArgs),
    /// Serve the AWS endpoints that acting calls, until SIGTERM.
    Aws(AwsArgs),
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

#[derive(Args)]
struct ImdsArgs {
    /// Address to serve on; on a host of the lab 169.254.169.254:80 is there.
    #[arg(long, default_value = "169.254.169.254:80")]
    listen: SocketAddr,
    /// JSON: paths to their values over the default ones, null takes one away.
    #[arg(long)]
    values: Option<PathBuf>,
    /// JSON: the faults that act from the start.
    #[arg(long)]
    faults: Option<PathBuf>,
    /// A unix socket to read and set all this while it runs.
    #[arg(long)]
    control: Option<PathBuf>,
}

#[derive(Args)]
struct AwsArgs {
    /// Address to serve on.
    #[arg(long)]
    listen: SocketAddr,
    /// A unix socket to read what was called and to set how it is answered.
    #[arg(long)]
    control: PathBuf,
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Image(args) => make_image(args),
        Command::Imds(args) => serve_imds(&args),
        Command::Aws(args) => serve_aws(&args),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn serve_imds(args: &ImdsArgs) -> Result<()> {
    let listener = std::net::TcpListener::bind(args.listen)
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    let imds = Imds::serve(listener)?;
    if let Some(path) = &args.values {
        imds.change(read_json::<Changes>(path)?);
    }
    if let Some(path) = &args.faults {
        imds.set_faults(read_json::<Vec<Fault>>(path)?).await;
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let control = async {
        match &args.control {
            Some(path) => imds.serve_control(bind_control(path)?).await,
            None => std::future::pending().await,
        }
        anyhow::Ok(())
    };
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        ended = tokio::signal::ctrl_c() => Ok(ended?),
        ended = control => ended,
    }
}

#[tokio::main(flavor = "current_thread")]
async fn serve_aws(args: &AwsArgs) -> Result<()> {
    let listener = std::net::TcpListener::bind(args.listen)
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    let aws = Aws::serve(listener)?;
    let control = bind_control(&args.control)?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        () = aws.serve_control(control) => {}
    }
    Ok(())
}

/// Takes over the socket of one that ended.
fn bind_control(path: &Path) -> Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot replace {}", path.display()));
        }
        _ => {}
    }
    UnixListener::bind(path).with_context(|| format!("cannot listen on {}", path.display()))
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is not as wanted", path.display()))
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
