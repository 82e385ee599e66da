//! The rules as a document, with the demands that are no rules and why.

use std::fmt::Write;

use super::{Rule, rules};

/// A demand that no rule of ecs-nanny judges.
pub struct NotARule {
    /// What it is called in the collection of demands.
    pub id: &'static str,
    /// The demand.
    pub demand: &'static str,
    /// Why no rule judges it, or what does.
    pub why: &'static str,
}

/// The demands that are no rules.
pub const NOT_RULES: &[NotARule] = &[
    NotARule {
        id: "limits",
        demand: "fs.file-max, kernel.pid_max and net.ipv4.ip_local_port_range are large enough",
        why: "no document gives a limit; `kernel.limits` judges what one gives",
    },
    NotARule {
        id: "docker.version (agent older than 1.81)",
        demand: "an agent older than 1.81 has Docker 24 or older",
        why: "no agent of that age is supported; set checks.oldest_agent to refuse one",
    },
    NotARule {
        id: "docker.iptables (git, xz versions)",
        demand: "git 1.7 and xz 4.9 or newer",
        why: "every supported distribution has newer ones, and only builds use git; versions are told by running them, which `check` does not",
    },
    NotARule {
        id: "ecs.endpoints",
        demand: "the endpoints of ECS, ECR, S3 and CloudWatch Logs are reached",
        why: "`check` makes no connections beyond the host; the agent's registration tells, and a failed one gives its reason in health. The exceptions from a proxy are the rule `ecs.proxy`",
    },
    NotARule {
        id: "ecs.task_iam",
        demand: "169.254.170.2 leads to the agent, and route_localnet is 1",
        why: "`run` puts both there, watches them, puts them back and says so in health",
    },
    NotARule {
        id: "time.sync (STA_UNSYNC)",
        demand: "the kernel says that its clock is synchronised",
        why: "adjtimex(2) has no safe interface in Rust's libraries; the rule asks for an enabled time daemon",
    },
    NotARule {
        id: "batch.mismatch",
        demand: "imageIdOverride and imageType of the compute environment agree",
        why: "control plane only: no host knows its compute environment's imageType",
    },
    NotARule {
        id: "batch.ami_update_rules",
        demand: "service-linked role, allocation strategy and updateToLatestImageVersion let AWS Batch update AMIs",
        why: "control plane only: https://docs.aws.amazon.com/batch/latest/userguide/updating-compute-environments.html",
    },
    NotARule {
        id: "emr.launch_perm",
        demand: "EMR's service role may launch the AMI",
        why: "control plane only: an attribute of the AMI",
    },
    NotARule {
        id: "gpu.kmod_choice (driver variant)",
        demand: "the kernel module is GRID's, the proprietary or the open one, as the GPU asks for",
        why: "which one a loaded module is can't be told from files alone; `gpu.driver_loaded` shows the driver's own words",
    },
    NotARule {
        id: "inf.config (driver 2.21 for inf1)",
        demand: "Inferentia 1 has Neuron's driver 2.21",
        why: "unverified: no document was found that says so of every later driver",
    },
    NotARule {
        id: "instance_store",
        demand: "instance store volumes are formatted and mounted",
        why: "the rules `disk.instance_store` and `disk.fstab`; UUIDs of the build host are told by nofail, for the volume that they name may be the image's own",
    },
    NotARule {
        id: "pkg.lock",
        demand: "packages are locked when an instance is launched",
        why: "the same as `kernel.locked`",
    },
    NotARule {
        id: "tags/region",
        demand: "AMIs are kept for each region, tagged and versioned",
        why: "control plane; what the image says of itself is `image.release`",
    },
    NotARule {
        id: "bake levels",
        demand: "nothing is installed at boot that could be in the image",
        why: "package managers keep no common record of what was installed since the boot",
    },
    NotARule {
        id: "optimized.meta",
        demand: "the image is the recommended one of the SSM parameter",
        why: "control plane; the image's own description has the same keys (`image.release`)",
    },
    NotARule {
        id: "emr.users (kms)",
        demand: "no account is called kms",
        why: "unverified: no document was found in which EMR makes an account of that name; the others are in `emr.users`",
    },
];

/// The rows of the collection of demands that a rule of another name judges.
pub const RENAMED: &[(&str, &str)] = &[
    ("apparmor", "security.apparmor"),
    ("selinux", "security.selinux"),
    ("limits", "kernel.limits"),
    ("instance_store", "disk.instance_store"),
    ("tags/region", "image.release"),
];

/// `docs/checks.md`.
pub fn markdown() -> String {
    let mut text = String::from(
        "# The rules of `ecs-nanny check`\n\n\
         Made from the rules themselves (`ecs-nanny check --list --format markdown`); a test keeps it so. \
         `ecs-nanny check --explain RULE` tells one of them on a terminal.\n\n\
         A failed *required* rule of an active profile makes a host unfit. What can't be told is *skipped*, never passed. \
         A rule is told on an image that has not booted (`--root`), on a booted host, or on both.\n",
    );
    let mut area = "";
    for rule in rules() {
        let this = rule.id.split('.').next().unwrap_or_default();
        if this != area {
            area = this;
            let _ = write!(text, "\n## {area}\n");
        }
        describe(&mut text, rule);
    }
    text.push_str("\n## Demands that no rule judges\n\n| demand | what it asks | why there is no rule |\n|---|---|---|\n");
    for it in NOT_RULES {
        let _ = writeln!(text, "| {} | {} | {} |", it.id, it.demand, it.why);
    }
    text.push_str("\n## Names elsewhere\n\n| demand | rule |\n|---|---|\n");
    for (demand, rule) in RENAMED {
        let _ = writeln!(text, "| {demand} | `{rule}` |");
    }
    text
}

fn describe(text: &mut String, rule: &Rule) {
    let weights: Vec<String> = rule
        .weights
        .iter()
        .map(|(profile, severity)| format!("{profile} {severity}"))
        .collect();
    let _ = write!(
        text,
        "\n### {}\n\n{}.\n\n- wanted: {}\n- mend: {}\n- profiles: {}\n- told: {}, from {}\n- source: {}\n",
        rule.id,
        capitalised(rule.title),
        rule.required,
        rule.remedy,
        weights.join(", "),
        rule.told.words(),
        rule.layer().words(),
        rule.source
    );
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
