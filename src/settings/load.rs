//! From documents in order to validated settings, every problem told at once with file and line.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use super::Settings;
use super::fragment::Fragment;
use crate::finding::{Confidence, Finding, Outcome, Place, Severity};

/// The profiles that rules belong to.
pub const PROFILES: &[&str] = &["ecs", "batch", "emr", "gpu", "generic"];

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
            agent,
            checks,
            engine,
            health,
            log,
            metadata,
            run,
            user_data,
        } = fragment;
        let mut file = File {
            merging: self,
            document,
        };
        let mut settings = std::mem::take(&mut file.merging.loaded.settings);
        let it = &mut settings.agent;
        file.plain("agent.backend", agent.backend, &mut it.backend);
        file.checked("agent.image", agent.image, &mut it.image, not_empty);
        file.checked("agent.tarball", agent.tarball, &mut it.tarball, absolute);
        file.checked("agent.digest", agent.digest, &mut it.digest, digest);
        file.checked("agent.extra_env", agent.extra_env, &mut it.extra_env, names);
        file.plain("agent.updates", agent.updates, &mut it.updates);
        file.plain("agent.fetch", agent.fetch, &mut it.fetch);
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

        file.plain("run.on_failed", run.on_failed, &mut settings.run.on_failed);

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

struct Complaint {
    found: String,
    wanted: &'static str,
    mend: &'static str,
}

fn complain<T>(found: &str, wanted: &'static str, mend: &'static str) -> Result<T, Complaint> {
    Err(Complaint {
        found: format!("{found:?}"),
        wanted,
        mend,
    })
}

fn not_empty(value: String) -> Result<String, Complaint> {
    if value.trim().is_empty() {
        return complain(&value, "some text", "write the value, or remove the line");
    }
    Ok(value)
}

fn absolute(value: String) -> Result<String, Complaint> {
    if !value.starts_with('/') {
        return complain(&value, "an absolute path", "begin the path with /");
    }
    Ok(value)
}

fn some_absolute(value: String) -> Result<Option<String>, Complaint> {
    absolute(value).map(Some)
}

fn unit(value: String) -> Result<String, Complaint> {
    if !value.ends_with(".service") || value.contains('/') {
        return complain(
            &value,
            "the name of a service unit",
            "for example docker.service",
        );
    }
    Ok(value)
}

fn digest(value: String) -> Result<Option<String>, Complaint> {
    let hex = value.strip_prefix("sha256:").unwrap_or_default();
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return complain(
            &value,
            "sha256: and 64 hexadecimal digits",
            "take the image id that `docker image inspect --format {{.Id}}` prints",
        );
    }
    Ok(Some(value.to_ascii_lowercase()))
}

fn names(value: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Complaint> {
    let usable = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'=')
    };
    if let Some(name) = value.keys().find(|name| !usable(name)) {
        return complain(name, "names of variables", "use letters, digits and _");
    }
    if let Some(name) = value
        .iter()
        .find_map(|(name, value)| value.contains(['\0', '\n']).then_some(name))
    {
        return complain(
            name,
            "values of one line",
            "remove the line end from the value",
        );
    }
    Ok(value)
}

fn profiles(value: Vec<String>) -> Result<Vec<String>, Complaint> {
    if let Some(unknown) = value.iter().find(|name| !PROFILES.contains(&name.as_str())) {
        return complain(
            unknown,
            "names of profiles: ecs, batch, emr, gpu, generic",
            "correct or remove the name",
        );
    }
    if value.is_empty() {
        return complain(
            "[]",
            "at least one profile",
            "write [\"ecs\"], or remove the line",
        );
    }
    Ok(value)
}

/// Numbers with dots between them.
fn release(value: String) -> Result<Option<String>, Complaint> {
    let parts: Vec<&str> = value.split('.').collect();
    let is_number = |part: &&str| part.parse::<u32>().is_ok();
    if !(2..=3).contains(&parts.len()) || !parts.iter().all(is_number) {
        return complain(
            &value,
            "two or three numbers with dots between them",
            "for example 7.1.0",
        );
    }
    Ok(Some(value))
}

fn loopback(value: String) -> Result<Option<SocketAddr>, Complaint> {
    const WANTED: &str = "a loopback address with a port, or \"off\"";
    const MEND: &str = "for example 127.0.0.1:51682";
    if value == "off" {
        return Ok(None);
    }
    match value.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Ok(Some(address)),
        _ => complain(&value, WANTED, MEND),
    }
}

fn endpoints(value: Vec<String>) -> Result<Vec<String>, Complaint> {
    if value.is_empty() {
        return complain(
            "[]",
            "at least one address",
            "remove the line to take the defaults",
        );
    }
    if let Some(bad) = value
        .iter()
        .find(|endpoint| !endpoint.starts_with("http://") || endpoint.ends_with('/'))
    {
        return complain(
            bad,
            "http:// and an address, with no / at the end",
            "for example http://169.254.169.254",
        );
    }
    Ok(value)
}

fn duration(value: String) -> Result<Duration, Complaint> {
    match humantime::parse_duration(&value) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => complain(
            &value,
            "a time span longer than 0",
            "for example 30s, 5m or 1h 30m",
        ),
    }
}

fn off_or_duration(value: String) -> Result<Option<Duration>, Complaint> {
    if value == "off" {
        return Ok(None);
    }
    duration(value).map(Some).map_err(|complaint| Complaint {
        wanted: "a time span longer than 0, or \"off\"",
        ..complaint
    })
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
mod tests {
    use super::*;
    use crate::settings::{EngineBackend, OnFailed};

    fn document(path: &str, text: &str) -> Document {
        Document {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn later_documents_win_key_by_key() {
        let loaded = merge(&[
            document(
                "/usr/lib/a.toml",
                "[engine]\nbackend = \"child\"\nsocket = \"/a\"\n",
            ),
            document(
                "/etc/b.toml",
                "[engine]\nsocket = \"/b\"\n[run]\non_failed = \"exit\"\n",
            ),
        ])
        .unwrap();
        assert_eq!(loaded.settings.engine.backend, EngineBackend::Child);
        assert_eq!(loaded.settings.engine.socket, "/b");
        assert_eq!(loaded.settings.run.on_failed, OnFailed::Exit);
        assert_eq!(
            loaded.origins["engine.backend"].to_string(),
            "/usr/lib/a.toml:2:11"
        );
        assert_eq!(
            loaded.origins["engine.socket"].to_string(),
            "/etc/b.toml:2:10"
        );
        assert!(!loaded.origins.contains_key("engine.unit"));
    }

    #[test]
    fn every_problem_is_told_with_its_line() {
        let error = merge(&[
            document(
                "/etc/a.toml",
                "[agent]\nstop_grace = \"soon\"\ntarball = \"x.tar\"\n",
            ),
            document("/etc/b.toml", "[agnet]\n"),
            document("/etc/c.toml", "[health]\ntcp = \"0.0.0.0:1\"\n"),
        ])
        .unwrap_err();
        let told = error.to_string();
        for part in [
            "/etc/a.toml:2:14: agent.stop_grace is \"soon\"; wanted: a time span",
            "/etc/a.toml:3:11: agent.tarball is \"x.tar\"",
            "/etc/b.toml:1:2: unknown field `agnet`",
            "/etc/c.toml:2:7: health.tcp is \"0.0.0.0:1\"",
        ] {
            assert!(told.contains(part), "{part:?} is not in:\n{told}");
        }
    }

    #[test]
    fn no_document_gives_the_defaults() {
        assert_eq!(merge(&[]).unwrap().settings, Settings::default());
    }
}
