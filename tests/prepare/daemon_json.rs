//! `[engine.config]` merged into daemon.json: what is merged a real daemon takes, what is refused it refuses.

use std::collections::BTreeMap;
use std::fs;

use ecs_nanny::host::docker_config::{Verdict, validate};
use ecs_nanny::plan::{self, Change};
use ecs_nanny::settings::{DockerConfig, Document, Loaded, merge, overlaid};
use serde::Deserialize;
use serde_json::Value;

use super::fixture::Fixture;

const DAEMON_JSON: &str = "etc/docker/daemon.json";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    file: Option<String>,
    #[serde(default = "usual_unit")]
    unit: String,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default = "usual_flags")]
    flags: Vec<String>,
    settings: toml::Table,
    merged: Option<String>,
    refused: Option<String>,
}

fn usual_unit() -> String {
    "-H fd://".to_owned()
}

fn usual_flags() -> Vec<String> {
    ["-H", "fd://"].map(str::to_owned).to_vec()
}

#[derive(Deserialize)]
struct Cases {
    case: Vec<Case>,
}

fn cases() -> Vec<Case> {
    let text = fs::read_to_string("tests/fixtures/daemon_json/cases.toml").unwrap();
    toml::from_str::<Cases>(&text).unwrap().case
}

impl Case {
    fn loaded(&self) -> Loaded {
        let mut engine = toml::Table::new();
        engine.insert("config".to_owned(), self.settings.clone().into());
        let mut top = toml::Table::new();
        top.insert("engine".to_owned(), engine.into());
        let document = Document {
            path: "/etc/ecs-nanny/config.d/50-case.toml".to_owned(),
            text: top.to_string(),
        };
        merge(&[document]).unwrap()
    }

    /// The plan for a host whose file is this.
    fn plan(&self, file: Option<&str>) -> plan::Plan {
        let mut files: BTreeMap<String, String> = self
            .environment
            .iter()
            .map(|(path, text)| (path.trim_start_matches('/').to_owned(), text.clone()))
            .collect();
        let lines: Vec<String> = [
            "/etc/default/docker",
            "/etc/sysconfig/docker",
            "/etc/sysconfig/docker-storage",
            "/run/docker/runtimes.env",
        ]
        .iter()
        .map(|path| format!("EnvironmentFile=-{path}\n"))
        .collect();
        let unit = format!(
            "[Service]\n{}ExecStart=/usr/sbin/dockerd \\\n  {}\n[Install]\n",
            lines.concat(),
            self.unit
        );
        files.insert("usr/lib/systemd/system/docker.service".to_owned(), unit);
        files.extend(file.map(|text| (DAEMON_JSON.to_owned(), text.to_owned())));
        let fixture = Fixture {
            base: Some("al2023".to_owned()),
            files,
            ..Fixture::default()
        };
        let (_, _tree, facts) = fixture.read("plan");
        plan::build(&self.loaded().settings, &facts)
    }

    /// What the daemon says of a content with the flags of the case.
    async fn asked(&self, content: &str) -> Verdict {
        let directory = tempfile::tempdir().unwrap();
        // The user nobody has to come to it.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(directory.path(), open).unwrap();
        let file = directory.path().join("daemon.json");
        fs::write(&file, content).unwrap();
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        validate("dockerd", &flags, file.to_str().unwrap()).await
    }
}

#[tokio::test]
async fn a_real_daemon_takes_what_is_merged_and_refuses_what_is_refused() {
    let cases = cases();
    assert!(cases.len() >= 30, "{}", cases.len());
    for case in cases {
        let about = &case.about;
        let plan = case.plan(case.file.as_deref());
        match (&case.merged, &case.refused) {
            (Some(merged), None) => {
                assert_eq!(plan.preparation.findings, [], "{about}");
                let file = plan.preparation.daemon_json.unwrap();
                let wanted: Value = serde_json::from_str(merged).unwrap();
                let planned: Value = serde_json::from_str(&file.content).unwrap();
                assert_eq!(planned, wanted, "{about}");
                assert_eq!(file.command[1..], case.flags, "{about}");
                assert_eq!(
                    case.asked(&file.content).await,
                    Verdict::Accepted,
                    "{about}"
                );
                let again = case
                    .plan(Some(&file.content))
                    .preparation
                    .daemon_json
                    .unwrap();
                assert_eq!(again.change, Change::None, "{about}");
            }
            (None, Some(words)) => {
                assert_eq!(plan.preparation.daemon_json, None, "{about}");
                let told: Vec<String> = plan
                    .preparation
                    .findings
                    .iter()
                    .map(|it| it.sentence())
                    .collect();
                assert!(
                    told.iter().any(|line| line.contains(words)),
                    "{about}: {told:?}"
                );
                let verdict = case.asked(&case.merged_all_the_same()).await;
                assert!(
                    matches!(verdict, Verdict::Refused(_)),
                    "{about}: {verdict:?}"
                );
            }
            _ => panic!("{about}: merged or refused"),
        }
    }
}

impl Case {
    /// What would be in the file if nobody had objected.
    fn merged_all_the_same(&self) -> String {
        let text = self.file.as_deref().unwrap_or("{}");
        match serde_json::from_str::<DockerConfig>(text) {
            Ok(file) => {
                let config = self.loaded().settings.engine.config;
                Value::Object(overlaid(file, &config)).to_string()
            }
            Err(_) => text.to_owned(),
        }
    }
}
