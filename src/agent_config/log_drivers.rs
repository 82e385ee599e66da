//! `ECS_AVAILABLE_LOGGING_DRIVERS`: always a list that the agent understands, always with awslogs.
//!
//! The agent answers a list that is not JSON with a warning and `["json-file","none"]`, so that AWS Batch jobs stay
//! RUNNABLE for ever, and a driver that it does not know with exit 1, again at every start.

use crate::finding::{Finding, Place, Severity};

use super::report::{self, Complaint};

/// The drivers that the agent knows (1.105.1); with another name in the list it exits.
pub const KNOWN_LOG_DRIVERS: &[&str] = &[
    "json-file",
    "syslog",
    "journald",
    "gelf",
    "fluentd",
    "awslogs",
    "splunk",
    "logentries",
    "sumologic",
    "none",
    "awsfirelens",
];

/// What ecs-init gives the agent where no file names a list.
pub const DEFAULT_LOG_DRIVERS: &[&str] = &["json-file", "syslog", "awslogs", "fluentd", "none"];

/// What the agent takes where the list is empty or cannot be read.
const FALLBACK_LOG_DRIVERS: &[&str] = &["json-file", "none"];

const AWSLOGS: &str = "awslogs";

/// The effective list and what was done to get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogDrivers {
    /// The value of `ECS_AVAILABLE_LOGGING_DRIVERS`: a JSON list that holds awslogs and only drivers that the agent
    /// knows. A list that is already so is not changed.
    pub value: String,
    /// True when awslogs had to be added.
    pub added: bool,
    /// What was mended.
    pub repaired: Option<Repair>,
}

/// How a list was mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// The list as it was written.
    pub written: String,
    /// True when the agent could not have read it at all.
    pub unreadable: bool,
    /// Names that the agent does not know, left out.
    pub dropped: Vec<String>,
}

/// The list that the agent is to get for the one that the files give; `None` where no file names one.
pub fn with_awslogs(list: Option<&str>) -> LogDrivers {
    let Some(written) = list else {
        return LogDrivers {
            value: json(DEFAULT_LOG_DRIVERS),
            added: false,
            repaired: None,
        };
    };
    let readable = first_list(written);
    let unreadable = readable.is_none();
    let (names, exact) = match readable {
        Some((names, exact)) => (names, exact),
        None => (words(written), false),
    };
    let mut drivers: Vec<&str> = Vec::new();
    let mut dropped = Vec::new();
    for name in &names {
        match known(name) {
            Some(driver) if drivers.contains(&driver) => {}
            Some(driver) => drivers.push(driver),
            None => dropped.push(name.clone()),
        }
    }
    let misspelt = names
        .iter()
        .any(|name| known(name).is_some_and(|driver| driver != name));
    if drivers.is_empty() {
        drivers = FALLBACK_LOG_DRIVERS.to_vec();
    }
    let added = !drivers.contains(&AWSLOGS);
    if added {
        drivers.push(AWSLOGS);
    }
    let sound = exact && dropped.is_empty() && !misspelt;
    LogDrivers {
        value: if sound && !added {
            written.to_owned()
        } else {
            json(&drivers)
        },
        added,
        repaired: (!sound).then(|| Repair {
            written: written.to_owned(),
            unreadable,
            dropped,
        }),
    }
}

impl LogDrivers {
    /// What was done, as a finding about the line that gave the list; `None` where nothing had to be done.
    pub fn finding(&self, place: Option<Place>) -> Option<Finding> {
        let (severity, what) = match &self.repaired {
            None if !self.added => return None,
            None => (
                Severity::Recommended,
                "the list of log drivers has no awslogs, which AWS Batch and most task definitions need".to_owned(),
            ),
            Some(repair) => (Severity::Required, repair.told()),
        };
        Some(
            Complaint {
            rule: "agent_config.log_drivers",
            severity,
            observed: format!("{what}; the agent gets {}", self.value),
            required: "a JSON list without quotes around it, of drivers that the agent knows, awslogs among them".into(),
            remedy: format!("write ECS_AVAILABLE_LOGGING_DRIVERS={}", self.value).into(),
        }.at(place))
    }
}

impl Repair {
    fn told(&self) -> String {
        let written = report::shown(&self.written);
        let unknown = report::shown(&self.dropped.join(", "));
        match (self.unreadable, self.dropped.is_empty()) {
            (true, true) => format!("{written} {NO_LIST}"),
            (true, false) => format!("{written} {NO_LIST}; unknown and left out: {unknown}"),
            (false, true) => format!("{written} is not written as the agent wants it"),
            (false, false) => {
                format!("the agent does not know {unknown}: it would exit at each start")
            }
        }
    }
}

const NO_LIST: &str =
    "is no JSON list: the agent would fall back to json-file and none, without awslogs";

/// The first JSON value, if it is a list of strings, as the agent's decoder takes it; and whether nothing follows.
/// An empty text and `null` are an empty list.
fn first_list(written: &str) -> Option<(Vec<String>, bool)> {
    let mut values = serde_json::Deserializer::from_str(written).into_iter::<Option<Vec<String>>>();
    match values.next() {
        None => Some((Vec::new(), true)),
        Some(Ok(names)) => {
            let exact = written[values.byte_offset()..].trim().is_empty();
            Some((names.unwrap_or_default(), exact))
        }
        Some(Err(_)) => None,
    }
}

/// The words of a list that is no JSON.
fn words(written: &str) -> Vec<String> {
    written
        .split(|character: char| !character.is_alphanumeric() && !matches!(character, '-' | '_'))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The driver that a name means, however its letters are cased.
fn known(name: &str) -> Option<&'static str> {
    let plain = name.trim().to_ascii_lowercase().replace('_', "-");
    KNOWN_LOG_DRIVERS
        .iter()
        .find(|driver| **driver == plain)
        .copied()
}

fn json(drivers: &[&str]) -> String {
    serde_json::Value::from(drivers.to_vec()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_valid_and_holds_awslogs_whatever_was_written() {
        const FALLBACK: &str = r#"["json-file","none","awslogs"]"#;
        for (written, value, added, mended, dropped) in [
            (r#"["awslogs"]"#, r#"["awslogs"]"#, false, false, ""),
            (
                r#" [ "awslogs" , "gelf" ] "#,
                r#" [ "awslogs" , "gelf" ] "#,
                false,
                false,
                "",
            ),
            (
                r#"["json-file"]"#,
                r#"["json-file","awslogs"]"#,
                true,
                false,
                "",
            ),
            ("", FALLBACK, true, false, ""),
            ("[]", FALLBACK, true, false, ""),
            ("null", FALLBACK, true, false, ""),
            (r#"["awslogs"] junk"#, r#"["awslogs"]"#, false, true, ""),
            (
                r#"["awslogs","awslog"]"#,
                r#"["awslogs"]"#,
                false,
                true,
                "awslog",
            ),
            (
                r#"["AWSLOGS","json_file"]"#,
                r#"["awslogs","json-file"]"#,
                false,
                true,
                "",
            ),
            (
                r#"'["json-file","awslogs"]'"#,
                r#"["json-file","awslogs"]"#,
                false,
                true,
                "",
            ),
            ("fluentd", r#"["fluentd","awslogs"]"#, true, true, ""),
            (
                "json-file,awslogs",
                r#"["json-file","awslogs"]"#,
                false,
                true,
                "",
            ),
            (
                "[\u{201c}awslogs\u{201d}]",
                r#"["awslogs"]"#,
                false,
                true,
                "",
            ),
            (
                r#"["json-file","awslogs""#,
                r#"["json-file","awslogs"]"#,
                false,
                true,
                "",
            ),
            (
                r#"["json-file",5,"awslogs"]"#,
                r#"["json-file","awslogs"]"#,
                false,
                true,
                "5",
            ),
            (r#""awslogs""#, r#"["awslogs"]"#, false, true, ""),
            ("{}", FALLBACK, true, true, ""),
            ("\u{fffd}\u{0}", FALLBACK, true, true, ""),
        ] {
            let drivers = with_awslogs(Some(written));
            assert_eq!(drivers.value, value, "{written}");
            assert_eq!(drivers.added, added, "{written}");
            assert_eq!(drivers.repaired.is_some(), mended, "{written}");
            let told = drivers
                .repaired
                .map_or(String::new(), |repair| repair.dropped.join(" "));
            assert_eq!(told, dropped, "{written}");
        }
        let unset = with_awslogs(None);
        assert_eq!(
            unset.value,
            r#"["json-file","syslog","awslogs","fluentd","none"]"#
        );
        assert_eq!(unset.finding(None), None);
    }

    #[test]
    fn what_was_done_is_told() {
        let finding = with_awslogs(Some("[json-file, lokki]"))
            .finding(None)
            .unwrap();
        assert_eq!(
            finding.observed,
            "[json-file, lokki] is no JSON list: the agent would fall back to json-file and none, without awslogs; \
             unknown and left out: lokki; \
             the agent gets [\"json-file\",\"awslogs\"]"
        );
        assert_eq!(finding.place, None);
        let finding = with_awslogs(Some("[]"))
            .finding(Some(Place::line("f", 3)))
            .unwrap();
        assert_eq!(finding.severity, Severity::Recommended);
        assert_eq!(finding.place, Some(Place::line("f", 3)));
    }
}
