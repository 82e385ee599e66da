//! The steps of volumes, each only when the one before succeeded.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::time::Duration;

use super::Prepared;
use crate::apply::report::problem;
use crate::finding::{Finding, Severity};
use crate::host::{program, volumes};
use crate::plan::{VolumePlan, VolumeStep};

/// How long one step may take. Making a file system of some terabytes takes seconds, growing one may take minutes.
const DEADLINE: Duration = Duration::from_secs(300);

/// As Docker makes its own data root.
const MODE: u32 = 0o711;

/// Carries out the steps of one volume.
pub(super) async fn prepare(volume: &VolumePlan, prepared: &mut Prepared) {
    if volume.steps.is_empty() {
        return;
    }
    for directory in &volume.directories {
        if let Err(error) = DirBuilder::new()
            .recursive(true)
            .mode(MODE)
            .create(directory)
        {
            prepared
                .findings
                .push(failed(volume, &format!("{directory}: {error}")));
            return;
        }
    }
    for step in &volume.steps {
        match carry_out(step).await {
            Ok(()) => prepared.done(step.command.join(" ")),
            Err(why) => {
                prepared.findings.push(failed(volume, &why));
                return;
            }
        }
    }
}

async fn carry_out(step: &VolumeStep) -> Result<(), String> {
    for device in &step.only_if_empty {
        match volumes::probe(device).await {
            Ok(None) => {}
            Ok(Some(found)) => return Err(format!("{device} carries {} by now", found.kind)),
            Err(error) => return Err(error.to_string()),
        }
    }
    let Some((program, args)) = step.command.split_first() else {
        return Ok(());
    };
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let ran = program::run(program, &args, "", DEADLINE).await;
    ran.map(drop).map_err(|error| error.to_string())
}

fn failed(volume: &VolumePlan, why: &str) -> Finding {
    problem(
        "storage.prepared",
        "the volumes of the settings are prepared",
        Severity::Recommended,
        format!(
            "{} is not at {}: {why}",
            volume.devices.join(" "),
            volume.mount_point
        ),
        "each step of `ecs-nanny plan` done",
        "look at the kernel's log, and run ecs-nanny prepare; the host goes on with its root volume",
    )
}

/// Docker keeps its data where a volume would be mounted, and it runs.
pub(super) fn in_use(volume: &VolumePlan) -> Finding {
    problem(
        "storage.prepared",
        "the volumes of the settings are prepared",
        Severity::Recommended,
        format!(
            "nothing is mounted at {} while the Docker daemon runs",
            volume.mount_point
        ),
        "a Docker daemon that starts after its volumes are prepared",
        "reboot, or stop the Docker daemon, run ecs-nanny prepare, and start it",
    )
}
