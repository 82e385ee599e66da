//! `cloudinit.*`, `secrets.*`, `image.*`: what an image should not hand to its instances, and what it should say of itself.

use std::collections::BTreeMap;

use crate::facts::{HostFacts, ImageFacts, PathKind};
use crate::finding::Severity::{Informational, Recommended, Required};

use super::{ImageRelease, Judge, Judgement, Rule, Told, everywhere, failed, passed, skipped};

pub const RULES: &[Rule] = &[
    Rule {
        id: "cloudinit.overrides",
        title: "cloud-init undoes nothing of the image at boot",
        weights: &[
            ("generic", Recommended),
            ("ecs", Informational),
            ("batch", Informational),
        ],
        told: Told::Image,
        required: "no ssh_pwauth, manage_etc_hosts, package_upgrade or repo_upgrade in /etc/cloud/cloud.cfg and its drop-ins; disable_root and ssh_deletekeys on",
        remedy: "set it in a file of /etc/cloud/cloud.cfg.d",
        source: "https://github.com/open-guides/og-aws#amis",
        judge: Judge::Host(overrides),
    },
    Rule {
        id: "cloudinit.clean",
        title: "the image holds nothing of the instance that it was made of",
        weights: &[
            ("generic", Required),
            ("ecs", Recommended),
            ("batch", Recommended),
            ("gpu", Recommended),
            ("emr", Recommended),
        ],
        told: Told::Unbooted,
        required: "no state of cloud-init, host keys, authorized keys, histories, leases and logs; /etc/machine-id there and empty",
        remedy: "ecs-nanny image seal",
        source: "https://github.com/aws/amazon-ecs-ami, scripts/cleanup.sh; https://systemd.io/BUILDING_IMAGES/",
        judge: Judge::Image(clean),
    },
    Rule {
        id: "image.machine_id",
        title: "systemd gives each instance an id of its own",
        weights: &[
            ("generic", Required),
            ("ecs", Recommended),
            ("batch", Recommended),
        ],
        told: Told::Unbooted,
        required: "an empty file /etc/machine-id",
        remedy: "ecs-nanny image seal, or truncate -s 0 /etc/machine-id",
        source: "machine-id(5)",
        judge: Judge::Host(machine_id),
    },
    Rule {
        id: "secrets.baked",
        title: "no secret lies open",
        weights: &everywhere(Recommended),
        told: Told::Image,
        required: "no AWS credentials in home directories; agent configuration with secrets of mode 0600",
        remedy: "remove the credentials and use roles; chmod 600 /etc/ecs/ecs.config",
        source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/building-shared-amis.html",
        judge: Judge::Image(secrets),
    },
    Rule {
        id: "image.release",
        title: "the image says what it is",
        // That it says nothing, or not all, is information; that nobody can read it is a fault.
        weights: &everywhere(Recommended),
        told: Told::Image,
        required: "/etc/ecs-nanny/image-release.json with image_name, image_version and source_image_name",
        remedy: "ecs-nanny image describe --name NAME --version VERSION --write, while the image is made",
        source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/retrieve-ecs-optimized_AMI.html: the same keys",
        judge: Judge::Host(release),
    },
];

/// What each setting must not say.
const UNWANTED: &[(&str, &[&str])] = &[
    ("disable_root", &["false", "no", "off", "0"]),
    (
        "manage_etc_hosts",
        &["true", "template", "localhost", "yes"],
    ),
    ("package_upgrade", &["true", "yes", "on", "1"]),
    ("repo_upgrade", &["all", "security", "bugfix"]),
    ("ssh_deletekeys", &["false", "no", "off", "0"]),
    ("ssh_pwauth", &["true", "yes", "on", "1"]),
];

fn overrides(host: &HostFacts) -> Judgement {
    if !host.cloud_init.installed {
        return passed("there is no cloud-init");
    }
    let unwanted: Vec<String> = UNWANTED
        .iter()
        .filter_map(|(name, values)| {
            let (value, path) = host.cloud_init.settings.get(*name)?;
            let plain = value.to_ascii_lowercase();
            values
                .contains(&&*plain)
                .then(|| format!("{name}: {value} in {path}"))
        })
        .collect();
    match unwanted.is_empty() {
        true => passed("none of them"),
        false => failed(unwanted.join(", ")),
    }
}

fn clean(image: &ImageFacts) -> Judgement {
    let mut counts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for leftover in &image.leftovers {
        counts
            .entry(leftover.kind.words())
            .or_default()
            .push(&leftover.path);
    }
    let told: Vec<String> = counts
        .iter()
        .map(|(words, paths)| match paths[..] {
            [one] => format!("{words} ({one})"),
            _ => format!("{words} ({} and {} more)", paths[0], paths.len() - 1),
        })
        .collect();
    match told.is_empty() {
        true => passed("nothing is left"),
        false => failed(told.join(", ")),
    }
}

fn machine_id(host: &HostFacts) -> Judgement {
    match host.paths.get(crate::facts::MACHINE_ID) {
        // That it is empty is told by cloudinit.clean.
        Some(PathKind::File) => passed("the file is there"),
        Some(_) => failed("there is none: systemd takes the boot for one without identity"),
        None => skipped("nobody has looked"),
    }
}

fn secrets(image: &ImageFacts) -> Judgement {
    let open: Vec<String> = image
        .secrets
        .iter()
        .filter(|secret| secret.never || secret.mode & 0o077 != 0)
        .map(|secret| {
            format!(
                "{} in {} (mode {:04o})",
                secret.holds, secret.path, secret.mode
            )
        })
        .collect();
    match open.is_empty() {
        true => passed("none"),
        false => failed(open.join(", ")),
    }
}

fn release(host: &HostFacts) -> Judgement {
    let release = match ImageRelease::of(host) {
        Ok(Some(release)) => release,
        Ok(None) => return failed("there is none").at_most(Informational),
        Err(why) => return failed(why),
    };
    let keys = [
        ("image_name", &release.image_name),
        ("image_version", &release.image_version),
        ("source_image_name", &release.source_image_name),
    ];
    let told = |value: &Option<String>| value.as_deref().is_some_and(|value| !value.is_empty());
    let missing: Vec<&str> = keys
        .iter()
        .filter(|(_, value)| !told(value))
        .map(|(key, _)| *key)
        .collect();
    if !missing.is_empty() {
        return failed(format!("it lacks {}", missing.join(", "))).at_most(Informational);
    }
    let name = release.image_name.unwrap_or_default();
    passed(format!(
        "{name} {}",
        release.image_version.unwrap_or_default()
    ))
}
