//! Files and directories that the agent needs on the host.

use super::environment::{EBS_MOUNTS, LOGGING_DRIVERS, RESERVED_PORTS, with_own_port};
use super::inputs::{Inputs, layers};
use super::notice::notice;
use super::{Change, PlannedDirectory, PlannedFile};
use crate::agent_config::{self, Layer, VENDOR_PATH, with_awslogs};
use crate::facts::{ConfigFile, Content, Fact, PathKind};
use crate::finding::Finding;

/// Secrets of a registry may stand in the file.
const VENDOR_MODE: u32 = 0o600;

/// The vendor layer. Nothing is planned for a file that could not be read, so that nothing in it is lost.
pub(super) fn files(inputs: &Inputs<'_>) -> Vec<PlannedFile> {
    match inputs.facts.host.agent_config.get(VENDOR_PATH) {
        Some(Fact::Known(file)) => vec![vendor_layer(inputs, file.as_ref())],
        _ => Vec::new(),
    }
}

fn vendor_layer(inputs: &Inputs<'_>, file: Option<&ConfigFile>) -> PlannedFile {
    let existing = file.map(|file| file.content.bytes());
    let wanted = wanted(inputs);
    let wanted: Vec<(&str, &str)> = wanted
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let content = agent_config::render_vendor(existing.as_deref(), &wanted);
    let same_mode = file.is_some_and(|file| file.mode == VENDOR_MODE);
    PlannedFile {
        path: VENDOR_PATH.to_owned(),
        mode: format!("{VENDOR_MODE:04o}"),
        change: match existing {
            None => Change::Create,
            Some(existing) if same_mode && existing == content => Change::None,
            Some(_) => Change::Update,
        },
        content: Content::from_bytes(&content),
    }
}

/// What we say in the vendor layer: little, since the container gets everything else from the plan. Under Amazon's unit
/// the file is all that the agent gets of us.
fn wanted(inputs: &Inputs<'_>) -> Vec<(&'static str, String)> {
    let vendor = layers(inputs.facts, &[Layer::Vendor]).agent;
    let value = |name| vendor.get(name).map(|variable| variable.value.as_str());
    let drivers = with_awslogs(value(LOGGING_DRIVERS)).value;
    let mut wanted = vec![(LOGGING_DRIVERS, drivers)];
    if inputs.amazon_unit()
        && let Some(ports) = with_own_port(inputs, value(RESERVED_PORTS))
    {
        wanted.push((RESERVED_PORTS, ports));
    }
    wanted
}

/// The directory that EBS volumes of tasks are mounted below.
pub(super) fn directories(
    inputs: &Inputs<'_>,
    findings: &mut Vec<Finding>,
) -> Vec<PlannedDirectory> {
    let change = match inputs.kind(EBS_MOUNTS) {
        PathKind::Absent => Change::Create,
        PathKind::Directory => Change::None,
        _ => {
            findings.push(notice(
                "agent.ebs",
                "EBS volumes can be attached to tasks",
                "/mnt/ecs/ebs is not a directory; the agent is told ECS_EBSTA_SUPPORTED=false",
                "a directory",
                "remove what stands there, or mend its disk",
            ));
            return Vec::new();
        }
    };
    vec![PlannedDirectory {
        path: EBS_MOUNTS.to_owned(),
        mode: "0755".to_owned(),
        change,
    }]
}
