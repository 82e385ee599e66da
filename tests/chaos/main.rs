//! Fault runs: see `scripts/chaos --help`. `cargo test` runs a dozen of the faults.
//!
//! `faults` says what is done and what is expected of a supervisor, `scene` is a host that meets it, `watch` and `look`
//! see from outside how it does, `judge` compares.

mod act;
mod arguments;
mod campaign;
mod fake_engine;
mod faults;
mod judge;
mod look;
mod random;
mod report;
mod scene;
mod table;
mod unit;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Terms};
use table::Fault;
use unit::Supervisor;

/// Ended by a signal, as shells count it.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let faults = match wanted(&arguments) {
        Ok(faults) => faults,
        Err(unknown) => {
            eprintln!("no fault is called {unknown}; scripts/chaos --list has them all");
            return ExitCode::from(2);
        }
    };
    if arguments.list {
        print!("{}", report::list(faults.into_iter()));
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    // Hosts end when the runtime is dropped.
    runtime.block_on(async {
        tokio::select! {
            status = run(&arguments, faults) => status,
            _ = tokio::signal::ctrl_c() => ExitCode::from(INTERRUPTED),
        }
    })
}

/// The faults that were asked for.
fn wanted(arguments: &Arguments) -> Result<Vec<&'static Fault>, String> {
    let unknown = |name: &&String| !faults::all().any(|fault| fault.name == **name);
    if let Some(unknown) = arguments.only.iter().find(unknown) {
        return Err(unknown.clone());
    }
    let named = |fault: &Fault| arguments.only.iter().any(|name| name == fault.name);
    let filter = &arguments.filter;
    let wanted = |fault: &&Fault| {
        if arguments.peer.is_some() && fault.own {
            return false;
        }
        if !arguments.only.is_empty() {
            return named(fault);
        }
        let filtered = filter.is_empty() || filter.iter().any(|part| fault.name.contains(part));
        filtered && (fault.smoke || !arguments.picks_smoke())
    };
    Ok(faults::all().filter(wanted).collect())
}

async fn run(arguments: &Arguments, faults: Vec<&'static Fault>) -> ExitCode {
    let supervisor = match &arguments.peer {
        Some(command) => Supervisor::Command(command.clone()),
        None => Supervisor::Nanny(arguments.program.clone()),
    };
    let terms = Terms::of(arguments);
    let outcomes = match arguments.random {
        None => campaign::run(faults, &supervisor, &terms, arguments.hosts).await,
        Some(count) => {
            let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..));
            let hosts = arguments.hosts;
            println!("to repeat it: scripts/chaos --random {count} --seed {seed} --hosts {hosts}");
            random::run(count, seed, &faults, &supervisor, &terms, hosts).await
        }
    };
    let table = match arguments.random {
        None => report::table(&outcomes),
        Some(_) => report::summary(&outcomes),
    };
    println!("\n{table}");
    let wrong: Vec<_> = outcomes.iter().filter(|it| !it.wrong.is_empty()).collect();
    for outcome in &wrong {
        println!("{}", report::progress(outcome));
        if arguments.logs {
            println!("{}", outcome.log);
        }
    }
    println!(
        "{} faults, {} not taken as expected",
        outcomes.len(),
        wrong.len()
    );
    if wrong.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
