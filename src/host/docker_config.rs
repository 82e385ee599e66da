//! The Docker daemon asked whether it takes a configuration file, without starting it.

use std::time::Duration;

use super::program::{self, ProgramError};

/// How long the daemon may take to read a file; it takes milliseconds.
const DEADLINE: Duration = Duration::from_secs(20);

/// The user nobody.
const NOBODY: u32 = 65534;

/// What the daemon says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It takes it.
    Accepted,
    /// It does not start with it; its words.
    Refused(String),
    /// It could not be asked, and why.
    NotAsked(String),
}

/// Asks the daemon. `arguments` are the flags that it is started with, `file` its configuration, readable by all.
///
/// `--validate` came with Docker 23.0. An older daemon reads its flags and its file, checks them, and then ends before it
/// makes anything when it is not root: so it is asked as the user nobody.
pub async fn validate(dockerd: &str, arguments: &[&str], file: &str) -> Verdict {
    let help = match program::run(dockerd, &["--help"], "", DEADLINE).await {
        Ok(help) => help,
        Err(error) => return Verdict::NotAsked(error.to_string()),
    };
    let with_file = [arguments, &["--config-file", file]].concat();
    if help.contains("--validate") {
        let command = [&with_file[..], &["--validate"]].concat();
        return match program::run(dockerd, &command, "", DEADLINE).await {
            Ok(_) => Verdict::Accepted,
            Err(ProgramError::Failed { stderr, .. }) => Verdict::Refused(stderr),
            Err(error) => Verdict::NotAsked(error.to_string()),
        };
    }
    match program::run_as(NOBODY, dockerd, &with_file, DEADLINE).await {
        Err(ProgramError::Failed { stderr, .. }) if stderr.contains("started with root") => {
            Verdict::Accepted
        }
        Err(ProgramError::Failed { stderr, .. })
            if stderr.contains("unable to configure the Docker daemon")
                || stderr.contains("conflict labels")
                || stderr.contains("unknown flag") =>
        {
            Verdict::Refused(stderr)
        }
        Err(error) => Verdict::NotAsked(error.to_string()),
        Ok(_) => Verdict::NotAsked(format!("{dockerd} ended by itself")),
    }
}
