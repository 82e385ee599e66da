//! The Docker daemon's options: the key of each in daemon.json, what it holds, and the flags that say the same.

use serde_json::Value;

/// What an option holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `true` or `false`.
    Switch,
    /// A whole number.
    Integer,
    /// Text.
    Text,
    /// A list of text.
    Texts,
    /// A list of anything.
    List,
    /// A table whose values are text.
    TextTable,
    /// A table of anything.
    Table,
}

impl Kind {
    pub(super) fn words(self) -> &'static str {
        match self {
            Kind::Switch => "true or false",
            Kind::Integer => "a whole number",
            Kind::Text => "text in quotes",
            Kind::Texts => "a list of text",
            Kind::List => "a list",
            Kind::TextTable => "a table whose values are text in quotes, numbers too",
            Kind::Table => "a table",
        }
    }

    pub(super) fn holds(self, value: &Value) -> bool {
        match (self, value) {
            (Kind::Switch, Value::Bool(_))
            | (Kind::Text, Value::String(_))
            | (Kind::List, Value::Array(_))
            | (Kind::Table, Value::Object(_)) => true,
            (Kind::Integer, value) => value.is_i64() || value.is_u64(),
            (Kind::Texts, Value::Array(items)) => items.iter().all(Value::is_string),
            (Kind::TextTable, Value::Object(items)) => items.values().all(Value::is_string),
            _ => false,
        }
    }
}

/// One option.
#[derive(Debug)]
pub(super) struct DockerOption {
    /// Its key in daemon.json.
    pub key: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// The long flag where it is not the key, and the short one.
    pub flags: &'static [&'static str],
    /// A running daemon takes a change of it at SIGHUP.
    pub reloadable: bool,
}

const fn option(key: &'static str, kind: Kind) -> DockerOption {
    DockerOption {
        key,
        kind,
        flags: &[],
        reloadable: false,
    }
}

const fn flagged(key: &'static str, kind: Kind, flags: &'static [&'static str]) -> DockerOption {
    DockerOption {
        key,
        kind,
        flags,
        reloadable: false,
    }
}

const fn reloadable(option: DockerOption) -> DockerOption {
    DockerOption {
        reloadable: true,
        ..option
    }
}

use Kind::{Integer, List, Switch, Table, Text, TextTable, Texts};

/// The options of Docker 20.10 to 28: <https://docs.docker.com/reference/cli/dockerd/>, of which "Configuration reload
/// behavior" names those that a reload takes.
const OPTIONS: &[DockerOption] = &[
    reloadable(option("allow-nondistributable-artifacts", Texts)),
    option("allow-direct-routing", Switch),
    option("api-cors-header", Text),
    reloadable(flagged(
        "authorization-plugins",
        Texts,
        &["--authorization-plugin"],
    )),
    option("bip", Text),
    option("bip6", Text),
    flagged("bridge", Text, &["-b"]),
    option("bridge-accept-fwmark", Text),
    option("builder", Table),
    flagged("cdi-spec-dirs", Texts, &["--cdi-spec-dir"]),
    option("cgroup-parent", Text),
    option("containerd", Text),
    option("containerd-namespace", Text),
    option("containerd-plugins-namespace", Text),
    option("cpu-rt-period", Integer),
    option("cpu-rt-runtime", Integer),
    flagged("data-root", Text, &["-g", "--graph"]),
    reloadable(flagged("debug", Switch, &["-D"])),
    flagged("default-address-pools", List, &["--default-address-pool"]),
    option("default-cgroupns-mode", Text),
    option("default-gateway", Text),
    option("default-gateway-v6", Text),
    option("default-ipc-mode", Text),
    flagged("default-network-opts", Table, &["--default-network-opt"]),
    reloadable(option("default-runtime", Text)),
    option("default-shm-size", Text),
    flagged("default-ulimits", Table, &["--default-ulimit"]),
    option("dns", Texts),
    flagged("dns-opts", Texts, &["--dns-opt"]),
    option("dns-search", Texts),
    flagged("exec-opts", Texts, &["--exec-opt"]),
    option("exec-root", Text),
    option("experimental", Switch),
    reloadable(option("features", Table)),
    option("firewall-backend", Text),
    option("fixed-cidr", Text),
    option("fixed-cidr-v6", Text),
    flagged("group", Text, &["-G"]),
    option("host-gateway-ip", Text),
    flagged("hosts", Texts, &["-H", "--host"]),
    option("icc", Switch),
    option("init", Switch),
    option("init-path", Text),
    reloadable(flagged(
        "insecure-registries",
        Texts,
        &["--insecure-registry"],
    )),
    option("ip", Text),
    option("ip-forward", Switch),
    option("ip-forward-no-drop", Switch),
    option("ip-masq", Switch),
    option("ip6tables", Switch),
    option("iptables", Switch),
    option("ipv6", Switch),
    reloadable(flagged("labels", Texts, &["--label"])),
    reloadable(option("live-restore", Switch)),
    option("log-driver", Text),
    option("log-format", Text),
    flagged("log-level", Text, &["-l"]),
    flagged("log-opts", TextTable, &["--log-opt"]),
    reloadable(option("max-concurrent-downloads", Integer)),
    reloadable(option("max-concurrent-uploads", Integer)),
    reloadable(option("max-download-attempts", Integer)),
    option("metrics-addr", Text),
    option("mtu", Integer),
    option("network-control-plane-mtu", Integer),
    option("no-new-privileges", Switch),
    flagged("node-generic-resources", List, &["--node-generic-resource"]),
    option("oom-score-adjust", Integer),
    flagged("pidfile", Text, &["-p"]),
    flagged(
        "proxies",
        Table,
        &["--http-proxy", "--https-proxy", "--no-proxy"],
    ),
    option("raw-logs", Switch),
    reloadable(flagged("registry-mirrors", Texts, &["--registry-mirror"])),
    // The one that the daemon takes from both places.
    reloadable(option("runtimes", Table)),
    option("seccomp-profile", Text),
    option("selinux-enabled", Switch),
    reloadable(option("shutdown-timeout", Integer)),
    flagged("storage-driver", Text, &["-s"]),
    flagged("storage-opts", Texts, &["--storage-opt"]),
    option("swarm-default-advertise-addr", Text),
    option("tls", Switch),
    option("tlscacert", Text),
    option("tlscert", Text),
    option("tlskey", Text),
    option("tlsverify", Switch),
    option("userland-proxy", Switch),
    option("userland-proxy-path", Text),
    option("userns-remap", Text),
];

/// The option of a key; `None` for one that this list does not know, which a newer Docker may.
pub(super) fn of_key(key: &str) -> Option<&'static DockerOption> {
    OPTIONS.iter().find(|option| option.key == key)
}

/// The option that a flag sets, the flag as it is written without its value.
pub(super) fn of_flag(flag: &str) -> Option<&'static DockerOption> {
    let of_key = flag.strip_prefix("--").and_then(of_key);
    let mut options = OPTIONS.iter();
    of_key.or_else(|| options.find(|option| option.flags.contains(&flag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_find_their_keys() {
        for (flag, key) in [
            ("-H", "hosts"),
            ("--host", "hosts"),
            ("--label", "labels"),
            ("--log-opt", "log-opts"),
            ("--data-root", "data-root"),
            ("--no-proxy", "proxies"),
            ("-D", "debug"),
        ] {
            assert_eq!(of_flag(flag).unwrap().key, key);
        }
        assert!(of_flag("--config-file").is_none());
    }
}
