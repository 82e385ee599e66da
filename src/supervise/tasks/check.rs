//! Reads the host and the settings again.

use crate::agent_config::{self, Layer, Source};
use crate::apply::preparation::Prepared;
use crate::facts::{self, Fact, HostFacts};
use crate::finding::Finding;
use crate::supervise::hold::Hold;
use crate::supervise::news::News;

use super::volumes::asked;
use super::{Crew, Kind};

impl Crew {
    pub(super) fn check(&mut self) {
        let root = self.root.clone();
        let settings = self.settings_source.clone();
        let just_read = self.just_read.take();
        self.spawn(Kind::Check, async move {
            // A slow disk must not hold up the loop.
            let reading = tokio::task::spawn_blocking(move || {
                let host = just_read.unwrap_or_else(|| facts::host(&root));
                let mut lint = lint(&host);
                lint.extend(Prepared::read(&root).findings);
                let hold = Hold::read(&root);
                (host, settings().map(Box::new), lint, hold)
            });
            match reading.await {
                Ok((mut host, settings, lint, hold)) => {
                    host.volume_plugin = asked(host.volume_plugin).await;
                    News::HostRead {
                        host: Box::new(host),
                        settings,
                        lint,
                        hold,
                    }
                }
                Err(error) => {
                    // Only a panic ends a blocking task early.
                    tracing::error!("reading the host failed: {error}");
                    News::HostRead {
                        host: Box::default(),
                        settings: Err(crate::settings::SettingsError {
                            problems: Vec::new(),
                        }),
                        lint: Vec::new(),
                        hold: None,
                    }
                }
            }
        });
    }
}

/// What the lint says of the agent's files as they were read.
pub fn lint(host: &HostFacts) -> Vec<Finding> {
    let layers = [
        (Layer::Vendor, agent_config::VENDOR_PATH),
        (Layer::User, agent_config::USER_PATH),
    ];
    let files: Vec<_> = layers
        .iter()
        .filter_map(|(layer, path)| match host.agent_config.get(*path) {
            Some(Fact::Known(Some(file))) => Some((*layer, *path, file.content.bytes(), file.mode)),
            _ => None,
        })
        .collect();
    let sources: Vec<Source<'_>> = files
        .iter()
        .map(|(layer, path, bytes, mode)| Source {
            layer: *layer,
            path,
            bytes,
            mode: Some(*mode),
        })
        .collect();
    agent_config::lint(&sources)
}
