//! Which distribution this is, told at run time from os-release(5); ecs-init decides it when it is built.

use crate::facts::Facts;

/// Families whose paths differ for the agent's container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Distribution {
    /// Amazon Linux 2 and later.
    Amazon,
    /// Amazon Linux 1 (versions like `2018.03`): control groups are mounted at `/cgroup`.
    AmazonOne,
    /// Debian, Ubuntu and their kin, SUSE, and Wolfi (Chainguard): one place of certificates, `/etc/ssl`.
    DebianOrSuse,
    /// Everything else: the agent uses the certificates in its own image.
    Generic,
}

/// Where a family keeps its certificates.
pub(super) struct Certificates {
    /// Mounted into the container.
    pub directory: &'static str,
    /// Told to the agent as `SSL_CERT_DIR`.
    pub ssl_cert_dir: &'static str,
}

impl Distribution {
    pub(super) fn of(facts: &Facts) -> Self {
        let id = field(facts, "ID").unwrap_or_default();
        let like = field(facts, "ID_LIKE").unwrap_or_default();
        if id == "amzn" {
            let version = field(facts, "VERSION_ID").unwrap_or_default();
            // Later versions have no month: 2, 2023.
            return if version.contains('.') {
                Distribution::AmazonOne
            } else {
                Distribution::Amazon
            };
        }
        let is_kin = |name: &str| {
            matches!(
                name,
                "debian" | "ubuntu" | "suse" | "sles" | "opensuse" | "wolfi" | "chainguard"
            )
        };
        if is_kin(&id) || like.split_whitespace().any(is_kin) {
            Distribution::DebianOrSuse
        } else {
            Distribution::Generic
        }
    }

    pub(super) fn certificates(self) -> Option<Certificates> {
        match self {
            Distribution::Amazon | Distribution::AmazonOne => Some(Certificates {
                directory: "/etc/pki",
                ssl_cert_dir: "/etc/pki/tls/certs",
            }),
            Distribution::DebianOrSuse => Some(Certificates {
                directory: "/etc/ssl",
                ssl_cert_dir: "/etc/ssl/certs",
            }),
            Distribution::Generic => None,
        }
    }

    /// Where the host's control groups are mounted.
    pub(super) fn cgroup_mount(self) -> &'static str {
        match self {
            Distribution::AmazonOne => "/cgroup",
            _ => "/sys/fs/cgroup",
        }
    }
}

/// `ECS_DETAILED_OS_FAMILY`: `ID_VERSION_ID`, or `linux` where either is not known.
pub(super) fn detailed_os_family(facts: &Facts) -> String {
    match (field(facts, "ID"), field(facts, "VERSION_ID")) {
        (Some(id), Some(version)) => format!("{id}_{version}"),
        _ => "linux".to_owned(),
    }
}

/// The last value of a key of os-release, without quotes; `None` where it is absent or empty.
fn field(facts: &Facts, key: &str) -> Option<String> {
    let text = facts.host.os_release.known()?;
    let value = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))
        .next_back()?
        .trim_matches(['"', '\'']);
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Fact;

    fn facts(os_release: &str) -> Facts {
        let mut facts = Facts::default();
        facts.host.os_release = Fact::Known(os_release.to_owned());
        facts
    }

    #[test]
    fn families_are_told_by_id_and_kin() {
        for (os_release, family) in [
            (
                "ID=\"amzn\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"2023\"",
                Distribution::Amazon,
            ),
            ("ID=\"amzn\"\nVERSION_ID=\"2\"", Distribution::Amazon),
            (
                "ID=\"amzn\"\nVERSION_ID=\"2018.03\"",
                Distribution::AmazonOne,
            ),
            ("ID=debian\nVERSION_ID=\"12\"", Distribution::DebianOrSuse),
            (
                "ID=linuxmint\nID_LIKE=\"ubuntu debian\"",
                Distribution::DebianOrSuse,
            ),
            ("ID=\"sles\"\nID_LIKE=\"suse\"", Distribution::DebianOrSuse),
            (
                "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"",
                Distribution::DebianOrSuse,
            ),
            ("ID=wolfi", Distribution::DebianOrSuse),
            ("ID=\"rhel\"\nID_LIKE=\"fedora\"", Distribution::Generic),
            ("ID=bottlerocket", Distribution::Generic),
            ("", Distribution::Generic),
        ] {
            assert_eq!(Distribution::of(&facts(os_release)), family, "{os_release}");
        }
    }

    #[test]
    fn the_detailed_family_needs_both_keys() {
        let family = |os_release| detailed_os_family(&facts(os_release));
        assert_eq!(family("ID=\"amzn\"\nVERSION_ID='2023'\n"), "amzn_2023");
        assert_eq!(family("NAME=x\nVERSION_ID=1\n"), "linux");
        assert_eq!(family("ID=debian\n"), "linux");
        assert_eq!(detailed_os_family(&Facts::default()), "linux");
    }
}
