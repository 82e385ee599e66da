//! What the instance says of itself: paths below the version, and their content.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

/// The content of the service, for example `meta-data/instance-id` → `i-…`. A path with others below it is a directory;
/// its own value, if it has one, is not reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Values(BTreeMap<String, String>);

/// Changes to the content; `None` takes a path away.
pub type Changes = BTreeMap<String, Option<String>>;

impl Default for Values {
    /// An On-Demand instance with an instance profile and user data, that no Auto Scaling group knows.
    fn default() -> Self {
        let mac = "0e:49:61:0f:c3:11";
        let interface = format!("meta-data/network/interfaces/macs/{mac}");
        let document = json!({
            "accountId": "123456789012",
            "architecture": "x86_64",
            "availabilityZone": "us-east-1a",
            "imageId": "ami-0abcdef1234567890",
            "instanceId": "i-0123456789abcdef0",
            "instanceType": "m7i.large",
            "kernelId": null,
            "pendingTime": "2026-01-01T00:00:00Z",
            "privateIp": "10.0.0.10",
            "ramdiskId": null,
            "region": "us-east-1",
            "version": "2017-09-30",
        });
        let credentials = json!({
            "Code": "Success",
            "LastUpdated": "2026-01-01T00:00:00Z",
            "Type": "AWS-HMAC",
            "AccessKeyId": "ASIALABLABLABLABLABL",
            "SecretAccessKey": "lab-secret-access-key",
            "Token": "lab-session-token",
            "Expiration": "2099-01-01T00:00:00Z",
        });
        let profile = json!({
            "Code": "Success",
            "LastUpdated": "2026-01-01T00:00:00Z",
            "InstanceProfileArn": "arn:aws:iam::123456789012:instance-profile/ecsInstanceRole",
            "InstanceProfileId": "AIPALABLABLABLABLABLA",
        });
        let values = [
            ("dynamic/instance-identity/document", document.to_string()),
            ("meta-data/ami-id", "ami-0abcdef1234567890".to_owned()),
            ("meta-data/ami-launch-index", "0".to_owned()),
            ("meta-data/block-device-mapping/ami", "xvda".to_owned()),
            (
                "meta-data/block-device-mapping/root",
                "/dev/xvda".to_owned(),
            ),
            ("meta-data/events/maintenance/history", "[]".to_owned()),
            ("meta-data/events/maintenance/scheduled", "[]".to_owned()),
            ("meta-data/hostname", "ip-10-0-0-10.ec2.internal".to_owned()),
            ("meta-data/iam/info", profile.to_string()),
            (
                "meta-data/iam/security-credentials/ecsInstanceRole",
                credentials.to_string(),
            ),
            ("meta-data/instance-id", "i-0123456789abcdef0".to_owned()),
            ("meta-data/instance-life-cycle", "on-demand".to_owned()),
            ("meta-data/instance-type", "m7i.large".to_owned()),
            (
                "meta-data/local-hostname",
                "ip-10-0-0-10.ec2.internal".to_owned(),
            ),
            ("meta-data/local-ipv4", "10.0.0.10".to_owned()),
            ("meta-data/mac", mac.to_owned()),
            (
                "meta-data/placement/availability-zone",
                "us-east-1a".to_owned(),
            ),
            (
                "meta-data/placement/availability-zone-id",
                "use1-az4".to_owned(),
            ),
            ("meta-data/placement/region", "us-east-1".to_owned()),
            ("meta-data/reservation-id", "r-0123456789abcdef0".to_owned()),
            ("meta-data/security-groups", "default".to_owned()),
            ("meta-data/services/domain", "amazonaws.com".to_owned()),
            ("meta-data/services/partition", "aws".to_owned()),
            ("user-data", "#!/bin/sh\n".to_owned()),
        ];
        let network = [
            ("device-number", "0"),
            ("interface-id", "eni-0123456789abcdef0"),
            ("security-group-ids", "sg-0123456789abcdef0"),
            ("subnet-id", "subnet-0123456789abcdef0"),
            ("vpc-id", "vpc-0123456789abcdef0"),
            ("vpc-ipv4-cidr-blocks", "10.0.0.0/16"),
        ];
        let values = values
            .into_iter()
            .map(|(path, value)| (path.to_owned(), value));
        let network = network
            .into_iter()
            .map(|(name, value)| (format!("{interface}/{name}"), value.to_owned()));
        Values(values.chain(network).collect())
    }
}

impl Values {
    /// Sets and takes away.
    pub fn change(&mut self, changes: Changes) {
        for (path, value) in changes {
            match value {
                Some(value) => self.0.insert(path, value),
                None => self.0.remove(&path),
            };
        }
    }

    /// The value at a path, or the names in a directory, one a line, those of directories with a `/`. A directory is
    /// found with and without a trailing `/`.
    pub fn get(&self, path: &str) -> Option<String> {
        let path = path.trim_matches('/');
        let below = if path.is_empty() {
            String::new()
        } else {
            format!("{path}/")
        };
        let mut names: Vec<String> = self
            .0
            .keys()
            .filter_map(|key| key.strip_prefix(&below))
            .map(|rest| match rest.split_once('/') {
                Some((directory, _)) => format!("{directory}/"),
                None => rest.to_owned(),
            })
            .collect();
        names.dedup();
        if names.is_empty() {
            self.0.get(path).cloned()
        } else {
            Some(names.join("\n"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_lists_what_is_in_it_and_marks_directories() {
        let values = Values::default();
        let listing = values.get("meta-data/placement/").unwrap();
        assert_eq!(listing, "availability-zone\navailability-zone-id\nregion");
        let listing = values.get("meta-data").unwrap();
        assert!(listing.lines().any(|name| name == "iam/"), "{listing}");
        assert!(listing.lines().any(|name| name == "mac"), "{listing}");
        assert_eq!(values.get("meta-data/plac"), None);
    }

    #[test]
    fn a_path_can_be_taken_away() {
        let mut values = Values::default();
        values.change([("user-data".to_owned(), None)].into());
        assert_eq!(values.get("user-data"), None);
    }
}
