//! The switches that ecs-init reads from its own process environment, here from both configuration layers on every
//! distribution.

use std::collections::BTreeMap;

use crate::agent_config::Variable;

/// What a unix socket's address begins with.
const UNIX: &str = "unix://";

/// Where the credentials fetcher listens unless `CREDENTIALS_FETCHER_HOST` says otherwise.
const CREDENTIALS_FETCHER: &str = "/var/credentials-fetcher/socket/credentials_fetcher.sock";

/// The switches by their meaning. Comparisons are ecs-init's: some take the literal `true` alone, some any spelling that
/// Go's `strconv.ParseBool` takes.
pub(super) struct Switches<'a> {
    process: &'a BTreeMap<String, Variable>,
}

impl<'a> Switches<'a> {
    pub(super) fn of(process: &'a BTreeMap<String, Variable>) -> Self {
        Switches { process }
    }

    /// `ECS_EXTERNAL`: the host is not on EC2 (ECS Anywhere).
    pub(super) fn external(&self) -> bool {
        self.is_true("ECS_EXTERNAL")
    }

    /// `ECS_AGENT_RUN_PRIVILEGED`.
    pub(super) fn privileged(&self) -> bool {
        self.is_true("ECS_AGENT_RUN_PRIVILEGED")
    }

    /// `ECS_AGENT_PID_NAMESPACE_HOST`.
    pub(super) fn host_pid_namespace(&self) -> bool {
        self.parses_as_true("ECS_AGENT_PID_NAMESPACE_HOST")
    }

    /// `ECS_GMSA_SUPPORTED`.
    pub(super) fn gmsa(&self) -> bool {
        self.is_true("ECS_GMSA_SUPPORTED")
    }

    /// `ECS_SKIP_LOCALHOST_TRAFFIC_FILTER`.
    pub(super) fn skip_localhost_filter(&self) -> bool {
        self.parses_as_true("ECS_SKIP_LOCALHOST_TRAFFIC_FILTER")
    }

    /// `ECS_ALLOW_OFFHOST_INTROSPECTION_ACCESS`.
    pub(super) fn offhost_introspection(&self) -> bool {
        self.parses_as_true("ECS_ALLOW_OFFHOST_INTROSPECTION_ACCESS")
    }

    /// `ECS_AGENT_APPARMOR_PROFILE`, as it stands, unless it is blank.
    pub(super) fn apparmor_profile(&self) -> Option<&'a Variable> {
        self.process
            .get("ECS_AGENT_APPARMOR_PROFILE")
            .filter(|variable| !variable.value.trim().is_empty())
    }

    /// The path of a `DOCKER_HOST` that names a unix socket.
    pub(super) fn docker_socket(&self) -> Option<&'a str> {
        socket_path(self.process.get("DOCKER_HOST")?)
    }

    /// The credentials fetcher's socket on the host.
    pub(super) fn credentials_fetcher(&self) -> &'a str {
        match self.get("CREDENTIALS_FETCHER_HOST") {
            Some(host) => host.value.strip_prefix(UNIX).unwrap_or(&host.value),
            None => CREDENTIALS_FETCHER,
        }
    }

    /// A variable that has a value.
    pub(super) fn get(&self, name: &str) -> Option<&'a Variable> {
        self.process
            .get(name)
            .filter(|variable| !variable.value.is_empty())
    }

    fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|it| it.value == "true")
    }

    fn parses_as_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|it| {
            matches!(
                it.value.as_str(),
                "1" | "t" | "T" | "true" | "TRUE" | "True"
            )
        })
    }
}

/// The path of a variable that holds the address of a unix socket.
pub(super) fn socket_path(variable: &Variable) -> Option<&str> {
    variable.value.strip_prefix(UNIX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent_config::Layer;

    fn process(name: &str, value: &str) -> BTreeMap<String, Variable> {
        let variable = Variable {
            value: value.to_owned(),
            layer: Layer::User,
            path: "/etc/ecs/ecs.config".to_owned(),
            line: Some(1),
        };
        BTreeMap::from([(name.to_owned(), variable)])
    }

    #[test]
    fn some_switches_take_the_literal_true_alone() {
        for value in ["1", "True", " true", "yes", ""] {
            let process = process("ECS_EXTERNAL", value);
            assert!(!Switches::of(&process).external(), "{value:?}");
        }
        assert!(Switches::of(&process("ECS_EXTERNAL", "true")).external());
    }

    #[test]
    fn others_take_what_go_parses() {
        for (value, on) in [
            ("1", true),
            ("T", true),
            ("True", true),
            ("tRUE", false),
            ("yes", false),
        ] {
            let process = process("ECS_AGENT_PID_NAMESPACE_HOST", value);
            assert_eq!(Switches::of(&process).host_pid_namespace(), on, "{value:?}");
        }
    }

    #[test]
    fn addresses_lose_their_scheme() {
        let host = process("CREDENTIALS_FETCHER_HOST", "unix:///run/cf.sock");
        assert_eq!(Switches::of(&host).credentials_fetcher(), "/run/cf.sock");
        let host = process("DOCKER_HOST", "tcp://127.0.0.1:2375");
        assert_eq!(Switches::of(&host).docker_socket(), None);
        assert_eq!(
            Switches::of(&host).credentials_fetcher(),
            "/var/credentials-fetcher/socket/credentials_fetcher.sock"
        );
    }
}
