//! Parse, carry out one command, end with its status.

use clap::Parser;
use ecs_nanny::app;
use ecs_nanny::cli::args::Cli;
use ecs_nanny::exit::Exit;

fn main() -> Exit {
    let cli = Cli::parse();
    match app::execute(cli) {
        Ok(exit) => exit,
        Err(error) => {
            eprintln!("ecs-nanny: {error:#}");
            match error.downcast_ref::<ecs_nanny::settings::SettingsError>() {
                Some(_) => Exit::BadSettings,
                None => Exit::Failed,
            }
        }
    }
}
