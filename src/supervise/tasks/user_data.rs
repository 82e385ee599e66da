//! The end of cloud-init: watched, since nothing may be ordered after it.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::host::files::{Kind as PathKind, Root};
use crate::host::systemd::Systemd;
use crate::host::watch::Watch;
use crate::supervise::news::{News, UserData};

use super::{Crew, Kind};

/// cloud-init's directory of this boot; its generator makes it before any service starts.
const DIRECTORY: &str = "/run/cloud-init";
const DISABLED: &str = "/run/cloud-init/disabled";
/// Written when the last stage ends.
const RESULT: &str = "/run/cloud-init/result.json";
/// The last stage, in which user data runs.
const LAST_STAGE: &str = "cloud-final.service";
/// How often the last stage's unit is looked at.
const LOOK: Duration = Duration::from_secs(5);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ResultFile {
    v1: ResultV1,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ResultV1 {
    datasource: Option<String>,
    errors: Vec<String>,
}

impl Crew {
    pub(super) fn await_user_data(&mut self) {
        let root = self.root.clone();
        let budget = self.settings.user_data.budget;
        let has_user_data = self.instance.as_ref().and_then(|found| found.has_user_data);
        self.spawn(Kind::UserData, async move {
            let waiting = ended(&root, has_user_data);
            News::UserData(match tokio::time::timeout(budget, waiting).await {
                Ok(user_data) => user_data,
                Err(_) => UserData::Failed(format!(
                    "cloud-init has not ended within {}; to see why: cloud-init status --long",
                    humantime::format_duration(budget)
                )),
            })
        });
    }
}

async fn ended(root: &Root, has_user_data: Option<bool>) -> UserData {
    loop {
        if root.kind(DIRECTORY) != PathKind::Directory {
            return UserData::Ended("there is no cloud-init on this host".to_owned());
        }
        if root.kind(DISABLED) != PathKind::Absent {
            return UserData::Ended("cloud-init is switched off on this host".to_owned());
        }
        if let Ok(Some(file)) = root.read_if_present(RESULT) {
            return judge(&file.bytes, has_user_data);
        }
        if last_stage_failed().await {
            return UserData::Ended(format!(
                "{LAST_STAGE} failed; going on with what the user data did"
            ));
        }
        changed().await;
    }
}

/// Waits for a change in cloud-init's directory, or a while.
async fn changed() {
    let waiting = async {
        match Watch::new(&[PathBuf::from(RESULT), PathBuf::from(DISABLED)], &[]) {
            Ok(mut watch) => watch.changed().await,
            Err(_) => std::future::pending().await,
        }
    };
    let _ = tokio::time::timeout(LOOK, waiting).await;
}

async fn last_stage_failed() -> bool {
    let Ok(systemd) = Systemd::connect().await else {
        return false;
    };
    systemd
        .unit(LAST_STAGE)
        .await
        .is_ok_and(|unit| unit.active_state == "failed")
}

/// What cloud-init's result says. Without a data source it had no user data to run.
fn judge(result: &[u8], has_user_data: Option<bool>) -> UserData {
    let Ok(ResultFile { v1 }) = serde_json::from_slice(result) else {
        return UserData::Ended(format!("cloud-init has ended; {RESULT} can't be read"));
    };
    let source = v1.datasource.unwrap_or_default();
    if source.starts_with("DataSourceNone") && has_user_data != Some(false) {
        return UserData::Failed(
            "cloud-init found no data source and did not run the user data (DataSourceNone); reboot, or replace the instance"
                .to_owned(),
        );
    }
    if v1.errors.is_empty() {
        return UserData::Ended(format!("cloud-init has ended ({source})"));
    }
    UserData::Ended(format!(
        "cloud-init has ended ({source}) with {} errors, the first: {}",
        v1.errors.len(),
        v1.errors.first().map(String::as_str).unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_data_source_is_a_failure_where_there_may_be_user_data() {
        let none = br#"{"v1": {"datasource": "DataSourceNone", "errors": []}}"#;
        assert!(matches!(judge(none, Some(true)), UserData::Failed(_)));
        assert!(matches!(judge(none, None), UserData::Failed(_)));
        assert!(matches!(judge(none, Some(false)), UserData::Ended(_)));
    }

    #[test]
    fn errors_of_modules_are_told_and_do_not_stop_the_agent() {
        let errors =
            br#"{"v1": {"datasource": "DataSourceEc2Local", "errors": ["('scripts_user', 1)"]}}"#;
        let UserData::Ended(words) = judge(errors, Some(true)) else {
            panic!("a failure");
        };
        assert!(words.contains("DataSourceEc2Local") && words.contains("scripts_user"));
        assert!(matches!(judge(b"???", Some(true)), UserData::Ended(_)));
    }

    #[tokio::test]
    async fn hosts_without_cloud_init_do_not_wait() {
        let tree = tempfile::tempdir().unwrap();
        let root = Root::at(tree.path());
        assert!(matches!(ended(&root, None).await, UserData::Ended(_)));
        std::fs::create_dir_all(tree.path().join("run/cloud-init")).unwrap();
        std::fs::write(tree.path().join("run/cloud-init/disabled"), "").unwrap();
        assert!(matches!(ended(&root, Some(true)).await, UserData::Ended(_)));
    }
}
