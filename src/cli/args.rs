//! The command line.

mod image;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use image::{
    ImageCommand, ImageDescribeArgs, ImageFetchArgs, ImageSealArgs, ImageVerifyArgs,
    ImageWantedArgs,
};

use super::parse::{phase, release, span};

/// Boot agent for EC2 instances made from custom AMIs
///
/// Checks that the host is fit, writes the ECS agent's configuration, starts Docker and the Amazon ECS agent, keeps them
/// up, and says how the host is. systemd starts `ecs-nanny run`; everything else is for people and scripts.
#[derive(Debug, Parser)]
#[command(
    name = "ecs-nanny",
    version,
    propagate_version = false,
    after_help = "\
Where to look first:
  ecs-nanny status            how this host is, what is wrong, how to mend it
  ecs-nanny check             whether this host is fit, rule by rule
  journalctl -u ecs-nanny     what happened

Exit statuses: 0 done, fit or healthy; 1 failed, unfit, unhealthy or unknown; 2 usage;
5 the agent ended terminally; 69 the host can't be fit; 78 bad settings."
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon that systemd starts; Ctrl-C stops agent and child engine in order
    Run,
    /// Print what is known of this host as JSON, to send with a report; secret values are replaced
    Facts(TreeArgs),
    /// Judge the host by the rules of the active profiles; touches nothing and wakes nothing
    Check(CheckArgs),
    /// Print everything that `run` would put on this host; touches nothing
    Plan(PlanArgs),
    /// Prepare the host for Docker, as ecs-nanny-prepare.service does at boot; `plan` shows what that changes
    Prepare,
    /// Show how this host is
    Status(StatusArgs),
    /// Draw what the last boot's time was spent on
    Plot(PlotArgs),
    /// Collect what a bug report needs in one file; secret values are replaced
    Report(ReportArgs),
    /// Wait until the host reaches a phase
    #[command(
        after_help = "Exit status 0 when the phase is reached, 1 when the time is over. Not to be called from \
user data: cloud-init waits for it while the agent may wait for cloud-init."
    )]
    Wait(WaitArgs),
    /// Look at the agent's and ecs-nanny's own configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Hands off for maintenance: nothing is started, restarted or ended until release, the end, or the next boot
    Hold(HoldArgs),
    /// End a hold
    Release,
    /// For whoever makes the AMI: bring the agent's image, seal and describe the AMI
    #[command(subcommand)]
    Image(ImageCommand),
    /// Serve the Docker volume plugin for EFS and S3 Files volumes of tasks; systemd starts it when Docker asks
    #[command(after_help = "\
Docker knows it as amazon-ecs-volume-plugin, by /run/docker/plugins/amazon-ecs-volume-plugin.sock. It needs root, and
mount.efs or mount.s3files (package amazon-efs-utils). Volumes are mounted below /var/lib/ecs/volumes; who uses them is in
/var/lib/ecs/data/ecs_volume_plugin.json.

Where to look:
  ecs-nanny status                        what is mounted, and how often it is used
  docker volume inspect NAME              one volume
  journalctl -u ecs-nanny-volumes         what was mounted, and what failed")]
    Volumes,
    /// Take off the network what run put there, from its record; refused while run is running
    Undo,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print a manual page (roff): of ecs-nanny, or of one of its commands
    Man {
        /// The command, for example: config lint
        command: Vec<String>,
        /// Write the pages of ecs-nanny and of every command into a directory instead
        #[arg(long, value_name = "DIR", conflicts_with = "command")]
        out: Option<PathBuf>,
    },
    /// Do what the daemon's sandbox forbids; run by ecs-nanny-step@.service
    #[command(hide = true)]
    Step {
        /// The step
        step: Step,
    },
}

/// Privileged steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Step {
    /// Load the agent's AppArmor profile
    Apparmor,
    /// Fetch the agent's image into the cache
    Fetch,
    /// Run the command of acting.command
    Command,
    /// List the GPUs for the agent
    Gpu,
}

/// Where facts come from.
#[derive(Debug, Args, Clone, Default)]
pub struct TreeArgs {
    /// Read another tree than /: a mounted image, or a recorded host
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
}

/// Where recorded or other facts come from.
#[derive(Debug, Args, Clone, Default)]
pub struct FactsArgs {
    /// Read another tree than /: a mounted image, or a recorded host
    #[arg(long, value_name = "DIR", conflicts_with = "facts")]
    pub root: Option<PathBuf>,
    /// Take the facts that `ecs-nanny facts` printed on another host; - is standard input
    #[arg(long, value_name = "FILE")]
    pub facts: Option<PathBuf>,
}

/// `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Where facts come from
    #[command(flatten)]
    pub facts: FactsArgs,
    /// Profiles instead of those of the settings
    #[arg(long, short, value_name = "PROFILE", value_parser = crate::settings::PROFILES.to_vec())]
    pub profile: Vec<String>,
    /// Judge this host as the image that is made of it: what only a booted host tells is skipped
    #[arg(long, conflicts_with_all = ["facts", "list", "explain"])]
    pub image: bool,
    /// The Amazon EMR release that the image is for, for example 7.1.0
    #[arg(long, value_name = "RELEASE", value_parser = release)]
    pub emr_release: Option<crate::checks::Version>,
    /// A verdict of unknown fails as well
    #[arg(long)]
    pub strict: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: CheckFormat,
    /// List the rules
    #[arg(long, conflicts_with_all = ["explain", "strict", "root", "facts"])]
    pub list: bool,
    /// Explain one rule
    #[arg(long, value_name = "RULE", conflicts_with_all = ["strict", "root", "facts"])]
    pub explain: Option<String>,
}

/// `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Where facts come from
    #[command(flatten)]
    pub facts: FactsArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Print secret values as they are
    #[arg(long)]
    pub show_secrets: bool,
}

/// `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Go on showing it, until Ctrl-C
    #[arg(long, short)]
    pub watch: bool,
}

/// `plot`.
#[derive(Debug, Args)]
pub struct PlotArgs {
    /// How to draw
    #[arg(long, value_enum, default_value_t)]
    pub format: PlotFormat,
}

/// How a time line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum PlotFormat {
    /// For the terminal
    #[default]
    Text,
    /// A picture for a browser
    Svg,
    /// For programs
    Json,
}

/// `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The file to write, a tar archive; - is standard output. Without, ecs-nanny-report-TIME.tar in this directory
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `wait`.
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// The phase, for example healthy
    #[arg(long = "for", value_name = "PHASE", default_value = "healthy", value_parser = phase)]
    pub phase: crate::snapshot::Phase,
    /// How long to wait at the most, for example 5m
    #[arg(long, value_name = "SPAN", default_value = "5m", value_parser = span)]
    pub timeout: Duration,
}

/// `hold`.
#[derive(Debug, Args)]
pub struct HoldArgs {
    /// When it ends by itself, for example 1h; without, it lasts until release or the next boot
    #[arg(long = "for", value_name = "SPAN", value_parser = span)]
    pub span: Option<Duration>,
    /// Why, for whoever looks at the host
    #[arg(long, value_name = "TEXT")]
    pub why: String,
}

/// `config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Say what is wrong in the agent's configuration files, with line and mend
    Lint(LintArgs),
    /// Print every effective value and the file that set it
    Show(ShowArgs),
}

/// `config lint`.
#[derive(Debug, Args)]
pub struct LintArgs {
    /// Files to look at, in the order in which they apply; without any, both files of this host
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `config show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Where facts come from
    #[command(flatten)]
    pub facts: FactsArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// For programs; a public interface with a schema number
    Json,
}

/// How to print what the rules say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum CheckFormat {
    /// For people
    #[default]
    Table,
    /// For programs; a public interface with a schema number
    Json,
    /// For a build pipeline: JUnit's XML
    Junit,
    /// The rules as docs/checks.md; with --list
    #[value(hide = true)]
    Markdown,
}
