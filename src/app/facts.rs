//! The facts of a command: of the running host with all layers that can be had without waking anything, of another tree,
//! or recorded ones.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use crate::checks;
use crate::cli::args::FactsArgs;
use crate::facts::{self, Fact, Facts, UnitFacts};
use crate::host::docker::Docker;
use crate::host::files::{Kind, Root};
use crate::host::imds::Imds;
use crate::host::systemd::Systemd;
use crate::plan;
use crate::settings::{OnEc2, Settings};

/// How long a command asks the metadata service: it answers in milliseconds or is not there.
const METADATA: Duration = Duration::from_secs(3);

/// The facts that the arguments ask for. `settings` name the engine's unit and socket.
///
/// # Errors
/// A facts file that can't be read or is none; a tree that is no directory.
pub fn gather(args: &FactsArgs, settings: &Settings) -> anyhow::Result<Facts> {
    if let Some(file) = &args.facts {
        return recorded(file);
    }
    let root = root(args.root.as_ref())?;
    let mut found = facts::read(&root);
    found.image = Fact::Known(facts::image(&root));
    for path in plan::probed_paths(settings, &found) {
        let kind = root.kind(&path);
        found.host.paths.insert(path, kind);
    }
    if root.is_host() {
        super::runtime()?.block_on(ask(&mut found, settings));
    }
    Ok(found)
}

/// The tree that `--root` names.
///
/// # Errors
/// It is no directory.
pub fn root(directory: Option<&PathBuf>) -> anyhow::Result<Root> {
    let Some(directory) = directory else {
        return Ok(Root::host());
    };
    anyhow::ensure!(
        directory.is_dir(),
        "--root {}: not a directory; name the top of a mounted image or of a recorded tree",
        directory.display()
    );
    Ok(Root::at(directory.canonicalize()?))
}

fn recorded(file: &Path) -> anyhow::Result<Facts> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin()
            .read_to_string(&mut text)
            .context("standard input")?;
    } else {
        text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    }
    let found: Facts = serde_json::from_str(&text).with_context(|| {
        format!(
            "{}: not facts as `ecs-nanny facts` prints them",
            file.display()
        )
    })?;
    anyhow::ensure!(
        found.schema == facts::SCHEMA,
        "{}: facts of schema {}, this ecs-nanny reads schema {}; record them with the same version",
        file.display(),
        found.schema,
        facts::SCHEMA
    );
    Ok(found)
}

async fn ask(found: &mut Facts, settings: &Settings) {
    units(found, settings).await;
    found.engine = match asleep(found, settings) {
        Some(why) => Fact::Unreadable(why),
        None => engine(settings).await,
    };
    found.instance = instance(found, settings).await;
}

/// Units as the running systemd has them.
async fn units(found: &mut Facts, settings: &Settings) {
    if !found.host.systemd {
        return;
    }
    let systemd = match Systemd::connect().await {
        Ok(systemd) => systemd,
        Err(error) => {
            tracing::debug!("{error}");
            return;
        }
    };
    let mut names: Vec<String> = found.host.units.keys().cloned().collect();
    names.push(settings.engine.unit.clone());
    for name in names {
        let from_files = found.host.units.get(&name).and_then(Fact::known).cloned();
        let unit = systemd.unit(&name).await.map(|unit| UnitFacts {
            installed: unit.installed(),
            active_state: Some(unit.active_state),
            file_state: Some(unit.file_state),
            ..from_files.unwrap_or_default()
        });
        found.host.units.insert(name, Fact::from(unit));
    }
}

/// Why the engine is not asked: a look at a socket that systemd holds would start the engine.
fn asleep(found: &Facts, settings: &Settings) -> Option<String> {
    let unit = &settings.engine.unit;
    if !found.host.systemd {
        return None;
    }
    match found.host.units.get(unit)?.known()?.active_state.as_deref() {
        Some("active" | "reloading") | None => None,
        Some(state) => Some(format!("{unit} is {state}, and looking does not start it")),
    }
}

async fn engine(settings: &Settings) -> Fact<facts::EngineFacts> {
    let socket = &settings.engine.socket;
    if Root::host().kind(socket) != Kind::Socket {
        return Fact::Unreadable(format!("there is no socket {socket}"));
    }
    match Docker::connect(socket).await {
        Ok(docker) => Fact::from(facts::engine(&docker).await),
        Err(error) => Fact::Unreadable(error.to_string()),
    }
}

async fn instance(found: &Facts, settings: &Settings) -> Fact<facts::InstanceFacts> {
    let verdict = checks::platform(&found.host);
    let ec2 = match settings.metadata.ec2 {
        OnEc2::Yes => true,
        OnEc2::No => false,
        OnEc2::Auto => verdict.is_ec2,
    };
    if !ec2 {
        return Fact::Unreadable(format!("this is not EC2: {}", verdict.evidence));
    }
    let asking = async {
        let imds = Imds::new(&settings.metadata.endpoints)?;
        facts::instance(&imds).await
    };
    match tokio::time::timeout(METADATA, asking).await {
        Ok(answer) => Fact::from(answer),
        Err(_) => Fact::Unreadable(format!(
            "the metadata service did not answer within {} s",
            METADATA.as_secs()
        )),
    }
}
