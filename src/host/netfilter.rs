//! `iptables` and `ip6tables`, the field's interface to the packet filter, whichever backend they were built for.

use std::time::Duration;

use super::program::{self, ProgramError};

/// How long a call waits for the lock that dockerd and others hold too, in seconds.
const LOCK_WAIT: &str = "5";

/// The exit status by which they say that the lock was held all the time (`RESOURCE_PROBLEM`).
pub const LOCKED: i32 = 4;

/// How long one call may take in all.
const DEADLINE: Duration = Duration::from_secs(10);

/// One family's programs: `NAME`, `NAME-save` and `NAME-restore`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Netfilter {
    program: String,
}

impl Netfilter {
    /// The programs of this name, for example `iptables` or `ip6tables-legacy`, found in `PATH`.
    pub fn new(program: impl Into<String>) -> Self {
        Netfilter {
            program: program.into(),
        }
    }

    /// Their name.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// All tables as text. A table that the kernel has not set up is not in it.
    ///
    /// # Errors
    /// [`ProgramError`].
    pub async fn save(&self) -> Result<String, ProgramError> {
        program::run(&format!("{}-save", self.program), &[], "", DEADLINE).await
    }

    /// Performs the commands of `text`, each table's at once or not at all. Everything else in the tables stays.
    ///
    /// # Errors
    /// [`ProgramError`]; the tables before the one that failed are then changed.
    pub async fn restore(&self, text: &str) -> Result<(), ProgramError> {
        let program = format!("{}-restore", self.program);
        let args = ["--noflush", "-w", LOCK_WAIT];
        program::run(&program, &args, text, DEADLINE).await?;
        Ok(())
    }

    /// Performs one command, for example `["-D", "INPUT", "-j", "DROP"]`.
    ///
    /// # Errors
    /// [`ProgramError`].
    pub async fn command(&self, table: &str, args: &[&str]) -> Result<(), ProgramError> {
        let args = [&["-w", LOCK_WAIT, "-t", table], args].concat();
        program::run(&self.program, &args, "", DEADLINE).await?;
        Ok(())
    }

    /// True when the chain holds this rule, in `iptables`' own judgement.
    ///
    /// # Errors
    /// [`ProgramError`] but for status 1, by which `-C` says that there is none.
    pub async fn has(&self, table: &str, chain: &str, rule: &[&str]) -> Result<bool, ProgramError> {
        match self.command(table, &[&["-C", chain], rule].concat()).await {
            Ok(()) => Ok(true),
            Err(ProgramError::Failed { status, .. }) if status.code() == Some(1) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
