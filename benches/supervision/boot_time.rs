//! A machine's boot, in the boot test's emulated machine: slow in absolute terms, since nothing of it runs natively, but
//! with a kernel and a systemd of its own.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::subject::Subject;
use crate::table::{Table, Target, Unit};

/// Where the case of the boot test leaves its times.
const TIMES: &str = "target/boot/boot-time";

/// Boots it alone and beside a stand-in for cloud-init that takes 10 s.
pub async fn measure(table: &mut Table) -> Result<()> {
    let status = Command::new("scripts/boot-test")
        .arg("boot-time")
        .stdout(std::io::stderr())
        .status()
        .await?;
    ensure!(
        status.success(),
        "scripts/boot-test boot-time: {status}; it says why above"
    );
    let times = std::fs::read_to_string(Path::new(TIMES)).context(TIMES)?;
    for line in times.lines() {
        let (name, milliseconds) = line.split_once('\t').with_context(|| line.to_owned())?;
        let name = format!("emulated machine: {name}");
        table
            .row(&name, Unit::Milliseconds, Target::None)
            .add(Subject::Nanny, milliseconds.parse()?);
    }
    Ok(())
}
