//! What was put on the network, written down before it is put there, so that exactly this can be removed.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::host::files;
use crate::plan::{Family, PlannedRoute, PlannedRule};

/// The number that grows when the record changes so that older programs cannot read it.
pub const SCHEMA: u32 = 1;

/// The record as it stands in `/run/ecs-nanny/applied.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this document, [`SCHEMA`].
    pub schema: u32,
    /// Packet filter rules of which one copy is ours.
    #[serde(default)]
    pub rules: Vec<RecordedRule>,
    /// Kernel parameters that had another value.
    #[serde(default)]
    pub sysctls: Vec<RecordedSysctl>,
    /// Routes that were not there.
    #[serde(default)]
    pub routes: Vec<PlannedRoute>,
}

/// A rule of which one copy is ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedRule {
    /// The rule.
    #[serde(flatten)]
    pub rule: PlannedRule,
    /// Copies that are there without us; they stay.
    pub before: usize,
}

/// A kernel parameter that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedSysctl {
    /// Its key as planned.
    pub key: String,
    /// What was asked for.
    pub asked: String,
    /// What the kernel made of it, once it was set.
    pub holds: Option<String>,
    /// The value before.
    pub previous: String,
}

/// The record cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", .path.display())]
pub struct RecordError {
    path: PathBuf,
    reason: String,
}

impl Default for Record {
    fn default() -> Self {
        Record {
            schema: SCHEMA,
            rules: Vec::new(),
            sysctls: Vec::new(),
            routes: Vec::new(),
        }
    }
}

impl Record {
    /// Reads the record; an absent one is empty.
    ///
    /// # Errors
    /// [`RecordError`] where it cannot be read, is not JSON, or is of a newer program.
    pub fn load(path: &Path) -> Result<Self, RecordError> {
        let failed = |reason: String| RecordError {
            path: path.to_owned(),
            reason,
        };
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Record::default()),
            Err(error) => return Err(failed(error.to_string())),
        };
        let record: Record =
            serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))?;
        if record.schema > SCHEMA {
            let schema = record.schema;
            return Err(failed(format!(
                "it has schema {schema}; this program reads up to {SCHEMA}"
            )));
        }
        Ok(record)
    }

    /// Replaces the record on the blocking pool; an empty one is removed.
    ///
    /// # Errors
    /// [`RecordError`] where it cannot be written; the old one is then still in place.
    pub async fn store(&self, path: &Path) -> Result<(), RecordError> {
        let target = path.to_owned();
        let text = serde_json::to_string_pretty(self);
        let empty = *self == Record::default();
        let written = tokio::task::spawn_blocking(move || {
            if !empty {
                return files::replace(&target, 0o644, text?.as_bytes()).map(drop);
            }
            match std::fs::remove_file(&target) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                other => other,
            }
        })
        .await;
        let result = written.unwrap_or_else(|error| Err(io::Error::other(error)));
        result.map_err(|error| RecordError {
            path: path.to_owned(),
            reason: error.to_string(),
        })
    }

    /// Takes the rules of one family out.
    pub(super) fn take_rules(&mut self, family: Family) -> Vec<RecordedRule> {
        self.rules
            .extract_if(.., |recorded| recorded.rule.family == family)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_empty_record_leaves_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run/applied.json");
        let record = Record {
            sysctls: vec![RecordedSysctl {
                key: "net.ipv4.conf.all.route_localnet".to_owned(),
                asked: "1".to_owned(),
                holds: None,
                previous: "0".to_owned(),
            }],
            ..Record::default()
        };
        record.store(&path).await.unwrap();
        assert_eq!(Record::load(&path).unwrap(), record);
        Record::default().store(&path).await.unwrap();
        assert!(!path.exists());
        Record::default().store(&path).await.unwrap();
        assert_eq!(Record::load(&path).unwrap(), Record::default());
    }

    #[test]
    fn a_record_of_a_newer_program_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("applied.json");
        std::fs::write(&path, r#"{"schema": 2}"#).unwrap();
        let told = Record::load(&path).unwrap_err().to_string();
        assert!(told.ends_with("it has schema 2; this program reads up to 1"));
    }
}
