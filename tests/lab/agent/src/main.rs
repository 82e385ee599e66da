//! A stand-in for the Amazon ECS container agent: it keeps the contract that a supervisor sees (environment, port 51678,
//! files under /data, exit statuses, signals) and misbehaves on command. See tests/lab/README.md.

#![warn(missing_docs)]

mod agent;
mod connection;
mod control;
mod healthcheck;
mod introspection;
mod log;
mod registration;

use std::process::ExitCode;

/// What the real agent ends with for bad arguments and everything else that a restart does not cure.
const EXIT_TERMINAL: u8 = 5;

fn main() -> ExitCode {
    let mode = std::env::args().nth(1);
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            log::critical(&format!("cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let status = match mode.as_deref() {
        None => runtime.block_on(agent::run()),
        Some("--healthcheck") => runtime.block_on(healthcheck::run()),
        Some("--sleep") => runtime.block_on(agent::sleep()),
        Some(other) => {
            log::critical(&format!(
                "unknown argument {other}; wanted: none, --healthcheck or --sleep"
            ));
            EXIT_TERMINAL
        }
    };
    ExitCode::from(status)
}
