//! Which kind of machine this is: the decision table of EC2's virtualization types, first match wins. Shells out to
//! nothing: `systemd-detect-virt` knows EC2 only since 2021, and on Arm not at all.

use serde::{Deserialize, Serialize};

use crate::facts::{DmiFacts, HostFacts};
use crate::finding::Confidence;

use super::Version;

/// What the machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    /// Xen, paravirtual.
    XenPv,
    /// Xen, hardware virtual machine.
    XenHvm,
    /// A Nitro instance.
    Nitro,
    /// A bare-metal Nitro instance.
    NitroMetal,
    /// Anything else: not EC2.
    Other,
}

impl Platform {
    /// The word in reports and health.
    pub fn word(self) -> &'static str {
        match self {
            Platform::XenPv => "xen-pv",
            Platform::XenHvm => "xen-hvm",
            Platform::Nitro => "nitro",
            Platform::NitroMetal => "nitro-metal",
            Platform::Other => "other",
        }
    }
}

/// What the machine is, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What it is.
    pub platform: Platform,
    /// How sure that is.
    pub confidence: Confidence,
    /// True when something says that this is EC2's.
    pub is_ec2: bool,
    /// What it was told by, for people.
    pub evidence: String,
    /// The instance id where the firmware tells it (Nitro); known without the metadata service.
    pub instance_id_hint: Option<String>,
}

/// Reads the platform from Xen's and the firmware's files.
///
/// Firmware files can be hidden from a container. On EC2 every machine but a Xen PV guest has them, so where they are
/// absent or empty the verdict is [`Platform::Other`] with low confidence: "not EC2" is then likely and not proven.
/// Where they are readable and name another maker, it is certain.
pub fn platform(host: &HostFacts) -> Verdict {
    match host.xen.hypervisor_type.as_deref() {
        Some("xen") => xen(host),
        _ => firmware(&host.dmi),
    }
}

fn xen(host: &HostFacts) -> Verdict {
    let (platform, confidence, evidence) = match (host.xen.guest_type.as_deref(), host.dmi.present)
    {
        (Some("PV"), _) => (
            Platform::XenPv,
            Confidence::Certain,
            "/sys/hypervisor/guest_type is PV".to_owned(),
        ),
        (Some(guest), _) => (
            Platform::XenHvm,
            Confidence::Certain,
            format!("/sys/hypervisor/guest_type is {guest}"),
        ),
        (None, true) => (
            Platform::XenHvm,
            Confidence::Certain,
            "Xen with firmware tables, which paravirtual guests have not".to_owned(),
        ),
        (None, false) => (
            Platform::XenPv,
            absence_of_guest_type(host),
            "Xen without guest_type and without firmware tables".to_owned(),
        ),
    };
    Verdict {
        platform,
        confidence,
        is_ec2: is_ec2_xen(host),
        evidence,
        instance_id_hint: None,
    }
}

/// How much the absence of `guest_type` proves. Linux has the file since 4.13 ("xen: add sysfs node for guest type",
/// 4a4c29c96dde): a newer kernel that shows none is one whose files are hidden from us.
fn absence_of_guest_type(host: &HostFacts) -> Confidence {
    const GUEST_TYPE_SINCE: Version = Version::new(4, 13);
    let release = host.kernel_release.known().map(String::as_str);
    match release.and_then(Version::leading) {
        Some(version) if version < GUEST_TYPE_SINCE => Confidence::Certain,
        _ => Confidence::Low,
    }
}

fn firmware(dmi: &DmiFacts) -> Verdict {
    let vendor = dmi.sys_vendor.as_deref().unwrap_or_default();
    let product = dmi.product_name.as_deref().unwrap_or_default();
    let (platform, confidence, is_ec2) = match vendor {
        "Amazon EC2" if is_metal(product) => (Platform::NitroMetal, Confidence::Certain, true),
        "Amazon EC2" => (Platform::Nitro, Confidence::Certain, true),
        "Xen" => (Platform::XenHvm, Confidence::Low, is_ec2_firmware(dmi)),
        "" => (Platform::Other, Confidence::Low, false),
        _ => (Platform::Other, Confidence::Certain, false),
    };
    let evidence = match (platform, vendor, dmi.present) {
        (Platform::XenHvm, ..) => {
            format!("the firmware is that of Xen ({product}), and /sys/hypervisor is empty")
        }
        (_, "", true) => "/sys/class/dmi/id can't be read".to_owned(),
        (_, "", false) => "there is neither /sys/hypervisor/type nor /sys/class/dmi/id".to_owned(),
        _ => format!("the firmware's maker is {vendor:?}, its product {product:?}"),
    };
    Verdict {
        platform,
        confidence,
        is_ec2,
        evidence,
        instance_id_hint: is_ec2.then(|| instance_id(dmi)).flatten(),
    }
}

/// `m5.metal`, `m7i.metal-24xl`.
fn is_metal(product: &str) -> bool {
    product
        .split_once(".metal")
        .is_some_and(|(_, size)| size.is_empty() || size.starts_with('-'))
}

/// On Nitro the board's asset tag is the instance id: `i-` and 8 or 17 hexadecimal digits, or any number between.
fn instance_id(dmi: &DmiFacts) -> Option<String> {
    let tag = dmi.board_asset_tag.as_deref()?;
    let digits = tag.strip_prefix("i-")?;
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_id = (8..=17).contains(&digits.len()) && digits.bytes().all(hexadecimal);
    is_id.then(|| tag.to_owned())
}

fn is_ec2_xen(host: &HostFacts) -> bool {
    host.xen.uuid.as_deref().is_some_and(starts_with_ec2) || is_ec2_firmware(&host.dmi)
}

/// EC2's Xen hosts name Amazon in the BIOS version (`4.11.amazon`) and begin the system's UUID with `EC2`
/// (EC2 User Guide, "Detect whether a host is an EC2 instance").
fn is_ec2_firmware(dmi: &DmiFacts) -> bool {
    let bios = dmi.bios_version.as_deref().unwrap_or_default();
    let uuid = dmi.product_uuid.as_deref().unwrap_or_default();
    bios.to_ascii_lowercase().contains("amazon")
        || starts_with_ec2(uuid)
        || swapped(uuid).is_some_and(|uuid| starts_with_ec2(&uuid))
}

fn starts_with_ec2(uuid: &str) -> bool {
    uuid.to_ascii_lowercase().starts_with("ec2")
}

/// The UUID's first field with its four bytes in the other order, as some SMBIOS versions write it: `45E12AEC` for
/// `EC2AE145` (same document).
fn swapped(uuid: &str) -> Option<String> {
    let first = u32::from_str_radix(uuid.get(..8)?, 16).ok()?;
    Some(format!("{:08x}", first.swap_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_of_ec2_in_both_orders() {
        for (uuid, is_ec2) in [
            ("EC2E1916-9099-7CAF-FD21-012345ABCDEF", true),
            ("ec2e1916-9099-7caf-fd21-012345abcdef", true),
            ("45E12AEC-DCD1-B213-94ED-012345ABCDEF", true),
            ("4C4C4544-0051-3510-8054-B6C04F4E3332", false),
            ("45E1", false),
            ("", false),
        ] {
            let dmi = DmiFacts {
                product_uuid: Some(uuid.to_owned()),
                ..DmiFacts::default()
            };
            assert_eq!(is_ec2_firmware(&dmi), is_ec2, "{uuid}");
        }
    }

    #[test]
    fn metal_is_a_size_not_a_substring() {
        assert!(is_metal("m5.metal"));
        assert!(is_metal("m7i.metal-24xl"));
        assert!(!is_metal("m5.large"));
        assert!(!is_metal("x.metallic"));
    }

    #[test]
    fn asset_tags_that_are_no_instance_id() {
        for (tag, wanted) in [
            ("i-0af01c0123456789a", true),
            ("i-1234abcd", true),
            ("i-0AF01C0123456789A", false),
            ("i-123", false),
            ("i-0af01c0123456789ab", false),
            ("Amazon EC2", false),
        ] {
            let dmi = DmiFacts {
                sys_vendor: Some("Amazon EC2".to_owned()),
                board_asset_tag: Some(tag.to_owned()),
                ..DmiFacts::default()
            };
            let hint = firmware(&dmi).instance_id_hint;
            assert_eq!(hint.is_some(), wanted, "{tag}");
        }
    }

    #[test]
    fn hidden_firmware_is_not_ec2_with_low_confidence() {
        let masked = DmiFacts {
            present: true,
            ..DmiFacts::default()
        };
        for dmi in [DmiFacts::default(), masked] {
            let verdict = firmware(&dmi);
            assert_eq!(verdict.platform, Platform::Other);
            assert_eq!(verdict.confidence, Confidence::Low);
            assert!(!verdict.is_ec2);
        }
    }
}
