//! News of the volume plugin.

use crate::facts::VolumePlugin;
use crate::snapshot::VolumeView;
use crate::supervise::tasks::volumes_view;
use crate::telemetry::message;

use super::Supervisor;

impl Supervisor {
    pub(super) fn volumes(&mut self, plugin: VolumePlugin, volumes: Vec<VolumeView>) {
        self.board.volumes = volumes_view(&plugin, volumes);
        let known = &mut self.board.facts.host.volume_plugin;
        if *known == plugin {
            return;
        }
        match &plugin {
            VolumePlugin::Answers => tracing::info!(
                MESSAGE_ID = message::VOLUME_PLUGIN,
                "the volume plugin answers; tasks may have EFS volumes"
            ),
            other => {
                let why = match other {
                    VolumePlugin::Silent(why) => why,
                    _ => "nobody listens",
                };
                tracing::warn!(
                    MESSAGE_ID = message::VOLUME_PLUGIN,
                    "the volume plugin does not answer, so tasks with EFS volumes are not asked for: {why}"
                );
            }
        }
        // What the agent claims follows.
        *known = plugin;
        self.recomputed();
    }
}
