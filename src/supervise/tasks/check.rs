//! Reads the host and the settings again.

use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use crate::agent_config::{self, Layer, Source};
use crate::apply::preparation::Prepared;
use crate::facts::{self, Fact, HostFacts};
use crate::finding::Finding;
use crate::host::files::Root;
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
                let changed = agent_files_changed(&root);
                (host, settings().map(Box::new), lint, hold, changed)
            });
            match reading.await {
                Ok((mut host, settings, lint, hold, agent_files_changed)) => {
                    host.volume_plugin = asked(host.volume_plugin).await;
                    News::HostRead {
                        host: Box::new(host),
                        settings,
                        lint,
                        hold,
                        agent_files_changed,
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
                        agent_files_changed: None,
                    }
                }
            }
        });
    }
}

/// When one of the agent's own files was changed last, a move into its place included. One that is removed leaves no trace.
fn agent_files_changed(root: &Root) -> Option<SystemTime> {
    let changed = |file: &str| {
        let file = std::fs::metadata(root.path(file)).ok()?;
        let since_1970 = Duration::new(
            file.ctime().try_into().ok()?,
            file.ctime_nsec().try_into().ok()?,
        );
        Some(SystemTime::UNIX_EPOCH + since_1970)
    };
    let files = [
        agent_config::VENDOR_PATH,
        agent_config::USER_PATH,
        agent_config::JSON_PATH,
    ];
    files.into_iter().filter_map(changed).max()
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_was_moved_into_place_has_changed() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        assert_eq!(agent_files_changed(&root), None);
        let file = root.path(agent_config::USER_PATH);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let old = fs::File::create(file.with_extension("old")).unwrap();
        old.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        fs::rename(file.with_extension("old"), &file).unwrap();
        let age = agent_files_changed(&root).unwrap().elapsed().unwrap();
        assert!(age < Duration::from_secs(60), "{age:?}");
    }
}
