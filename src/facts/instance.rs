//! The instance layer of facts: what the instance metadata service says. No credentials, no user data.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::host::imds::{Imds, ImdsError};

/// The instance's identity. A field that the service does not offer is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    /// The Auto Scaling group's name, where the instance's tags can be read (`InstanceMetadataTags`).
    pub auto_scaling_group: Option<String>,
    /// True where a tag says that AWS Batch owns the instance.
    pub aws_batch: bool,
    /// Partition, for example `aws` or `aws-cn`.
    pub partition: Option<String>,
    /// `block-device-mapping`: name (`root`, `ebs1`, `ephemeral0`) and device.
    pub block_devices: Vec<(String, String)>,
    /// True when the instance has user data; the content is never kept.
    pub has_user_data: Option<bool>,
    /// True when an instance profile is attached.
    pub has_instance_profile: Option<bool>,
}

#[cfg(test)]
impl InstanceFacts {
    /// What the lab's metadata service says.
    pub fn ordinary() -> Self {
        InstanceFacts {
            instance_id: "i-0123456789abcdef0".to_owned(),
            instance_type: "m7i.large".to_owned(),
            architecture: Some("x86_64".to_owned()),
            availability_zone: Some("us-east-1a".to_owned()),
            availability_zone_id: Some("use1-az4".to_owned()),
            region: Some("us-east-1".to_owned()),
            account_id: Some("123456789012".to_owned()),
            ami_id: Some("ami-0abcdef1234567890".to_owned()),
            ancestor_ami_ids: Vec::new(),
            life_cycle: Some("on-demand".to_owned()),
            local_ipv4: Some("10.0.0.10".to_owned()),
            launch_time: Some("2026-01-01T00:00:00Z".to_owned()),
            auto_scaling_group: None,
            aws_batch: false,
            target_lifecycle_state: None,
            partition: Some("aws".to_owned()),
            block_devices: vec![
                ("ami".to_owned(), "xvda".to_owned()),
                ("root".to_owned(), "/dev/xvda".to_owned()),
            ],
            has_user_data: Some(true),
            has_instance_profile: Some(true),
        }
    }
}

/// A share from 0 to 1 that is an instance's own, the same after each restart: what a whole fleet has cause to do at once
/// is spread by it.
pub fn share_of(instance_id: &str) -> f64 {
    let mut hasher = DefaultHasher::new();
    instance_id.hash(&mut hasher);
    hasher.finish() as f64 / u64::MAX as f64
}

/// Whether an Auto Scaling group that wants this lifecycle state keeps the instance in its warm pool
/// (Amazon EC2 Auto Scaling User Guide, "Warm pools": `Warmed:Stopped`, `Warmed:Running`, `Warmed:Hibernated`, …).
pub fn is_warm(target_state: &str) -> bool {
    target_state.starts_with("Warmed:")
}

/// The parts of the identity document that nothing else tells.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct IdentityDocument {
    account_id: Option<String>,
    architecture: Option<String>,
    pending_time: Option<String>,
}

/// Asks the service for everything. A path that it does not have leaves its fact `None`.
///
/// # Errors
/// The first request that failed; an identity without instance id and type is garbled.
pub async fn instance(imds: &Imds) -> Result<InstanceFacts, ImdsError> {
    let document = identity_document(imds).await?;
    Ok(InstanceFacts {
        instance_id: required(imds, "meta-data/instance-id", "an instance id").await?,
        instance_type: required(imds, "meta-data/instance-type", "an instance type").await?,
        architecture: document.architecture,
        availability_zone: text(imds, "meta-data/placement/availability-zone").await?,
        availability_zone_id: text(imds, "meta-data/placement/availability-zone-id").await?,
        region: text(imds, "meta-data/placement/region").await?,
        account_id: document.account_id,
        ami_id: text(imds, "meta-data/ami-id").await?,
        ancestor_ami_ids: lines(imds, "meta-data/ancestor-ami-ids").await?,
        life_cycle: text(imds, "meta-data/instance-life-cycle").await?,
        local_ipv4: text(imds, "meta-data/local-ipv4").await?,
        launch_time: document.pending_time,
        target_lifecycle_state: text(imds, "meta-data/autoscaling/target-lifecycle-state").await?,
        auto_scaling_group: text(imds, "meta-data/tags/instance/aws:autoscaling:groupName").await?,
        aws_batch: imds
            .exists("meta-data/tags/instance/AWSBatchServiceTag")
            .await?,
        partition: text(imds, "meta-data/services/partition").await?,
        block_devices: block_devices(imds).await?,
        has_user_data: Some(imds.exists("user-data").await?),
        has_instance_profile: Some(imds.exists("meta-data/iam/info").await?),
    })
}

async fn identity_document(imds: &Imds) -> Result<IdentityDocument, ImdsError> {
    const PATH: &str = "dynamic/instance-identity/document";
    match imds.get(PATH).await? {
        None => Ok(IdentityDocument::default()),
        Some(text) => serde_json::from_str(&text)
            .map_err(|_| ImdsError::garbled(PATH, "an identity document as JSON")),
    }
}

async fn block_devices(imds: &Imds) -> Result<Vec<(String, String)>, ImdsError> {
    const DIRECTORY: &str = "meta-data/block-device-mapping/";
    let mut devices = Vec::new();
    for name in lines(imds, DIRECTORY).await? {
        if let Some(device) = text(imds, &format!("{DIRECTORY}{name}")).await? {
            devices.push((name, device));
        }
    }
    Ok(devices)
}

async fn required(imds: &Imds, path: &str, wanted: &'static str) -> Result<String, ImdsError> {
    text(imds, path)
        .await?
        .ok_or_else(|| ImdsError::garbled(path, wanted))
}

/// The text at a path; an empty one is none.
async fn text(imds: &Imds, path: &str) -> Result<Option<String>, ImdsError> {
    let text = imds.get(path).await?.unwrap_or_default();
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

async fn lines(imds: &Imds, path: &str) -> Result<Vec<String>, ImdsError> {
    let text = imds.get(path).await?.unwrap_or_default();
    Ok(text.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use ecs_nanny_lab::imds::{Fault, Imds as Service, What};

    use super::*;

    #[tokio::test]
    async fn the_identity_of_an_ordinary_instance_is_read() {
        let service = Service::on_loopback().unwrap();
        service.set("meta-data/autoscaling/target-lifecycle-state", "InService");
        service.set("meta-data/ancestor-ami-ids", "ami-1\nami-2");
        service.set(
            "meta-data/tags/instance/aws:autoscaling:groupName",
            "blue-group",
        );
        let imds = Imds::new(&[service.url()]).unwrap();
        let expected = InstanceFacts {
            target_lifecycle_state: Some("InService".to_owned()),
            auto_scaling_group: Some("blue-group".to_owned()),
            ancestor_ami_ids: vec!["ami-1".to_owned(), "ami-2".to_owned()],
            ..InstanceFacts::ordinary()
        };
        assert_eq!(instance(&imds).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn what_the_service_does_not_have_stays_unknown() {
        let service = Service::on_loopback().unwrap();
        service.remove("meta-data/placement/availability-zone-id");
        service.remove("dynamic/instance-identity/document");
        service.remove("user-data");
        let imds = Imds::new(&[service.url()]).unwrap();
        let facts = instance(&imds).await.unwrap();
        assert_eq!(facts.availability_zone_id, None);
        assert_eq!(facts.architecture, None);
        assert_eq!(facts.target_lifecycle_state, None);
        assert_eq!(facts.ancestor_ami_ids, Vec::<String>::new());
        assert_eq!(facts.has_user_data, Some(false));
    }

    #[tokio::test]
    async fn an_identity_without_an_instance_id_is_an_error_that_may_pass() {
        let service = Service::on_loopback().unwrap();
        service
            .set_faults([Fault::from(What::Status(404)).at("meta-data/instance-id")])
            .await;
        let imds = Imds::new(&[service.url()]).unwrap();
        let error = instance(&imds).await.unwrap_err();
        assert!(error.is_worth_retrying());
        assert!(error.to_string().contains("instance-id"), "{error}");
    }
}
