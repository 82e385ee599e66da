//! Units of ours that the daemon starts: the target for those who wait for a healthy host, and the privileged steps.

use std::time::Duration;

use bollard_stubs::models::ContainerCreateBody;

use crate::apply::apparmor::{self, AppArmor, DEFAULT_PROFILE};
use crate::finding::Finding;
use crate::host::files::Root;
use crate::host::systemd::{self, Systemd, SystemdError};

use super::Crew;

/// Reached when the agent is registered.
const READY_TARGET: &str = "ecs-nanny-ready.target";
/// Gives the kernel the agent's profile.
const APPARMOR_STEP: &str = "ecs-nanny-step@apparmor.service";
/// Longer than the unit's own deadline (`TimeoutStartSec=60`), by which systemd ends it.
const APPARMOR: Duration = Duration::from_secs(70);

/// How a `SecurityOpt` of Docker names a profile.
const OPTION: &str = "apparmor:";

impl Crew {
    /// Lets units start that wait for a healthy host. Nothing here waits for them.
    pub fn announce_health(&self) {
        if !systemd::is_here(&self.root) {
            return;
        }
        tokio::task::spawn_local(async {
            if let Err(error) = start(READY_TARGET).await {
                tracing::warn!("units that wait for {READY_TARGET} are not started: {error}");
            }
        });
    }
}

async fn start(unit: &str) -> Result<(), SystemdError> {
    Systemd::connect().await?.start(unit).await
}

/// Sees to it that the kernel has the profile that the agent is to run under; what is wrong with it else.
pub(super) async fn load_profile(root: &Root, request: &ContainerCreateBody) -> Option<Finding> {
    let wanted = wanted(request)?;
    let loaded = |root| apparmor::profile_for(user_named(&wanted), &AppArmor::of(root, None));
    if wanted == DEFAULT_PROFILE && loaded(root).1.is_some() {
        let step = if systemd::is_here(root) {
            run_step(APPARMOR_STEP, APPARMOR)
                .await
                .map_err(|error| error.to_string())
        } else {
            // Without systemd there is no sandbox either.
            let loading = apparmor::load_profile(root, None).await;
            loading.map(drop).map_err(|error| error.to_string())
        };
        if let Err(why) = step {
            tracing::warn!("the agent's AppArmor profile is not loaded: {why}");
        }
    }
    loaded(root).1
}

/// Runs a privileged step to its end.
pub(super) async fn run_step(unit: &str, deadline: Duration) -> Result<(), SystemdError> {
    let systemd = Systemd::connect().await?;
    systemd.run(unit, deadline).await
}

/// Docker starts no container under a profile that the kernel has not: such an agent runs without.
pub(super) fn with_loaded_profile(
    root: &Root,
    mut request: ContainerCreateBody,
) -> ContainerCreateBody {
    let Some(wanted) = wanted(&request) else {
        return request;
    };
    let (profile, _) = apparmor::profile_for(user_named(&wanted), &AppArmor::of(root, None));
    if let Some(host_config) = &mut request.host_config {
        let options = host_config.security_opt.iter().flatten();
        let others = options
            .filter(|option| !option.starts_with(OPTION))
            .cloned();
        let settled = others.chain(profile.map(|name| format!("{OPTION}{name}")));
        host_config.security_opt = Some(settled.collect());
    }
    request
}

fn wanted(request: &ContainerCreateBody) -> Option<String> {
    let options = request.host_config.as_ref()?.security_opt.as_ref()?;
    let name = options
        .iter()
        .find_map(|option| option.strip_prefix(OPTION));
    name.map(str::to_owned)
}

fn user_named(profile: &str) -> Option<&str> {
    (profile != DEFAULT_PROFILE).then_some(profile)
}

#[cfg(test)]
mod tests {
    use bollard_stubs::models::HostConfig;

    use super::*;

    #[test]
    fn a_profile_that_the_kernel_has_not_is_not_asked_for() {
        let tree = tempfile::tempdir().unwrap();
        let root = Root::at(tree.path());
        let request = ContainerCreateBody {
            host_config: Some(HostConfig {
                security_opt: Some(vec!["label=disable".to_owned(), "apparmor:mine".to_owned()]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let settled = with_loaded_profile(&root, request);
        let options = settled.host_config.unwrap().security_opt.unwrap();
        assert_eq!(options, ["label=disable"]);
    }
}
