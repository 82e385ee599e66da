//! What the container may do on its host. Everything that is not named here stays as Docker has it.

use bollard_stubs::models::HostConfig;

use super::binds::binds;
use super::environment::Environment;
use super::inputs::Inputs;
use super::log_config::log_config;
use super::notice::{notice, place};
use crate::facts::PathKind;
use crate::finding::Finding;

/// The AppArmor profile of the agent where the user names none.
pub const APPARMOR_PROFILE: &str = "ecs-agent-default";

pub(super) fn host_config(
    inputs: &Inputs<'_>,
    environment: &Environment,
    findings: &mut Vec<Finding>,
) -> HostConfig {
    let switches = &inputs.switches;
    HostConfig {
        binds: Some(binds(inputs, environment)),
        network_mode: Some("host".to_owned()),
        userns_mode: Some("host".to_owned()),
        cap_add: (!switches.external())
            .then(|| vec!["NET_ADMIN".to_owned(), "SYS_ADMIN".to_owned()]),
        init: inputs.engine_speaks(1, 25).then_some(true),
        privileged: switches.privileged().then_some(true),
        pid_mode: switches.host_pid_namespace().then(|| "host".to_owned()),
        security_opt: apparmor(inputs, findings).map(|profile| vec![format!("apparmor:{profile}")]),
        log_config: Some(log_config(switches, findings)),
        ..HostConfig::default()
    }
}

/// The AppArmor profile, where the host can load one.
fn apparmor(inputs: &Inputs<'_>, findings: &mut Vec<Finding>) -> Option<String> {
    let named = inputs.switches.apparmor_profile();
    match missing(inputs) {
        None => Some(named.map_or(APPARMOR_PROFILE, |it| &it.value).to_owned()),
        // A kernel without AppArmor is nobody's mistake, unless a profile was asked for.
        Some((Missing::Kernel, _)) if named.is_none() => None,
        Some((_, what)) => {
            findings.push(Finding {
                place: named.and_then(place),
                ..notice(
                    "agent.apparmor",
                    "the agent runs under its AppArmor profile",
                    format!("{what}; the agent runs without a profile"),
                    "AppArmor in the kernel, securityfs and /sbin/apparmor_parser",
                    "install the apparmor package, or remove ECS_AGENT_APPARMOR_PROFILE",
                )
            });
            None
        }
    }
}

enum Missing {
    Kernel,
    Tool,
}

/// What keeps the host from loading a profile: the four conditions of ecs-init. Its fourth, the `container` variable of
/// its own environment, is asked of systemd's record of it.
fn missing(inputs: &Inputs<'_>) -> Option<(Missing, &'static str)> {
    let absent = |path| inputs.kind(path) == PathKind::Absent;
    let enabled = inputs.facts.host.security.apparmor_enabled.as_deref();
    if !enabled.is_some_and(|value| value.starts_with('Y')) {
        Some((Missing::Kernel, "AppArmor is not on in the kernel"))
    } else if absent("/sys/kernel/security/apparmor") {
        Some((
            Missing::Kernel,
            "/sys/kernel/security/apparmor is not there",
        ))
    } else if !absent("/run/systemd/container") {
        Some((Missing::Kernel, "the host is itself a container"))
    } else if absent("/sbin/apparmor_parser") {
        Some((Missing::Tool, "/sbin/apparmor_parser is not there"))
    } else {
        None
    }
}
