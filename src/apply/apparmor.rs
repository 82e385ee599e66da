//! The agent's AppArmor profile: loaded by a privileged step, used where the kernel has it, done without where it has not.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::report::problem;
use crate::finding::{Finding, Severity};
use crate::host::files::{self, Kind, Root};
use crate::host::program::{self, ProgramError};

/// The profile that is ours. Its name is ecs-init's, so that a host sees the same agent.
pub const DEFAULT_PROFILE: &str = "ecs-agent-default";

/// The name by which the kernel knows that nothing is confined.
const UNCONFINED: &str = "unconfined";

const PROFILE: &str = include_str!("../../packaging/apparmor/ecs-agent-default");
const DIRECTORY: &str = "/etc/apparmor.d";
const PARSER: &str = "/sbin/apparmor_parser";

/// How long the parser may take; compiling takes it well under a second.
const DEADLINE: Duration = Duration::from_secs(30);

/// What a host says of AppArmor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppArmor {
    /// Why the host confines nothing; `None` where it does.
    pub absent: Option<String>,
    /// The profiles in the kernel; `None` where they cannot be read.
    pub loaded: Option<Vec<String>>,
}

impl AppArmor {
    /// Reads the four conditions of ecs-init (`apparmor.go`, `HostSupports`) and the loaded profiles. `container` is the
    /// variable of that name in the environment, by which systemd tells that it runs in a container.
    pub fn of(root: &Root, container: Option<&str>) -> Self {
        let enabled = root.line("/sys/module/apparmor/parameters/enabled");
        let absent = if root.kind("/sys/kernel/security/apparmor") == Kind::Absent {
            Some("the kernel has no /sys/kernel/security/apparmor".to_owned())
        } else if let Some(container) = container.filter(|value| !value.is_empty()) {
            Some(format!("this host is a container ({container})"))
        } else if root.kind(PARSER) == Kind::Absent {
            Some(format!("there is no {PARSER}"))
        } else if !enabled.is_some_and(|value| value.starts_with('Y')) {
            Some("it is switched off in the kernel".to_owned())
        } else {
            None
        };
        let profiles = root.line("/sys/kernel/security/apparmor/profiles");
        let name = |line: &str| Some(line.rsplit_once(" (")?.0.to_owned());
        AppArmor {
            absent,
            loaded: profiles.map(|text| text.lines().filter_map(name).collect()),
        }
    }

    fn has(&self, profile: &str) -> bool {
        let mut loaded = self.loaded.iter().flatten();
        profile == UNCONFINED || loaded.any(|name| name == profile)
    }
}

/// The profile that the agent's container asks for, and what is to be told of it. `wanted` is `ECS_AGENT_APPARMOR_PROFILE`.
///
/// Docker starts no container with a profile that the kernel has not, so an agent without one is what remains then.
pub fn profile_for(wanted: Option<&str>, host: &AppArmor) -> (Option<String>, Option<Finding>) {
    let wanted = wanted.map(str::trim).filter(|name| !name.is_empty());
    if let Some(why) = &host.absent {
        let finding = wanted.map(|name| {
            let observed = format!("ECS_AGENT_APPARMOR_PROFILE={name} has no effect: {why}");
            unconfined(observed, "remove the line, or switch AppArmor on")
        });
        return (None, finding);
    }
    let profile = wanted.unwrap_or(DEFAULT_PROFILE);
    if host.has(profile) {
        return (Some(profile.to_owned()), None);
    }
    if wanted.is_some() && host.has(DEFAULT_PROFILE) {
        let observed = format!(
            "the kernel has no profile {profile}, named in ECS_AGENT_APPARMOR_PROFILE; {DEFAULT_PROFILE} is used"
        );
        let finding = unconfined(observed, "load the profile at boot with apparmor_parser");
        return (Some(DEFAULT_PROFILE.to_owned()), Some(finding));
    }
    let observed = match host.loaded {
        Some(_) => format!("the kernel has no profile {profile}"),
        None => "the loaded profiles cannot be read".to_owned(),
    };
    let remedy = "see `systemctl status ecs-nanny-step@apparmor.service`";
    (None, Some(unconfined(observed, remedy)))
}

fn unconfined(observed: String, remedy: &'static str) -> Finding {
    problem(
        "apparmor.profile",
        "the ECS agent runs under its AppArmor profile",
        Severity::Recommended,
        observed,
        "the profile of ECS_AGENT_APPARMOR_PROFILE, or ecs-agent-default, in the kernel",
        remedy,
    )
}

/// What the step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loading {
    /// The profile was given to the kernel.
    Loaded,
    /// The kernel had it.
    AlreadyLoaded,
    /// The host confines nothing, and why.
    NotHere(String),
}

/// The profile could not be loaded. The agent is then started without it.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Its file cannot be written.
    #[error("{} cannot be written: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The parser refuses it or fails.
    #[error(transparent)]
    Parser(#[from] ProgramError),
}

/// Writes the profile [`DEFAULT_PROFILE`] and gives it to the kernel, unless it has it already. Needs `CAP_MAC_ADMIN`,
/// which the daemon has not: `ecs-nanny-step@apparmor.service` calls this. `container` as in [`AppArmor::of`].
///
/// # Errors
/// [`LoadError`].
pub async fn load_profile(root: &Root, container: Option<&str>) -> Result<Loading, LoadError> {
    let host = AppArmor::of(root, container);
    if let Some(why) = host.absent {
        return Ok(Loading::NotHere(why));
    }
    let path = root.path(DIRECTORY).join(DEFAULT_PROFILE);
    let text = profile_text(root);
    let written = files::replace(&path, 0o644, text.as_bytes());
    let changed = written.map_err(|source| LoadError::Write {
        path: path.clone(),
        source,
    })?;
    if !changed && host.has(DEFAULT_PROFILE) {
        return Ok(Loading::AlreadyLoaded);
    }
    let parser = root.path(PARSER).display().to_string();
    let args = ["--skip-cache", "--replace", &path.display().to_string()];
    program::run(&parser, &args, "", DEADLINE).await?;
    Ok(Loading::Loaded)
}

/// The profile as this host's parser can read it: SUSE has neither of the included files.
fn profile_text(root: &Root) -> String {
    let has = |file| root.kind(&format!("{DIRECTORY}/{file}")) == Kind::File;
    let mut text = PROFILE.to_owned();
    if !has("tunables/global") {
        text = text.replace("#include <tunables/global>", "@{PROC}=/proc/");
    }
    if !has("abstractions/base") {
        text = text.replace("  #include <abstractions/base>\n\n", "");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A host with AppArmor whose parser notes its arguments.
    fn host() -> (TempDir, Root) {
        let tree = tempfile::tempdir().unwrap();
        let root = Root::at(tree.path());
        let noted = tree.path().join("parsed").display().to_string();
        put(
            &root,
            "/sys/kernel/security/apparmor/profiles",
            "docker-default (enforce)\n",
        );
        put(&root, "/sys/module/apparmor/parameters/enabled", "Y\n");
        put(
            &root,
            PARSER,
            &format!("#!/bin/sh\necho \"$@\" >> {noted}\n"),
        );
        (tree, root)
    }

    fn put(root: &Root, path: &str, text: &str) {
        files::replace(&root.path(path), 0o755, text.as_bytes()).unwrap();
    }

    fn with(loaded: Option<&[&str]>) -> AppArmor {
        AppArmor {
            absent: None,
            loaded: loaded.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
        }
    }

    #[test]
    fn each_condition_alone_says_that_the_host_confines_nothing() {
        let (tree, root) = host();
        assert_eq!(
            AppArmor::of(&root, Some("")),
            with(Some(&["docker-default"]))
        );
        let absent = |container| AppArmor::of(&root, container).absent.unwrap_or_default();
        assert_eq!(absent(Some("docker")), "this host is a container (docker)");
        put(&root, "/sys/module/apparmor/parameters/enabled", "N\n");
        assert_eq!(absent(None), "it is switched off in the kernel");
        fs::remove_file(root.path(PARSER)).unwrap();
        assert_eq!(absent(None), "there is no /sbin/apparmor_parser");
        fs::remove_dir_all(tree.path().join("sys")).unwrap();
        assert_eq!(
            absent(None),
            "the kernel has no /sys/kernel/security/apparmor"
        );
    }

    #[test]
    fn only_a_loaded_profile_is_asked_for() {
        let absent = AppArmor {
            absent: Some("it is switched off in the kernel".to_owned()),
            loaded: None,
        };
        for (wanted, host, profile, told) in [
            (
                None,
                with(Some(&[DEFAULT_PROFILE])),
                Some(DEFAULT_PROFILE),
                "",
            ),
            (
                Some(" "),
                with(Some(&[DEFAULT_PROFILE])),
                Some(DEFAULT_PROFILE),
                "",
            ),
            (Some(" mine "), with(Some(&["mine"])), Some("mine"), ""),
            (Some("unconfined"), with(None), Some("unconfined"), ""),
            (
                Some("mine"),
                with(Some(&[DEFAULT_PROFILE])),
                Some(DEFAULT_PROFILE),
                "the kernel has no profile mine, named in",
            ),
            (
                Some("mine"),
                with(Some(&[])),
                None,
                "the kernel has no profile mine",
            ),
            (
                None,
                with(Some(&[])),
                None,
                "the kernel has no profile ecs-agent-default",
            ),
            (None, with(None), None, "the loaded profiles cannot be read"),
            (None, absent.clone(), None, ""),
            (
                Some("mine"),
                absent,
                None,
                "ECS_AGENT_APPARMOR_PROFILE=mine has no effect",
            ),
        ] {
            let (chosen, finding) = profile_for(wanted, &host);
            assert_eq!(chosen.as_deref(), profile, "{wanted:?}");
            let observed = finding.map(|finding| finding.observed).unwrap_or_default();
            assert!(observed.starts_with(told), "{observed}");
            assert_eq!(observed.is_empty(), told.is_empty(), "{observed}");
        }
    }

    #[tokio::test]
    async fn the_profile_is_written_and_loaded_once() {
        let (tree, root) = host();
        assert_eq!(load_profile(&root, None).await.unwrap(), Loading::Loaded);
        let file = tree.path().join("etc/apparmor.d/ecs-agent-default");
        let parsed = fs::read_to_string(tree.path().join("parsed")).unwrap();
        assert_eq!(
            parsed,
            format!("--skip-cache --replace {}\n", file.display())
        );

        let profiles = "ecs-agent-default (enforce)\n";
        put(&root, "/sys/kernel/security/apparmor/profiles", profiles);
        let again = load_profile(&root, None).await.unwrap();
        assert_eq!(again, Loading::AlreadyLoaded);
        fs::write(&file, "changed by hand").unwrap();
        assert_eq!(load_profile(&root, None).await.unwrap(), Loading::Loaded);
        let in_container = load_profile(&root, Some("docker")).await.unwrap();
        assert!(matches!(in_container, Loading::NotHere(_)));
    }

    #[tokio::test]
    async fn a_refusal_is_told_in_the_words_of_the_parser() {
        let (_tree, root) = host();
        put(
            &root,
            PARSER,
            "#!/bin/sh\necho 'syntax error' >&2\nexit 1\n",
        );
        let told = load_profile(&root, None).await.unwrap_err().to_string();
        assert!(told.ends_with("exit status: 1: syntax error"), "{told}");
    }

    #[test]
    fn only_files_that_are_there_are_included() {
        let (_tree, root) = host();
        let bare = profile_text(&root);
        assert!(!bare.contains("#include"), "{bare}");
        assert!(bare.contains("\n@{PROC}=/proc/\n"), "{bare}");
        put(&root, "/etc/apparmor.d/tunables/global", "");
        put(&root, "/etc/apparmor.d/abstractions/base", "");
        assert_eq!(profile_text(&root), PROFILE);
    }

    /// Needs the package apparmor, whose parser works without AppArmor in the kernel; passed over where it is missing.
    #[tokio::test]
    async fn the_real_parser_reads_the_profile() {
        let tree = tempfile::tempdir().unwrap();
        let root = Root::at(tree.path());
        let file = tree.path().join(DEFAULT_PROFILE);
        fs::write(&file, profile_text(&root)).unwrap();
        let file = file.display().to_string();
        let args = ["--skip-kernel-load", "--skip-cache", &file];
        match program::run("apparmor_parser", &args, "", DEADLINE).await {
            Err(ProgramError::Absent { .. }) => eprintln!("no apparmor_parser here"),
            parsed => drop(parsed.unwrap()),
        }
        let args = [
            "--skip-kernel-load",
            "--skip-cache",
            "packaging/apparmor/ecs-agent-default",
        ];
        if Root::host().kind("/etc/apparmor.d/abstractions/base") == Kind::File {
            program::run("apparmor_parser", &args, "", DEADLINE)
                .await
                .unwrap();
        }
    }
}
