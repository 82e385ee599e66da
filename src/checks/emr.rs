//! `emr.*`: what Amazon EMR demands of a custom AMI, beside what others demand too.

use crate::facts::{BlockDeviceFacts, Fact, Facts, HostFacts, ImageFacts};
use crate::finding::Severity::{self, Recommended, Required};

use super::agent::is_there;
use super::capacity::size;
use super::storage::{EBS, root_device};
use super::{
    Demands, Judge, Judgement, OsRelease, Rule, Told, Version, failed, known, met, passed, skipped,
};

const SOURCE: &str = "https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-custom-ami.html";
const REQUIRED: &[(&str, Severity)] = &[("emr", Required)];
const RECOMMENDED: &[(&str, Severity)] = &[("emr", Recommended)];

pub const RULES: &[Rule] = &[
    Rule {
        id: "emr.single_ebs",
        title: "the image has one EBS volume",
        weights: REQUIRED,
        told: Told::Booted,
        required: "no EBS volume beside the root",
        remedy: "detach the others before the image is made",
        source: SOURCE,
        judge: Judge::Facts(single_volume),
    },
    Rule {
        id: "emr.users",
        title: "no account has a name that EMR's applications take",
        weights: REQUIRED,
        told: Told::Image,
        required: "neither hadoop nor hdfs, yarn, spark and the like in /etc/passwd and /etc/group",
        remedy: "remove or rename the accounts",
        source: SOURCE,
        judge: Judge::Host(users),
    },
    Rule {
        id: "emr.dirs",
        title: "/tmp, /var and /emr are small",
        weights: RECOMMENDED,
        told: Told::Image,
        required: "at most 2 GiB together: EMR moves them to /mnt when a node starts",
        remedy: "clean package caches and logs, keep data elsewhere",
        source: SOURCE,
        judge: Judge::Image(directories),
    },
    Rule {
        id: "emr.not_emr_snapshot",
        title: "the image was not made of an EMR node",
        weights: REQUIRED,
        told: Told::Image,
        required: "nothing of EMR's own: /emr/instance-controller, /etc/emr, job-flow.json, /usr/lib/hadoop",
        remedy: "begin from an Amazon Linux AMI, not from a node of a cluster",
        source: SOURCE,
        judge: Judge::Host(not_a_node),
    },
    Rule {
        id: "emr.base",
        title: "the system is the one that the EMR release is made for",
        weights: REQUIRED,
        told: Told::Image,
        required: "Amazon Linux 2023 for EMR 7, Amazon Linux 2 for 5.30 to 6, Amazon Linux 1 for 5.7 to 5.29",
        remedy: "build the AMI from that system, or choose another EMR release",
        source: "https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-custom-ami.html, https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-default-ami.html",
        judge: Judge::Demands(base),
    },
    Rule {
        id: "emr.dns_rotate",
        title: "the resolver does not rotate with a domain of your own",
        weights: RECOMMENDED,
        told: Told::Booted,
        required: "no options rotate in /etc/resolv.conf with AmazonProvidedDNS and a domain other than ec2.internal or compute.internal",
        remedy: "remove rotate from the options",
        source: SOURCE,
        judge: Judge::Host(rotate),
    },
    Rule {
        id: "emr.ami_20180811",
        title: "the image is not made of the Amazon Linux AMI of 2018-08-11",
        weights: RECOMMENDED,
        told: Told::Image,
        required: "another date in /etc/image-id: Oozie fails on that one",
        remedy: "build the AMI from a newer Amazon Linux",
        source: SOURCE,
        judge: Judge::Host(image_date),
    },
];

/// True on a node of an EMR cluster, or an image made of one.
pub fn is_emr_node(facts: &Facts) -> bool {
    !traces(&facts.host).is_empty()
}

fn single_volume(facts: &Facts) -> Judgement {
    let host = &facts.host;
    let mapped = facts.instance.known().map(|instance| {
        let devices = instance.block_devices.iter();
        devices.filter(|(name, _)| name.starts_with("ebs")).count()
    });
    let root = root_device(host).map(|disk| disk.name.as_str());
    let is_other = |disk: &&BlockDeviceFacts| disk.model == EBS && Some(disk.name.as_str()) != root;
    let attached = host.block_devices.iter().filter(is_other).count();
    match mapped {
        None if host.block_devices.is_empty() => skipped("there is no disk in /sys/block"),
        _ => {
            let others = mapped.unwrap_or_default().max(attached);
            met(others == 0, format!("{others} EBS volumes beside the root"))
        }
    }
}

/// hadoop, hdfs, yarn and spark are EMR's documentation's examples; the others are applications that EMR installs, each
/// under an account of its name (EMR Release Guide, "About Amazon EMR releases").
const TAKEN: &[&str] = &[
    "hadoop",
    "hdfs",
    "yarn",
    "spark",
    "flink",
    "hbase",
    "hive",
    "hue",
    "livy",
    "mapred",
    "oozie",
    "presto",
    "tez",
    "trino",
    "zeppelin",
    "zookeeper",
];

fn users(host: &HostFacts) -> Judgement {
    if host.accounts.is_empty() {
        return skipped("there is neither /etc/passwd nor /etc/group");
    }
    let taken: Vec<&str> = host
        .accounts
        .iter()
        .map(String::as_str)
        .filter(|name| TAKEN.contains(name))
        .collect();
    match taken.is_empty() {
        true => passed("none of them"),
        false => failed(taken.join(" ")),
    }
}

fn directories(image: &ImageFacts) -> Judgement {
    const MOST: u64 = 2 << 30;
    let bytes: u64 = image.sizes.values().map(|size| size.bytes).sum();
    let whole = image.sizes.values().all(|size| size.whole);
    let observed = match whole {
        true => size(bytes),
        false => format!("{} or more", size(bytes)),
    };
    if bytes > MOST {
        failed(observed)
    } else if whole {
        passed(observed)
    } else {
        skipped(format!("too many files to look at them all: {observed}"))
    }
}

const TRACES: &[&str] = &[
    "/emr/instance-controller",
    "/etc/emr",
    "/mnt/var/lib/info/job-flow.json",
    "/usr/lib/hadoop",
];

fn traces(host: &HostFacts) -> Vec<&'static str> {
    TRACES
        .iter()
        .copied()
        .filter(|path| is_there(host, path))
        .collect()
}

fn not_a_node(host: &HostFacts) -> Judgement {
    let traces = traces(host);
    match traces.is_empty() {
        true => passed("no trace of EMR"),
        false => failed(traces.join(" ")),
    }
}

fn base(facts: &Facts, demands: &Demands) -> Judgement {
    const AMAZON_LINUX_2_SINCE: Version = Version::new(5, 30);
    const AMAZON_LINUX_2023_SINCE: Version = Version::new(7, 0);
    let Some(emr) = demands.emr_release else {
        return skipped("name the release with --emr-release");
    };
    let wanted = if emr >= AMAZON_LINUX_2023_SINCE {
        "2023"
    } else if emr >= AMAZON_LINUX_2_SINCE {
        "2"
    } else {
        "201"
    };
    known(&facts.host.os_release, |text| {
        let release = OsRelease::parse(text);
        let version = release.version_id.as_deref().unwrap_or_default();
        // Amazon Linux 1 counts in years.
        let fits = match wanted {
            "201" => version.starts_with(wanted),
            exact => version == exact,
        };
        met(
            release.id == "amzn" && fits,
            format!("{} for EMR {emr}", release.name()),
        )
    })
}

fn rotate(host: &HostFacts) -> Judgement {
    let Some(text) = host.texts.get("/etc/resolv.conf") else {
        return skipped("there is no /etc/resolv.conf");
    };
    let words = |key: &str| -> Vec<&str> {
        let lines = text.lines().map(str::split_whitespace);
        lines
            .filter_map(|mut line| (line.next()? == key).then_some(line))
            .flatten()
            .collect()
    };
    let rotates = words("options").contains(&"rotate");
    let domains = [words("search"), words("domain")].concat();
    let own = domains
        .iter()
        .any(|domain| !domain.ends_with("ec2.internal") && !domain.ends_with("compute.internal"));
    // AmazonProvidedDNS is at the VPC's base address plus two, and at a link-local one.
    let amazon = words("nameserver")
        .iter()
        .any(|server| *server == "169.254.169.253" || server.ends_with(".2"));
    let word = if rotates { "rotate" } else { "no rotate" };
    let domains = match domains.is_empty() {
        true => "no domain".to_owned(),
        false => format!("domains {}", domains.join(" ")),
    };
    met(!(rotates && own && amazon), format!("{word}, {domains}"))
}

fn image_date(host: &HostFacts) -> Judgement {
    let text = host.texts.get("/etc/image-id").map(String::as_str);
    match (text, &host.os_release) {
        (Some(text), _) if text.contains("20180811") => failed("2018-08-11"),
        (Some(_), _) => passed("another date"),
        (None, Fact::Known(_)) => passed("there is no /etc/image-id"),
        (None, unknown) => skipped(unknown.why_unknown()),
    }
}
