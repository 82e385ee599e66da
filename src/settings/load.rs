//! From documents in order to validated settings, every problem told at once with file and line.

mod acting;

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;

use super::Settings;
use super::check::*;
use super::docker_config::{docker_config, overlaid};
use super::fragment::Fragment;
use crate::finding::{Confidence, Finding, Outcome, Place, Severity};

/// The profiles that rules belong to.
pub const PROFILES: &[&str] = &["ecs", "batch", "emr", "gpu", "generic"];

/// The names of what EC2 and Auto Scaling announce, as they are in the health document.
pub const NOTICES: &[&str] = &[
    "spot_interruption",
    "rebalance",
    "maintenance",
    "termination",
];

/// One settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its path.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// Validated settings, and for each key that a file set (`table.key`) that file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// `table.key` and the place that set it; what is not here has its default.
    pub origins: BTreeMap<String, Place>,
}

/// The settings are wrong; every problem at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .problems.iter().map(Finding::sentence).collect::<Vec<_>>().join("\n"))]
pub struct SettingsError {
    /// What is wrong, each with file and line.
    pub problems: Vec<Finding>,
}

/// Merges documents, the later over the earlier key by key, and validates the whole.
///
/// # Errors
/// [`SettingsError`] with every problem: a file that is not TOML, unknown keys, values out of range.
pub fn merge(documents: &[Document]) -> Result<Loaded, SettingsError> {
    let mut merging = Merging::default();
    for document in documents {
        match toml::from_str::<Fragment>(&document.text) {
            Ok(fragment) => merging.add(document, fragment),
            Err(error) => merging.syntax(document, &error),
        }
    }
    if merging.problems.is_empty() {
        Ok(merging.loaded)
    } else {
        Err(SettingsError {
            problems: merging.problems,
        })
    }
}

/// A file that could not be read at all.
pub fn unreadable(path: &str, error: &str) -> Finding {
    problem(
        Place::file(path),
        format!("it could not be read: {error}"),
        "a file that root can read",
        "correct its mode, or remove it",
    )
}

#[derive(Default)]
struct Merging {
    loaded: Loaded,
    problems: Vec<Finding>,
}

impl Merging {
    fn add(&mut self, document: &Document, fragment: Fragment) {
        let Fragment {
            acting,
            agent,
            checks,
            engine,
            gpu,
            health,
            log,
            metadata,
            run,
            storage,
            user_data,
        } = fragment;
        let mut file = File {
            merging: self,
            document,
        };
        let mut settings = std::mem::take(&mut file.merging.loaded.settings);
        file.acting(acting, &mut settings.acting);

        let it = &mut settings.agent;
        file.plain("agent.backend", agent.backend, &mut it.backend);
        file.checked("agent.image", agent.image, &mut it.image, not_empty);
        file.checked("agent.tarball", agent.tarball, &mut it.tarball, absolute);
        file.checked("agent.digest", agent.digest, &mut it.digest, digest);
        file.checked("agent.extra_env", agent.extra_env, &mut it.extra_env, names);
        file.plain("agent.updates", agent.updates, &mut it.updates);
        file.plain("agent.attributes", agent.attributes, &mut it.attributes);
        file.plain("agent.fetch", agent.fetch, &mut it.fetch);
        file.checked(
            "agent.fetch_from",
            agent.fetch_from,
            &mut it.fetch_from,
            address,
        );
        file.plain("agent.baked_state", agent.baked_state, &mut it.baked_state);
        file.plain(
            "agent.allow_default_cluster",
            agent.allow_default_cluster,
            &mut it.allow_default_cluster,
        );
        file.checked(
            "agent.stop_grace",
            agent.stop_grace,
            &mut it.stop_grace,
            duration,
        );
        file.checked(
            "agent.restart_silent_after",
            agent.restart_silent_after,
            &mut it.restart_silent_after,
            off_or_duration,
        );
        file.checked(
            "agent.disconnected_after",
            agent.disconnected_after,
            &mut it.disconnected_after,
            duration,
        );
        file.checked(
            "agent.restart_disconnected_after",
            agent.restart_disconnected_after,
            &mut it.restart_disconnected_after,
            off_or_long,
        );

        let it = &mut settings.checks;
        file.checked(
            "checks.profiles",
            checks.profiles,
            &mut it.profiles,
            profiles,
        );
        file.plain("checks.on_unfit", checks.on_unfit, &mut it.on_unfit);
        file.checked(
            "checks.emr_release",
            checks.emr_release,
            &mut it.emr_release,
            release,
        );
        file.checked(
            "checks.oldest_agent",
            checks.oldest_agent,
            &mut it.oldest_agent,
            release,
        );

        let it = &mut settings.engine;
        file.plain("engine.backend", engine.backend, &mut it.backend);
        file.checked("engine.unit", engine.unit, &mut it.unit, unit);
        file.checked("engine.socket", engine.socket, &mut it.socket, absolute);
        file.checked("engine.dockerd", engine.dockerd, &mut it.dockerd, not_empty);
        file.checked(
            "engine.data_root",
            engine.data_root,
            &mut it.data_root,
            some_absolute,
        );
        file.checked(
            "engine.exec_root",
            engine.exec_root,
            &mut it.exec_root,
            some_absolute,
        );
        file.checked(
            "engine.pid_file",
            engine.pid_file,
            &mut it.pid_file,
            absolute,
        );
        file.plain("engine.args", engine.args, &mut it.args);
        file.checked(
            "engine.start_timeout",
            engine.start_timeout,
            &mut it.start_timeout,
            duration,
        );
        file.checked(
            "engine.restart_hung_after",
            engine.restart_hung_after,
            &mut it.restart_hung_after,
            off_or_duration,
        );
        file.plain("engine.on_hung", engine.on_hung, &mut it.on_hung);
        let before = std::mem::take(&mut it.config);
        file.checked(
            "engine.config",
            engine.config,
            &mut it.config,
            docker_config,
        );
        it.config = overlaid(before, &it.config);
        file.plain(
            "engine.restart_for_config",
            engine.restart_for_config,
            &mut it.restart_for_config,
        );

        let it = &mut settings.gpu;
        file.checked("gpu.wait", gpu.wait, &mut it.wait, off_or_duration);
        file.plain(
            "gpu.without_driver",
            gpu.without_driver,
            &mut it.without_driver,
        );
        file.plain(
            "gpu.configure_runtime",
            gpu.configure_runtime,
            &mut it.configure_runtime,
        );

        file.checked("health.tcp", health.tcp, &mut settings.health.tcp, loopback);

        file.plain("log.level", log.level, &mut settings.log.level);
        file.plain("log.format", log.format, &mut settings.log.format);

        let it = &mut settings.metadata;
        file.plain("metadata.ec2", metadata.ec2, &mut it.ec2);
        file.checked(
            "metadata.endpoints",
            metadata.endpoints,
            &mut it.endpoints,
            endpoints,
        );
        file.checked("metadata.budget", metadata.budget, &mut it.budget, duration);
        file.checked(
            "metadata.credentials",
            metadata.credentials,
            &mut it.credentials,
            off_or_duration,
        );

        let it = &mut settings.run;
        file.plain("run.on_failed", run.on_failed, &mut it.on_failed);
        file.checked(
            "run.slow_retry",
            run.slow_retry,
            &mut it.slow_retry,
            duration,
        );

        let it = &mut settings.storage;
        file.checked(
            "storage.instance_store",
            storage.instance_store,
            &mut it.instance_store,
            disks,
        );
        file.plain("storage.layout", storage.layout, &mut it.layout);
        file.plain(
            "storage.file_system",
            storage.file_system,
            &mut it.file_system,
        );
        file.checked(
            "storage.mount_at",
            storage.mount_at,
            &mut it.mount_at,
            places,
        );
        file.plain("storage.format", storage.format, &mut it.format);
        file.checked("storage.grow", storage.grow, &mut it.grow, data_volumes);

        let it = &mut settings.user_data;
        file.plain(
            "user_data.on_failed",
            user_data.on_failed,
            &mut it.on_failed,
        );
        file.checked(
            "user_data.budget",
            user_data.budget,
            &mut it.budget,
            duration,
        );
        self.loaded.settings = settings;
    }

    fn syntax(&mut self, document: &Document, error: &toml::de::Error) {
        self.problems.push(problem(
            place(document, error.span()),
            error.message().to_owned(),
            "TOML with the keys of ecs-nanny(8)",
            "correct the line, or remove the key; `ecs-nanny config show` prints every key",
        ));
    }
}

/// One file on its way into the settings.
struct File<'a> {
    merging: &'a mut Merging,
    document: &'a Document,
}

impl File<'_> {
    fn plain<T>(&mut self, key: &str, given: Option<Spanned<T>>, target: &mut T) {
        self.checked(key, given, target, Ok);
    }

    fn checked<G, T>(
        &mut self,
        key: &str,
        given: Option<Spanned<G>>,
        target: &mut T,
        check: impl FnOnce(G) -> Result<T, Complaint>,
    ) {
        let Some(given) = given else { return };
        let place = place(self.document, Some(given.span()));
        match check(given.into_inner()) {
            Ok(value) => {
                *target = value;
                self.merging.loaded.origins.insert(key.to_owned(), place);
            }
            Err(complaint) => self.merging.problems.push(problem(
                place,
                format!("{key} is {}", complaint.found),
                complaint.wanted,
                complaint.mend,
            )),
        }
    }
}

fn problem(place: Place, observed: String, wanted: &'static str, mend: &'static str) -> Finding {
    Finding {
        rule: "settings.invalid".into(),
        title: "ecs-nanny's settings are valid".into(),
        severity: Severity::Required,
        outcome: Outcome::Failed,
        confidence: Confidence::Certain,
        observed,
        required: wanted.into(),
        remedy: mend.into(),
        source: "ecs-nanny(8), SETTINGS".into(),
        place: Some(place),
    }
}

fn place(document: &Document, span: Option<Range<usize>>) -> Place {
    let Some(span) = span else {
        return Place::file(&document.path);
    };
    let start = span.start.min(document.text.len());
    let before = document.text.get(..start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let text = document
        .text
        .get(line_start..)
        .and_then(|rest| rest.lines().next())
        .unwrap_or_default();
    let length = document
        .text
        .get(start..span.end.min(line_start + text.len()))
        .map_or(1, |spanned| spanned.chars().count().max(1));
    Place {
        file: document.path.clone(),
        line: u32::try_from(before.matches('\n').count() + 1).ok(),
        column: u32::try_from(before[line_start..].chars().count() + 1).ok(),
        length: u32::try_from(length).ok(),
        text: Some(text.to_owned()),
    }
}

#[cfg(test)]
mod tests;
