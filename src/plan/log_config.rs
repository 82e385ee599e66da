//! How the agent's own container logs.

use std::collections::BTreeMap;

use bollard_stubs::models::HostConfigLogConfig;

use super::notice::{notice, place};
use super::switches::Switches;
use crate::finding::Finding;

const DEFAULT_DRIVER: &str = "json-file";

/// The drivers that ecs-init takes in `ECS_LOG_DRIVER`.
const DRIVERS: &[&str] = &[
    "awslogs",
    "fluentd",
    "gelf",
    DEFAULT_DRIVER,
    "journald",
    "logentries",
    "syslog",
    "splunk",
];

/// The log configuration from `ECS_LOG_DRIVER`, `ECS_LOG_OPTS` and the two `ECS_INIT_DOCKER_LOG_FILE_*` variables.
pub(super) fn log_config(
    switches: &Switches<'_>,
    findings: &mut Vec<Finding>,
) -> HostConfigLogConfig {
    let driver = driver(switches, findings);
    let options = match &driver {
        Ok(_) => options(switches, findings),
        // Options were written for the driver that was refused.
        Err(_) => None,
    };
    let driver = driver.unwrap_or_else(|fallback| fallback);
    let options = match options {
        Some(options) => options,
        None if driver == DEFAULT_DRIVER => sizes(switches),
        None => BTreeMap::new(),
    };
    HostConfigLogConfig {
        typ: Some(driver.to_owned()),
        config: Some(options.into_iter().collect()),
    }
}

/// The driver, or as an error the one that stands in for a refused one.
fn driver<'a>(
    switches: &Switches<'a>,
    findings: &mut Vec<Finding>,
) -> Result<&'a str, &'static str> {
    let Some(named) = switches.get("ECS_LOG_DRIVER") else {
        return Ok(DEFAULT_DRIVER);
    };
    if DRIVERS.contains(&named.value.as_str()) {
        return Ok(&named.value);
    }
    findings.push(Finding {
        place: place(named),
        ..notice(
            "agent.log_driver",
            "the agent's container has a log driver that ecs-init knows",
            format!("ECS_LOG_DRIVER={}; json-file is taken", named.value),
            "awslogs, fluentd, gelf, json-file, journald, logentries, syslog or splunk",
            "correct the name, or remove the line",
        )
    });
    Err(DEFAULT_DRIVER)
}

/// `ECS_LOG_OPTS`: the first JSON value counts, whatever follows it; `{}` takes the size limits away.
fn options(
    switches: &Switches<'_>,
    findings: &mut Vec<Finding>,
) -> Option<BTreeMap<String, String>> {
    let given = switches.get("ECS_LOG_OPTS")?;
    let mut values =
        serde_json::Deserializer::from_str(&given.value).into_iter::<Option<BTreeMap<_, _>>>();
    match values.next()? {
        Ok(options) => options,
        Err(error) => {
            findings.push(Finding {
                place: place(given),
                ..notice(
                    "agent.log_options",
                    "the log driver's options can be read",
                    format!(
                        "ECS_LOG_OPTS is not a JSON object of strings (column {}); the defaults are taken",
                        error.column()
                    ),
                    "a JSON object whose values are strings",
                    r#"for example ECS_LOG_OPTS={"max-size":"16m"}"#,
                )
            });
            None
        }
    }
}

fn sizes(switches: &Switches<'_>) -> BTreeMap<String, String> {
    let value = |name, default: &str| {
        switches
            .get(name)
            .map_or_else(|| default.to_owned(), |it| it.value.clone())
    };
    BTreeMap::from([
        (
            "max-size".to_owned(),
            value("ECS_INIT_DOCKER_LOG_FILE_SIZE", "16m"),
        ),
        (
            "max-file".to_owned(),
            value("ECS_INIT_DOCKER_LOG_FILE_NUM", "4"),
        ),
    ])
}
