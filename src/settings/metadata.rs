//! `[metadata]`: the instance metadata service.

use std::time::Duration;

use serde::Serialize;

use super::values;

/// `[metadata]`: the instance metadata service.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metadata {
    /// Whether this host is on EC2.
    pub ec2: OnEc2,
    /// Base addresses, tried in order.
    pub endpoints: Vec<String>,
    /// How long the service is asked who this instance is until a pause of a minute; then it is asked again. The agent
    /// is not started before it is known: it would register as another one.
    #[serde(serialize_with = "values::duration")]
    pub budget: Duration,
    /// How long the instance profile's credentials are awaited at a time; `None` is written `off` and does not wait.
    #[serde(serialize_with = "values::some_duration")]
    pub credentials: Option<Duration>,
}

/// Whether this host is taken for an EC2 instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnEc2 {
    /// What DMI and Xen say.
    Auto,
    /// Yes, whatever they say.
    Yes,
    /// No: the metadata service is never asked.
    No,
}

impl Default for Metadata {
    fn default() -> Self {
        Metadata {
            ec2: OnEc2::Auto,
            endpoints: vec![
                "http://169.254.169.254".to_owned(),
                "http://[fd00:ec2::254]".to_owned(),
            ],
            budget: Duration::from_secs(300),
            credentials: Some(Duration::from_secs(120)),
        }
    }
}
