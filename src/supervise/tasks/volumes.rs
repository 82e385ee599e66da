//! Looks at the volume plugin and its volumes.

use std::path::Path;

use crate::facts::{self, VolumePlugin};
use crate::host::files::{Kind as FileKind, Root};
use crate::host::mounts;
use crate::snapshot::{VolumeView, VolumesView};
use crate::supervise::news::News;
use crate::volumes::{self, DIRECTORY, SOCKET, STATE_FILE, State};

use super::{Crew, Kind};

impl Crew {
    /// Asks the plugin again, and reads what is mounted.
    pub fn look_at_volumes(&mut self) {
        let root = self.root.clone();
        self.spawn(Kind::Volumes, async move {
            let plugin = asked(facts::volume_plugin(&root)).await;
            let volumes = if root.kind(STATE_FILE) == FileKind::Absent {
                Vec::new()
            } else {
                // A slow disk must not hold up the loop.
                let reading = tokio::task::spawn_blocking(move || table(&root));
                reading.await.unwrap_or_default()
            };
            News::Volumes { plugin, volumes }
        });
    }
}

/// The plugin, asked whether it answers where somebody listens. Where systemd listens for it, it is started by that.
pub async fn asked(plugin: VolumePlugin) -> VolumePlugin {
    if !plugin.is_usable() {
        return plugin;
    }
    match volumes::ask(Path::new(SOCKET)).await {
        Ok(()) => VolumePlugin::Answers,
        Err(why) => VolumePlugin::Silent(why),
    }
}

/// The volumes, of whichever plugin: both keep them in one file.
fn table(root: &Root) -> Vec<VolumeView> {
    let Ok(Some(file)) = root.read_if_present(STATE_FILE) else {
        return Vec::new();
    };
    let mounts = mounts::table().unwrap_or_default();
    let volumes = State::parse(&file.bytes).state.volumes;
    volumes
        .into_iter()
        .map(|(name, volume)| VolumeView {
            name,
            mounted: mounts.iter().any(|mount| mount.target == volume.path),
            references: volume.references(),
            fs_type: match volume.fs_type.as_str() {
                "" => volumes::TYPES[0].to_owned(),
                other => other.to_owned(),
            },
            device: volume.options.get("device").cloned(),
            path: volume.path,
        })
        .collect()
}

/// What is shown of them.
pub fn view(plugin: &VolumePlugin, volumes: Vec<VolumeView>) -> VolumesView {
    VolumesView {
        plugin: plugin.word().to_owned(),
        why: match plugin {
            VolumePlugin::Silent(why) => Some(why.clone()),
            _ => None,
        },
        directory: DIRECTORY.to_owned(),
        volumes,
    }
}
