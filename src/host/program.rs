//! Other programs, called by their arguments, with a deadline.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

/// The most that is kept of what a failed program wrote to its error output, in characters.
const TOLD: usize = 500;

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// There is no such program in `PATH`.
    #[error("{program} is not installed")]
    Absent {
        /// Its name.
        program: String,
    },
    /// It was ended at the deadline.
    #[error("{command} had not ended after {} s and was killed", .deadline.as_secs())]
    Deadline {
        /// The whole command line.
        command: String,
        /// How long it was given.
        deadline: Duration,
    },
    /// It ended with another status than 0.
    #[error("{command} ended with {status}: {stderr}")]
    Failed {
        /// The whole command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of its error output.
        stderr: String,
    },
    /// It could not be started, written to or read from.
    #[error("{command} could not be run: {source}")]
    Io {
        /// The whole command line.
        command: String,
        /// The system's reason.
        source: io::Error,
    },
}

/// Runs a program to its end and returns its standard output. `input` is its standard input.
///
/// # Errors
/// [`ProgramError`]; at the deadline the program is killed.
pub async fn run(
    program: &str,
    args: &[&str],
    input: &str,
    deadline: Duration,
) -> Result<String, ProgramError> {
    run_prepared(Command::new(program), program, args, input, deadline).await
}

/// The same as another user and group, by number.
///
/// # Errors
/// [`ProgramError`].
pub async fn run_as(
    user: u32,
    program: &str,
    args: &[&str],
    deadline: Duration,
) -> Result<String, ProgramError> {
    let mut command = Command::new(program);
    command.uid(user).gid(user);
    run_prepared(command, program, args, "", deadline).await
}

async fn run_prepared(
    mut prepared: Command,
    program: &str,
    args: &[&str],
    input: &str,
    deadline: Duration,
) -> Result<String, ProgramError> {
    let command = || [&[program], args].concat().join(" ");
    let spawned = prepared
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let child = match spawned {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let program = program.to_owned();
            return Err(ProgramError::Absent { program });
        }
        Err(source) => {
            let command = command();
            return Err(ProgramError::Io { command, source });
        }
    };
    let ended = tokio::time::timeout(deadline, feed(child, input)).await;
    let output = match ended {
        Ok(Ok(output)) => output,
        Ok(Err(source)) => {
            let command = command();
            return Err(ProgramError::Io { command, source });
        }
        Err(_) => {
            let command = command();
            return Err(ProgramError::Deadline { command, deadline });
        }
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(ProgramError::Failed {
        command: command(),
        status: output.status,
        stderr: reason(&output.stderr),
    })
}

/// Runs a program whose error output goes where ours goes, for a person to see, and returns its standard output.
///
/// # Errors
/// [`ProgramError`]; at the deadline the program is killed.
pub async fn run_attended(
    program: &str,
    args: &[&str],
    deadline: Duration,
) -> Result<String, ProgramError> {
    let command = [&[program], args].concat().join(" ");
    let running = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(deadline, running).await {
        Err(_) => return Err(ProgramError::Deadline { command, deadline }),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            let program = program.to_owned();
            return Err(ProgramError::Absent { program });
        }
        Ok(Err(source)) => return Err(ProgramError::Io { command, source }),
        Ok(Ok(output)) => output,
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(ProgramError::Failed {
        command,
        status: output.status,
        stderr: "see above".to_owned(),
    })
}

async fn feed(mut child: Child, input: &str) -> io::Result<std::process::Output> {
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(input.as_bytes()).await {
            // It did not read all of it; its status tells why.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            other => other?,
        }
    }
    child.wait_with_output().await
}

fn reason(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let told = lines.join("; ");
    let skipped = told.chars().count().saturating_sub(TOLD);
    told.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn output_and_input_pass_through() {
        assert_eq!(run("cat", &["-"], "text", SOON).await.unwrap(), "text");
    }

    #[tokio::test]
    async fn a_program_that_reads_no_input_still_succeeds() {
        let input = "x".repeat(1 << 20);
        assert_eq!(run("true", &[], &input, SOON).await.unwrap(), "");
    }

    #[tokio::test]
    async fn absence_is_told_apart_from_failure() {
        let error = run("/nonexistent/program", &[], "", SOON)
            .await
            .unwrap_err();
        assert!(matches!(error, ProgramError::Absent { .. }), "{error}");
        let error = run("sh", &["-c", "echo no >&2; exit 3"], "", SOON)
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "sh -c echo no >&2; exit 3 ended with exit status: 3: no"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_ends_it() {
        let told = run("sleep", &["1000"], "", SOON)
            .await
            .unwrap_err()
            .to_string();
        assert_eq!(told, "sleep 1000 had not ended after 20 s and was killed");
    }
}
