//! `ecs-nanny report`: what a bug report needs, in one archive.

mod bundle;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use serde_json::{Value, json};

use crate::cli::args::{FactsArgs, ReportArgs};
use crate::cli::{config_show, lint, plan as plan_view};
use crate::exit::Exit;
use crate::facts::Facts;
use crate::health::{self, TIMELINE_FILE};
use crate::host::docker::Docker;
use crate::host::files::{self, Root};
use crate::host::program;
use crate::host::systemd::Systemd;
use crate::settings::{Loaded, SettingsError};
use crate::{plan, supervise};

use super::facts as gathering;
use bundle::Bundle;

/// Units of which state and journal are told.
const UNITS: &[&str] = &[
    "ecs-nanny.service",
    "ecs-nanny-engine.service",
    "ecs-nanny-volumes.service",
    "ecs-nanny-volumes.socket",
    "ecs-nanny-wait.service",
    "docker.service",
    "docker.socket",
    "containerd.service",
    "ecs.service",
    "cloud-final.service",
];
/// How many of the journal's last lines.
const JOURNAL_LINES: &str = "--lines=3000";
/// A journal on a cold disk takes a few seconds.
const JOURNAL: Duration = Duration::from_secs(20);
/// Logs that are no part of the journal.
const LOGS: &[(&str, &str)] = &[
    ("dockerd.log", "/var/log/ecs/dockerd.log"),
    ("ecs-agent.log", "/var/log/ecs/ecs-agent.log"),
];
/// How much of each log's end, in bytes.
const LOG_TAIL: usize = 256 * 1024;
/// For root alone.
const MODE: u32 = 0o600;

pub(super) fn report(args: &ReportArgs) -> anyhow::Result<Exit> {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let name = format!("ecs-nanny-report-{}", now.replace(':', ""));
    let mut report = Report {
        bundle: Bundle::new(name.clone()),
        missing: Vec::new(),
    };
    report.collect()?;
    let missing = report.missing.join("\n");
    report.bundle.text(
        "about.txt",
        &format!(
            "Report of ecs-nanny {} of {now}. Secret values are replaced.\n\nNot in it:\n{missing}\n",
            env!("CARGO_PKG_VERSION")
        ),
    )?;
    let bytes = report.bundle.finish()?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{name}.tar")));
    if out.as_os_str() == "-" {
        std::io::stdout().write_all(&bytes)?;
        return Ok(Exit::Done);
    }
    let out = std::path::absolute(out)?;
    files::replace(&out, MODE, &bytes).with_context(|| out.display().to_string())?;
    eprintln!(
        "{} is written ({} kB); secret values in it are replaced, look through it before you send it",
        out.display(),
        bytes.len() / 1024
    );
    Ok(Exit::Done)
}

struct Report {
    bundle: Bundle,
    missing: Vec<String>,
}

impl Report {
    fn collect(&mut self) -> anyhow::Result<()> {
        progress("health");
        self.health()?;
        progress("settings");
        let loaded = self.settings()?;
        progress("facts, plan and lint");
        let found = gathering::gather(&FactsArgs::default(), &loaded.settings)?;
        self.facts(&loaded, &found)?;
        let runtime = super::runtime()?;
        progress("units");
        runtime.block_on(self.units(&found))?;
        progress("the Docker daemon");
        runtime.block_on(self.docker(&loaded, &found))?;
        progress("journal and logs");
        runtime.block_on(self.journal())?;
        self.logs()
    }

    fn health(&mut self) -> anyhow::Result<()> {
        match health::read() {
            Ok(snapshot) => self
                .bundle
                .json("health.json", serde_json::to_value(snapshot)?)?,
            Err(error) => self.lacks("health.json", &error),
        }
        match health::kept_timeline() {
            Some(boot) => self
                .bundle
                .json("timeline.json", serde_json::to_value(boot)?)?,
            None => self.lacks("timeline.json", &format!("there is no {TIMELINE_FILE}")),
        }
        Ok(())
    }

    /// The settings in force; the defaults where they are bad, and what is wrong with them.
    fn settings(&mut self) -> anyhow::Result<Loaded> {
        let Err(SettingsError { problems }) = super::settings(&Root::host()) else {
            return Ok(super::settings(&Root::host())?);
        };
        self.bundle
            .json("settings-problems.json", serde_json::to_value(problems)?)?;
        Ok(Loaded::default())
    }

    fn facts(&mut self, loaded: &Loaded, found: &Facts) -> anyhow::Result<()> {
        let plan = plan::masked(&plan::build(&loaded.settings, found));
        let environment = plan::environment(&loaded.settings, found);
        let findings = supervise::lint(&found.host);
        let facts = super::inspect::without_secrets(found.clone());
        for (name, value) in [
            ("facts.json", serde_json::to_value(facts)?),
            ("plan.json", plan_view::json(&plan)),
            ("config-show.json", config_show::json(&environment, loaded)),
            ("config-lint.json", lint::json(&findings)),
        ] {
            self.bundle.json(name, value)?;
        }
        Ok(())
    }

    async fn units(&mut self, found: &Facts) -> anyhow::Result<()> {
        if !found.host.systemd {
            self.lacks("units.json", &"systemd does not run here");
            return Ok(());
        }
        let systemd = match Systemd::connect().await {
            Ok(systemd) => systemd,
            Err(error) => {
                self.lacks("units.json", &error);
                return Ok(());
            }
        };
        let mut states: BTreeMap<&str, Value> = BTreeMap::new();
        for unit in UNITS {
            let state = match systemd.unit(unit).await {
                Ok(unit) => json!({
                    "load": unit.load_state,
                    "active": unit.active_state,
                    "sub": unit.sub_state,
                    "result": unit.result,
                    "file": unit.file_state,
                }),
                Err(error) => Value::String(error.to_string()),
            };
            states.insert(unit, state);
        }
        self.bundle.json("units.json", json!(states))?;
        Ok(())
    }

    /// Never wakes an engine that sleeps.
    async fn docker(&mut self, loaded: &Loaded, found: &Facts) -> anyhow::Result<()> {
        if found.engine.known().is_none() {
            self.lacks("docker.json", &found.engine.why_unknown());
            return Ok(());
        }
        let described = match Docker::connect(&loaded.settings.engine.socket).await {
            Ok(docker) => docker.describe().await,
            Err(error) => Err(error),
        };
        match described {
            Ok((version, info, _)) => self
                .bundle
                .json("docker.json", json!({ "version": version, "info": info }))?,
            Err(error) => self.lacks("docker.json", &error),
        }
        Ok(())
    }

    async fn journal(&mut self) -> anyhow::Result<()> {
        let units: Vec<String> = UNITS.iter().map(|unit| format!("--unit={unit}")).collect();
        let mut arguments = vec![
            "--no-pager",
            "--quiet",
            "--boot",
            "--output=short-iso-precise",
            JOURNAL_LINES,
        ];
        arguments.extend(units.iter().map(String::as_str));
        match program::run("journalctl", &arguments, "", JOURNAL).await {
            Ok(text) => self.bundle.text("journal.txt", &text)?,
            Err(error) => self.lacks("journal.txt", &error),
        }
        Ok(())
    }

    fn logs(&mut self) -> anyhow::Result<()> {
        for (name, path) in LOGS {
            match std::fs::read(path) {
                Ok(bytes) => {
                    let tail = &bytes[bytes.len().saturating_sub(LOG_TAIL)..];
                    self.bundle.text(name, &String::from_utf8_lossy(tail))?;
                }
                Err(error) => self.lacks(name, &format!("{path}: {error}")),
            }
        }
        Ok(())
    }

    fn lacks(&mut self, name: &str, why: &dyn std::fmt::Display) {
        self.missing.push(format!("{name}: {why}"));
    }
}

fn progress(what: &str) {
    eprintln!("ecs-nanny report: {what} …");
}
