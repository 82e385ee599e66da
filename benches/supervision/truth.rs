//! From a fault to the truth in /health.

use std::time::SystemTime;

use anyhow::Result;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::arguments::Arguments;
use crate::stage::Stage;
use crate::start::{milliseconds, settled};
use crate::subject::Subject;
use crate::table::{Table, Target, Unit};

/// Measures an agent's death, the engine's death and both hanging.
pub async fn measure(stage: &mut Stage, arguments: &Arguments, table: &mut Table) -> Result<()> {
    let runs = if arguments.quick { 1 } else { arguments.few() };
    for _ in 0..runs {
        for (name, signal, engine) in [
            ("agent killed → told in /health", Signal::SIGKILL, false),
            ("dockerd killed → told in /health", Signal::SIGKILL, true),
            ("agent hangs → told in /health", Signal::SIGSTOP, false),
            ("dockerd hangs → told in /health", Signal::SIGSTOP, true),
        ] {
            let running = settled(stage, Subject::Nanny).await?;
            let victim = if engine {
                stage.engine_pid()?
            } else {
                agent(stage, signal).await?
            };
            let told = fault(stage, victim, signal).await;
            if signal == Signal::SIGSTOP {
                kill(victim, Signal::SIGCONT)?;
            }
            stage.until_ready().await?;
            if let Some(running) = running {
                running.leave().await?;
            }
            table
                .row(name, Unit::Milliseconds, Target::None)
                .add(Subject::Nanny, told?);
        }
    }
    Ok(())
}

/// The agent's process. The first one of its container is Docker's init: to die it is enough that this one dies, to hang
/// the agent itself has to be stopped.
async fn agent(stage: &Stage, signal: Signal) -> Result<Pid> {
    let first = stage.agent_pid().await?;
    if signal == Signal::SIGKILL {
        return Ok(first);
    }
    let children = std::fs::read_to_string(format!("/proc/{first}/task/{first}/children"))?;
    match children.split_whitespace().next() {
        Some(child) => Ok(Pid::from_raw(child.parse()?)),
        None => Ok(first),
    }
}

/// Does it, and waits until health says that something is wrong. What may be mended by the next look stays in the
/// document: the agent's last exit, and since when the engine is what it is.
async fn fault(stage: &Stage, victim: Pid, signal: Signal) -> Result<f64> {
    let marks = async || -> Result<(bool, Value, Value)> {
        let answer = stage.get("/health").await?;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let document: Value = serde_json::from_str(body)?;
        Ok((
            document["phase"] == "healthy",
            document["agent"]["last_exit"].clone(),
            document["engine"]["since"].clone(),
        ))
    };
    let before = marks().await?;
    let done = SystemTime::now();
    kill(victim, signal)?;
    let looking = async {
        loop {
            if marks().await? != before {
                return anyhow::Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(crate::stage::PATIENCE, looking).await??;
    Ok(milliseconds(done, SystemTime::now()))
}
