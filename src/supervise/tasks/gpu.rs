//! The GPU driver's devices awaited, and the agent's list of GPUs made by a step outside the sandbox.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::apply::gpu::remove_inventory;
use crate::facts;
use crate::finding::{Confidence, Finding, Outcome, Severity};
use crate::host::files::{Kind as PathKind, Root};
use crate::host::program;
use crate::host::systemd;
use crate::host::watch::Watch;
use crate::plan::GpuPlan;
use crate::settings::{Gpu, WithoutDriver};
use crate::supervise::news::{Gpus, News};

use super::units::run_step;
use super::{Crew, Kind};

const STEP: &str = "ecs-nanny-step@gpu.service";

/// As the step's unit has it (`TimeoutStartSec=60`): the driver may hang.
const DEADLINE: Duration = Duration::from_secs(60);

/// Longer than that, by which systemd ends it.
const STEP_ENDED: Duration = Duration::from_secs(70);

impl Crew {
    pub(super) fn await_gpus(&mut self) {
        let plan = self.plan.as_ref();
        let Some(wanted) = plan.and_then(|plan| plan.preparation.gpu.clone()) else {
            let _ = self.news.send(News::Gpus(Box::new(Gpus::Ready(None))));
            return;
        };
        let (root, news, settings) = (self.root.clone(), self.news.clone(), self.settings.clone());
        self.spawn(Kind::Gpus, async move {
            News::Gpus(Box::new(gpus(&root, &wanted, &settings.gpu, &news).await))
        });
    }
}

async fn gpus(root: &Root, wanted: &GpuPlan, settings: &Gpu, news: &UnboundedSender<News>) -> Gpus {
    let ready = match devices(root, wanted, settings.wait, news).await {
        Ok(()) => inventory(root).await,
        Err(why) => {
            // Of another boot or instance.
            if let Err(error) = remove_inventory(root) {
                tracing::warn!("{}: {error}", wanted.inventory);
            }
            Err(why)
        }
    };
    // The plan follows what stands in /dev by now.
    let reading = {
        let root = root.clone();
        tokio::task::spawn_blocking(move || facts::host(&root)).await
    };
    let host = reading.ok().map(Box::new);
    match ready {
        Ok(()) => Gpus::Ready(host),
        Err(why) => {
            let finding = finding(wanted, &why);
            match settings.without_driver {
                WithoutDriver::Block => Gpus::Missing(host, why, finding),
                WithoutDriver::Start => Gpus::GoneWithout(host, finding),
            }
        }
    }
}

/// Waits for the driver's device files, which are watched.
async fn devices(
    root: &Root,
    wanted: &GpuPlan,
    within: Option<Duration>,
    news: &UnboundedSender<News>,
) -> Result<(), String> {
    let missing = || -> Vec<&str> {
        let mut missing: Vec<&str> = wanted.devices.iter().map(String::as_str).collect();
        missing.retain(|path| root.kind(path) == PathKind::Absent);
        missing
    };
    let paths: Vec<PathBuf> = wanted.devices.iter().map(|path| root.path(path)).collect();
    // Watched before the first look, so that none comes unseen between the two.
    let watch = Watch::new(&paths, &[]);
    if missing().is_empty() {
        return Ok(());
    }
    let words = || {
        let of = match wanted.count {
            1 => "1 GPU".to_owned(),
            count => format!("{count} GPUs"),
        };
        format!(
            "NVIDIA's driver has not made {} for {of}",
            missing().join(" and ")
        )
    };
    let Some(within) = within else {
        return Err(words());
    };
    let _ = news.send(News::GpusAwaited(format!(
        "{}; awaited for {}",
        words(),
        humantime::format_duration(within)
    )));
    let waiting = async {
        let mut watch = watch.map_err(|error| error.to_string())?;
        while !missing().is_empty() {
            watch.changed().await;
        }
        Ok(())
    };
    match tokio::time::timeout(within, waiting).await {
        Ok(ended) => ended,
        Err(_) => Err(format!(
            "{} within {}",
            words(),
            humantime::format_duration(within)
        )),
    }
}

async fn inventory(root: &Root) -> Result<(), String> {
    let made = if systemd::is_here(root) {
        run_step(STEP, STEP_ENDED)
            .await
            .map_err(|error| error.to_string())
    } else {
        by_hand().await
    };
    if made.is_err()
        && let Err(error) = remove_inventory(root)
    {
        tracing::warn!("{error}");
    }
    made.map_err(|why| format!("the agent's list of GPUs was not made: {why}"))
}

/// Without systemd the step is a process of its own all the same: the library stays out of the daemon.
async fn by_hand() -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = program.display().to_string();
    let stepping = program::run(&program, &["step", "gpu"], "", DEADLINE);
    stepping.await.map(drop).map_err(|error| error.to_string())
}

fn finding(wanted: &GpuPlan, why: &str) -> Finding {
    Finding {
        rule: "gpu.ready".into(),
        title: "the agent can offer this host's GPUs".into(),
        severity: Severity::Required,
        outcome: Outcome::Failed,
        confidence: Confidence::Certain,
        observed: why.to_owned(),
        required: format!("{} and {}", wanted.devices.join(", "), wanted.inventory).into(),
        remedy: "install the driver and have it loaded at boot (nvidia-persistenced); gpu.without_driver = \"start\" \
                 starts the agent without GPUs"
            .into(),
        source: "docs/prepare.md".into(),
        place: None,
    }
}
