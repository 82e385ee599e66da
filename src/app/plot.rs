//! `ecs-nanny plot`: the time line of this boot, or of the last one that was kept.

use crate::cli::args::{PlotArgs, PlotFormat};
use crate::cli::plot as view;
use crate::exit::Exit;
use crate::health::{self, STATE_FILE, TIMELINE_FILE};
use crate::host::files::Root;
use crate::snapshot::Snapshot;

use super::{colour, print, print_json, width};

pub(super) fn plot(args: &PlotArgs) -> anyhow::Result<Exit> {
    let snapshot = health::read().ok();
    let of_this_boot = snapshot.as_ref().map(|snapshot| snapshot.boot.clone());
    let Some(boot) = of_this_boot
        .filter(|boot| !boot.spans.is_empty())
        .or_else(health::kept_timeline)
    else {
        anyhow::bail!(
            "there is no time line, neither in {STATE_FILE} nor in {TIMELINE_FILE}: ecs-nanny has not run here"
        );
    };
    match args.format {
        PlotFormat::Text => print(&view::text(&boot, width(), colour())),
        PlotFormat::Svg => print(&view::svg(&boot, &name(snapshot.as_ref()))),
        PlotFormat::Json => print_json(&serde_json::to_value(&boot)?)?,
    }
    Ok(Exit::Done)
}

/// The host in the picture's title.
fn name(snapshot: Option<&Snapshot>) -> String {
    let instance = snapshot.and_then(|snapshot| snapshot.instance.as_ref());
    match instance {
        Some(instance) => format!("{}, {}", instance.instance_id, instance.instance_type),
        None => Root::host()
            .line("/proc/sys/kernel/hostname")
            .unwrap_or_else(|| "this host".to_owned()),
    }
}
