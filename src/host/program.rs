//! Other programs, called by their arguments, with a deadline.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
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

/// Runs a program to its end; its standard output, and whether its status was 0.
///
/// # Errors
/// [`ProgramError`] but for another status; at the deadline the program is killed.
pub async fn answer(
    program: &str,
    args: &[&str],
    deadline: Duration,
) -> Result<(bool, String), ProgramError> {
    let running = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let command = || [&[program], args].concat().join(" ");
    match tokio::time::timeout(deadline, running).await {
        Err(_) => Err(ProgramError::Deadline {
            command: command(),
            deadline,
        }),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Err(ProgramError::Absent {
            program: program.to_owned(),
        }),
        Ok(Err(source)) => Err(ProgramError::Io {
            command: command(),
            source,
        }),
        Ok(Ok(output)) => {
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            Ok((output.status.success(), printed))
        }
    }
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
    // Not `output`, which takes the error output too, whatever was said before.
    let running = async {
        let child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()?;
        child.wait_with_output().await
    };
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

/// Runs a program that starts others: at the deadline all of its process group are killed, and what it leaves running
/// with its error output open is not waited for. `shown` stands for the command line in errors, which may hold secrets.
///
/// # Errors
/// [`ProgramError`].
pub async fn run_group(
    program: &str,
    args: &[&str],
    shown: &str,
    deadline: Duration,
) -> Result<(), ProgramError> {
    let io = |source| ProgramError::Io {
        command: shown.to_owned(),
        source,
    };
    // A file: the end of a pipe comes only when the last process that holds it has ended.
    let mut stderr = tempfile::tempfile().map_err(io)?;
    let spawned = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr.try_clone().map_err(io)?)
        .process_group(0)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let program = program.to_owned();
            return Err(ProgramError::Absent { program });
        }
        Err(source) => return Err(io(source)),
    };
    let Ok(ended) = tokio::time::timeout(deadline, child.wait()).await else {
        kill_group(&mut child).await;
        return Err(ProgramError::Deadline {
            command: shown.to_owned(),
            deadline,
        });
    };
    let status = ended.map_err(io)?;
    if status.success() {
        return Ok(());
    }
    Err(ProgramError::Failed {
        command: shown.to_owned(),
        status,
        stderr: reason(&told(&mut stderr).map_err(io)?),
    })
}

/// Kills a program with all that it started in its process group.
async fn kill_group(leader: &mut Child) {
    /// A killed process is gone in milliseconds, unless it sleeps in the kernel.
    const AFTER_KILL: Duration = Duration::from_millis(500);
    if let Some(pid) = leader.id()
        && let Err(error) = killpg(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL)
    {
        tracing::debug!("process group {pid} could not be killed: {error}");
    }
    let _ = tokio::time::timeout(AFTER_KILL, leader.wait()).await;
}

fn told(stderr: &mut File) -> io::Result<Vec<u8>> {
    /// More than is shown of it.
    const LIMIT: u64 = 64 * 1024;
    let length = stderr.metadata()?.len();
    stderr.seek(io::SeekFrom::Start(length.saturating_sub(LIMIT)))?;
    let mut bytes = Vec::new();
    stderr.take(LIMIT).read_to_end(&mut bytes)?;
    Ok(bytes)
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

    #[tokio::test]
    async fn what_a_program_leaves_running_is_not_waited_for() {
        let script = "setsid sleep 1000 >/dev/null & echo no >&2; exit 3";
        let error = run_group("sh", &["-c", script], "a mount", SOON)
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "a mount ended with exit status: 3: no");
    }

    #[tokio::test]
    async fn the_deadline_ends_a_whole_group() {
        let directory = tempfile::tempdir().unwrap();
        let pid = directory.path().join("pid");
        let script = format!("sleep 1000 & echo $! >{}; wait", pid.display());
        let deadline = Duration::from_millis(500);
        let ended = run_group("sh", &["-c", &script], "a mount", deadline).await;
        let told = ended.unwrap_err().to_string();
        assert_eq!(told, "a mount had not ended after 0 s and was killed");
        let pid: i32 = std::fs::read_to_string(pid)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let gone = async {
            // A killed process that nobody has waited for yet is a zombie.
            let entry = std::path::PathBuf::from(format!("/proc/{pid}"));
            while entry.exists() && !crate::host::process::zombie(pid) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(SOON, gone).await.unwrap();
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
