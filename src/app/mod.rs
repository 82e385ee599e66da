//! Composition: one function a command, each ending in an exit status.

mod facts;
mod image;
mod inspect;
mod plot;
mod prepare;
mod report;
mod run;
mod status;
mod step;
mod volumes;

use std::io::{IsTerminal, Write};

use anyhow::Context;
use clap::CommandFactory;

use crate::agent_config::{Layer, Source};
use crate::apply::{self, Applier};
use crate::cli::args::{Cli, Command, ConfigCommand, Format, HoldArgs, LintArgs};
use crate::cli::lint;
use crate::exit::Exit;
use crate::finding::{Finding, Outcome, Severity};
use crate::host::dropins;
use crate::host::files::Root;
use crate::settings::{self, Document, Loaded, SettingsError};
use crate::snapshot::Timestamp;
use crate::supervise::hold::Hold;
use crate::{facts as fact_room, supervise};

/// Carries out one command.
///
/// # Errors
/// What stopped it, for standard error.
pub fn execute(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Run => run::run(),
        Command::Volumes => volumes::volumes(),
        Command::Facts(args) => inspect::facts(&args),
        Command::Check(args) => inspect::check(&args),
        Command::Plan(args) => inspect::plan(&args),
        Command::Prepare => prepare::prepare(),
        Command::Config(ConfigCommand::Show(args)) => inspect::config_show(&args),
        Command::Config(ConfigCommand::Lint(args)) => config_lint(&args),
        Command::Status(args) => status::status(&args),
        Command::Plot(args) => plot::plot(&args),
        Command::Report(args) => report::report(&args),
        Command::Wait(args) => status::wait(&args),
        Command::Hold(args) => hold(&args),
        Command::Release => release(),
        Command::Image(command) => image::image(command),
        Command::Undo => undo(),
        Command::Step { step } => step::step(step),
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Cli::command(),
                "ecs-nanny",
                &mut std::io::stdout(),
            );
            Ok(Exit::Done)
        }
        Command::Man {
            out: Some(directory),
            ..
        } => {
            clap_mangen::generate_to(Cli::command(), &directory)
                .with_context(|| directory.display().to_string())?;
            Ok(Exit::Done)
        }
        Command::Man { command, out: None } => man(&command),
    }
}

fn man(words: &[String]) -> anyhow::Result<Exit> {
    let mut page = Cli::command();
    // Gives every command its full name.
    page.build();
    for word in words {
        let Some(found) = page.find_subcommand(word) else {
            anyhow::bail!("there is no command {}", words.join(" "));
        };
        page = found.clone();
    }
    clap_mangen::Man::new(page).render(&mut std::io::stdout())?;
    Ok(Exit::Done)
}

/// The settings of a host, from its drop-in files.
///
/// # Errors
/// Every problem with them at once.
pub fn settings(root: &Root) -> Result<Loaded, SettingsError> {
    let documents = dropins::read(root).map_err(|(path, error)| SettingsError {
        problems: vec![settings::unreadable(&path, &error.to_string())],
    })?;
    let documents: Vec<Document> = documents
        .into_iter()
        .map(|file| Document {
            path: file.path,
            text: file.text,
        })
        .collect();
    settings::merge(&documents)
}

/// Prints without failing when the reader has gone (`ecs-nanny check | head`).
fn print(text: &str) {
    print_raw(text);
    if !text.ends_with('\n') {
        print_raw("\n");
    }
}

/// The same without a line's end of its own.
fn print_raw(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

fn print_json(value: &serde_json::Value) -> anyhow::Result<()> {
    print(&serde_json::to_string_pretty(value)?);
    Ok(())
}

fn colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Columns of the terminal, or what a page has where there is none.
fn width() -> usize {
    const PAGE: usize = 100;
    terminal_size::terminal_size().map_or(PAGE, |(width, _)| usize::from(width.0))
}

/// A single-threaded runtime: the daemon waits, it does not compute.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

fn config_lint(args: &LintArgs) -> anyhow::Result<Exit> {
    let findings = if args.files.is_empty() {
        supervise::lint(&fact_room::host(&Root::host()))
    } else {
        lint_files(args)?
    };
    match args.format {
        Format::Json => print_json(&lint::json(&findings))?,
        Format::Table => print(&lint::text(&findings, colour())),
    }
    let errors = findings.iter().any(|finding| {
        finding.outcome == Outcome::Failed && finding.severity == Severity::Required
    });
    Ok(if errors { Exit::Failed } else { Exit::Done })
}

fn lint_files(args: &LintArgs) -> anyhow::Result<Vec<Finding>> {
    let mut files = Vec::new();
    for path in &args.files {
        use std::os::unix::fs::PermissionsExt;
        let bytes =
            std::fs::read(path).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
        let mode = std::fs::metadata(path)?.permissions().mode() & 0o7777;
        files.push((path.display().to_string(), bytes, mode));
    }
    let last = files.len().saturating_sub(1);
    let sources: Vec<Source<'_>> = files
        .iter()
        .enumerate()
        .map(|(index, (path, bytes, mode))| Source {
            layer: if index == last {
                Layer::User
            } else {
                Layer::Vendor
            },
            path,
            bytes,
            mode: Some(*mode),
        })
        .collect();
    Ok(crate::agent_config::lint(&sources))
}

fn hold(args: &HoldArgs) -> anyhow::Result<Exit> {
    let hold = Hold {
        until: args.span.map(|span| Timestamp::now().after(span)),
        why: args.why.clone(),
    };
    hold.write().with_context(|| supervise::hold::HOLD)?;
    print(&hold.to_string());
    Ok(Exit::Done)
}

fn release() -> anyhow::Result<Exit> {
    let released = Hold::release().with_context(|| supervise::hold::HOLD)?;
    print(if released {
        "released"
    } else {
        "there was no hold"
    });
    Ok(Exit::Done)
}

fn undo() -> anyhow::Result<Exit> {
    let applier = Applier::host();
    let lock = std::path::Path::new(apply::LOCK);
    let report = runtime()?.block_on(apply::undo_unless_running(&applier, lock))?;
    for finding in &report.findings {
        eprintln!("{}", finding.sentence());
    }
    print(&format!("{} network settings undone\n", report.changed));
    Ok(if report.findings.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    })
}
