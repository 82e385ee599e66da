//! The instance layer of facts: what the instance metadata service says. No credentials, no user data.

use serde::{Deserialize, Serialize};

/// The instance's identity. A field that the service does not offer is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct InstanceFacts {
    /// `i-…`.
    pub instance_id: String,
    /// For example `c7g.large`.
    pub instance_type: String,
    /// `x86_64` or `arm64`, from the identity document.
    pub architecture: Option<String>,
    /// For example `us-east-1a`.
    pub availability_zone: Option<String>,
    /// For example `use1-az4`.
    pub availability_zone_id: Option<String>,
    /// For example `us-east-1`.
    pub region: Option<String>,
    /// The account, from the identity document.
    pub account_id: Option<String>,
    /// `ami-…`.
    pub ami_id: Option<String>,
    /// AMIs that this one was made from.
    pub ancestor_ami_ids: Vec<String>,
    /// `on-demand`, `spot`, `scheduled` or `capacity-block`.
    pub life_cycle: Option<String>,
    /// Private IPv4 address.
    pub local_ipv4: Option<String>,
    /// Launch time as the identity document writes it (`pendingTime`).
    pub launch_time: Option<String>,
    /// Auto Scaling target lifecycle state, when the group is known to the service.
    pub target_lifecycle_state: Option<String>,
    /// Partition, for example `aws` or `aws-cn`.
    pub partition: Option<String>,
    /// `block-device-mapping`: name (`root`, `ebs1`, `ephemeral0`) and device.
    pub block_devices: Vec<(String, String)>,
    /// True when the instance has user data; the content is never kept.
    pub has_user_data: Option<bool>,
    /// True when an instance profile is attached.
    pub has_instance_profile: Option<bool>,
}
