//! The document for people: one screen, what is wrong first.

use std::fmt::Write;
use std::time::Duration;

use crate::finding::{Outcome, Severity};
use crate::snapshot::{Snapshot, Timestamp};

/// One screen. An expired document is called unknown, whatever it says.
pub fn screen(snapshot: &Snapshot, now: Timestamp) -> String {
    let mut screen = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut screen, snapshot, now);
    screen
}

fn write(out: &mut String, snapshot: &Snapshot, now: Timestamp) -> std::fmt::Result {
    if snapshot.expired(now) {
        writeln!(
            out,
            "unknown: the document expired {} ago; is ecs-nanny running? (systemctl status ecs-nanny)",
            ago(snapshot.valid_until)
        )?;
        write!(out, "it said: ")?;
    }
    writeln!(out, "{}", snapshot.line())?;
    let mut row = |name: &str, value: String| writeln!(out, "  {name:<9} {value}");
    row(
        "since",
        format!("{} ({} ago)", snapshot.since, ago(snapshot.since)),
    )?;
    if let Some(retry) = &snapshot.retry {
        row(
            "retry",
            format!(
                "after {} failures, next at {}: {}",
                retry.attempts, retry.next_try_at, retry.why
            ),
        )?;
    }
    row("agent", agent(snapshot))?;
    row("engine", engine(snapshot))?;
    if let Some(instance) = &snapshot.instance {
        let zone = instance.availability_zone.as_deref().unwrap_or("?");
        let ami = instance.ami_id.as_deref().unwrap_or("?");
        row(
            "instance",
            format!(
                "{}, {} in {zone}, from {ami}",
                instance.instance_id, instance.instance_type
            ),
        )?;
    }
    let host = &snapshot.host;
    row(
        "host",
        format!(
            "{}, kernel {}, {}, {}; fit: {} ({})",
            host.os.as_deref().unwrap_or("unknown system"),
            host.kernel.as_deref().unwrap_or("?"),
            host.machine.as_deref().unwrap_or("?"),
            host.platform.as_deref().unwrap_or("unknown platform"),
            host.fit.as_deref().unwrap_or("not checked yet"),
            host.profiles.join(", "),
        ),
    )?;
    for finding in &snapshot.findings {
        if finding.outcome == Outcome::Failed && finding.severity != Severity::Informational {
            row(&finding.severity.to_string(), finding.sentence())?;
        }
    }
    Ok(())
}

fn agent(snapshot: &Snapshot) -> String {
    let agent = &snapshot.agent;
    let mut words = agent.state.clone();
    if let Some(version) = &agent.version {
        let _ = write!(words, ", {version}");
    }
    if let Some(cluster) = &agent.cluster {
        let _ = write!(words, ", cluster {cluster}");
    }
    if let Some(arn) = &agent.container_instance_arn {
        let _ = write!(words, ", {arn}");
    }
    if agent.restarts > 0 {
        let _ = write!(words, ", started again {} times", agent.restarts);
    }
    if let Some(exit) = &agent.last_exit {
        let _ = write!(words, "; last exit {} ago: {}", ago(exit.at), exit.meaning);
    }
    words
}

fn engine(snapshot: &Snapshot) -> String {
    let engine = &snapshot.engine;
    let mut words = format!("{} ({})", engine.state, engine.backend);
    if let Some(version) = &engine.version {
        let _ = write!(words, ", Docker {version}");
    }
    if let Some(why) = &engine.why {
        let _ = write!(words, "; {why}");
    }
    words
}

fn ago(moment: Timestamp) -> String {
    humantime::format_duration(Duration::from_secs(moment.age().as_secs())).to_string()
}
