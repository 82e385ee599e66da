//! How the service misbehaves.

use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Nobody listens: connections are refused, whatever the path.
    Refuse,
    /// The request is never answered.
    Hang,
    /// The connection is closed without an answer.
    Drop,
    /// The answer has this status.
    Status(u16),
    /// The answer is 200 with bytes that are no text.
    Garbage,
    /// The answer is 200 with ten megabytes.
    Huge,
    /// The right answer, so many milliseconds late.
    DelayMs(u64),
}

/// One fault. Of several the first that fits a request acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub what: What,
    /// … for paths that begin so, without the version, for example `meta-data/iam/` or `api/token`; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// … so many times; always if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

impl From<What> for Fault {
    fn from(what: What) -> Self {
        Fault {
            what,
            path: None,
            times: None,
        }
    }
}

impl Fault {
    /// The same for paths that begin so.
    pub fn at(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// The same for so many requests.
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }
}

/// Takes the first fault that fits the path and counts it.
pub fn next(faults: &mut [Fault], path: &str) -> Option<What> {
    let fault = faults.iter_mut().find(|fault| {
        fault.what != What::Refuse
            && fault.times != Some(0)
            && fault
                .path
                .as_ref()
                .is_none_or(|prefix| path.starts_with(prefix))
    })?;
    if let Some(times) = &mut fault.times {
        *times -= 1;
    }
    Some(fault.what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_acts_on_its_path_and_as_often_as_it_says() {
        let mut faults = [
            Fault::from(What::Status(401)).at("meta-data/").times(1),
            Fault::from(What::Hang).at("user-data"),
        ];
        assert_eq!(next(&mut faults, "api/token"), None);
        assert_eq!(
            next(&mut faults, "meta-data/instance-id"),
            Some(What::Status(401))
        );
        assert_eq!(next(&mut faults, "meta-data/instance-id"), None);
        assert_eq!(next(&mut faults, "user-data"), Some(What::Hang));
    }

    #[test]
    fn it_is_written_as_the_readme_says() {
        let faults: Vec<Fault> = serde_json::from_str(
            r#"[{"what": "refuse"}, {"what": {"status": 401}, "path": "meta-data/", "times": 2}]"#,
        )
        .unwrap();
        assert_eq!(faults[0], What::Refuse.into());
        assert_eq!(
            faults[1],
            Fault::from(What::Status(401)).at("meta-data/").times(2)
        );
    }
}
