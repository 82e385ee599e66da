//! AppArmor, and the domain that the host joined.

use serde::{Deserialize, Serialize};

use super::Fact;
use crate::host::files::Root;

/// AppArmor and domain membership.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SecurityFacts {
    /// `/sys/module/apparmor/parameters/enabled` as it stands (`Y` or `N`); `None` where the kernel has no AppArmor.
    pub apparmor_enabled: Option<String>,
    /// Active Directory and IPA domains of `/etc/sssd/sssd.conf`, and the realm of a `security = ads`
    /// `/etc/samba/smb.conf`: the two files that `realm join` writes and `realm list` reads.
    pub joined_domains: Fact<Vec<String>>,
}

/// Reads AppArmor's state and the joined domains.
pub fn security(root: &Root) -> SecurityFacts {
    SecurityFacts {
        apparmor_enabled: root.line("/sys/module/apparmor/parameters/enabled"),
        joined_domains: joined_domains(root).into(),
    }
}

fn joined_domains(root: &Root) -> Result<Vec<String>, String> {
    let read = |path: &str| {
        root.read_if_present(path)
            .map(|file| file.map_or_else(Vec::new, |file| sections(&file.bytes)))
            .map_err(|error| format!("{path}: {error}"))
    };
    let sssd = read("/etc/sssd/sssd.conf")?;
    let samba = read("/etc/samba/smb.conf")?;
    let mut domains: Vec<String> = sssd
        .iter()
        .filter(|section| matches!(section.get("id_provider"), Some("ad" | "ipa")))
        .filter_map(|section| section.name.strip_prefix("domain/"))
        .chain(
            samba
                .iter()
                .filter(|section| section.name.eq_ignore_ascii_case("global"))
                .filter(|section| {
                    section
                        .get("security")
                        .is_some_and(|it| it.eq_ignore_ascii_case("ads"))
                })
                .filter_map(|section| section.get("realm")),
        )
        .map(str::to_owned)
        .collect();
    domains.sort();
    Ok(domains)
}

/// One `[section]` of an ini file.
struct Section {
    name: String,
    keys: Vec<(String, String)>,
}

impl Section {
    fn get(&self, key: &str) -> Option<&str> {
        let (_, value) = self.keys.iter().rev().find(|(name, _)| name == key)?;
        Some(value)
    }
}

/// Sections with their `key = value` lines, as sssd.conf(5) and smb.conf(5) have them; keys in lower case.
fn sections(bytes: &[u8]) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in String::from_utf8_lossy(bytes).lines().map(str::trim) {
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            sections.push(Section {
                name: name.trim().to_owned(),
                keys: Vec::new(),
            });
        } else if let (Some(section), Some((key, value))) =
            (sections.last_mut(), line.split_once('='))
        {
            section
                .keys
                .push((key.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains(path: &str, content: &str) -> Fact<Vec<String>> {
        let tree = tempfile::tempdir().unwrap();
        let file = tree.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
        security(&Root::at(tree.path())).joined_domains
    }

    #[test]
    fn a_domain_of_sssd_counts_when_it_is_active_directory() {
        let joined = "[sssd]\ndomains = corp.example\n\n[domain/corp.example]\nid_provider = ad\n";
        assert_eq!(
            domains("etc/sssd/sssd.conf", joined),
            Fact::Known(vec!["corp.example".to_owned()])
        );
        let ldap = "[domain/people]\nid_provider = ldap\n#id_provider = ad\n";
        assert_eq!(domains("etc/sssd/sssd.conf", ldap), Fact::Known(Vec::new()));
    }

    #[test]
    fn a_realm_of_samba_counts_when_its_security_is_ads() {
        let joined = "[global]\n  Security = ADS\n  realm = CORP.EXAMPLE\n";
        assert_eq!(
            domains("etc/samba/smb.conf", joined),
            Fact::Known(vec!["CORP.EXAMPLE".to_owned()])
        );
        let alone = "[global]\nsecurity = user\nrealm = CORP.EXAMPLE\n";
        assert_eq!(
            domains("etc/samba/smb.conf", alone),
            Fact::Known(Vec::new())
        );
    }
}
