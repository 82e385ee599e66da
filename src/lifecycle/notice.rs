//! What the metadata service's answers announce. Pure, for any bytes.

use serde::Deserialize;

use super::Subject;
use crate::host::imds::ImdsError;
use crate::snapshot::{Notice, NoticeName, Timestamp};

/// What one answer announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// Its notices.
    pub notices: Vec<Notice>,
    /// The group's target state, where the answer is about it.
    pub target_state: Option<String>,
}

/// Reads an answer; `None` is that of a path which is not there.
///
/// # Errors
/// [`ImdsError::Garbled`].
pub fn read(subject: Subject, text: Option<&str>, now: Timestamp) -> Result<Announced, ImdsError> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    let mut target_state = None;
    let notices = match (subject, text) {
        (_, None) => Vec::new(),
        (Subject::SpotInterruption, Some(text)) => vec![spot(text, now)?],
        (Subject::Rebalance, Some(text)) => vec![rebalance(text, now)?],
        (Subject::Maintenance, Some(text)) => maintenance(text, now)?,
        (Subject::TargetState, Some(text)) => {
            if text.len() > 64 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(ImdsError::garbled(subject.path(), "a lifecycle state"));
            }
            target_state = Some(text.to_owned());
            termination(text, now).into_iter().collect()
        }
    };
    Ok(Announced {
        notices,
        target_state,
    })
}

/// `{"action": "terminate", "time": "2017-09-18T08:22:00Z"}`.
fn spot(text: &str, now: Timestamp) -> Result<Notice, ImdsError> {
    #[derive(Deserialize)]
    struct Answer {
        action: String,
        time: String,
    }
    let answer: Answer = json(Subject::SpotInterruption, text)?;
    let does = match answer.action.as_str() {
        "terminate" => "terminates",
        "stop" => "stops",
        "hibernate" => "hibernates",
        _ => "takes back",
    };
    Ok(Notice {
        name: NoticeName::SpotInterruption,
        detail: format!("EC2 {does} this Spot instance"),
        at: rfc3339(&answer.time),
        seen_at: now,
    })
}

/// `{"noticeTime": "2020-10-27T08:22:00Z"}`: when it was said, not when something happens.
fn rebalance(text: &str, now: Timestamp) -> Result<Notice, ImdsError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        notice_time: String,
    }
    let answer: Answer = json(Subject::Rebalance, text)?;
    let said =
        rfc3339(&answer.notice_time).map_or_else(String::new, |at| format!(", said at {at}"));
    Ok(Notice {
        name: NoticeName::Rebalance,
        detail: format!("this Spot instance is at an elevated risk of interruption{said}"),
        at: None,
        seen_at: now,
    })
}

/// A list of events; those that are over or called off announce nothing.
fn maintenance(text: &str, now: Timestamp) -> Result<Vec<Notice>, ImdsError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Event {
        code: String,
        event_id: Option<String>,
        not_before: Option<String>,
        state: Option<String>,
    }
    let events: Vec<Event> = json(Subject::Maintenance, text)?;
    let active = events
        .into_iter()
        .filter(|event| event.state.as_deref().is_none_or(|state| state == "active"));
    let notices = active.map(|event| {
        let id = event
            .event_id
            .map_or_else(String::new, |id| format!(" ({id})"));
        Notice {
            name: NoticeName::Maintenance,
            detail: format!("EC2 has scheduled {}{id}", event.code),
            at: event.not_before.as_deref().and_then(day_month_year),
            seen_at: now,
        }
    });
    Ok(notices.collect())
}

fn termination(state: &str, now: Timestamp) -> Option<Notice> {
    state.ends_with("Terminated").then(|| Notice {
        name: NoticeName::Termination,
        detail: "the Auto Scaling group is terminating this instance".to_owned(),
        at: None,
        seen_at: now,
    })
}

fn json<'a, T: Deserialize<'a>>(subject: Subject, text: &'a str) -> Result<T, ImdsError> {
    serde_json::from_str(text)
        .map_err(|_| ImdsError::garbled(subject.path(), "the JSON that EC2 documents for it"))
}

fn rfc3339(text: &str) -> Option<Timestamp> {
    humantime::parse_rfc3339(text).ok().map(Timestamp)
}

/// `21 Jan 2019 09:00:43 GMT`.
fn day_month_year(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let words: Vec<&str> = text.split_whitespace().collect();
    let [day, month, year, time, "GMT"] = words[..] else {
        return None;
    };
    let month = 1 + MONTHS.iter().position(|name| *name == month)?;
    rfc3339(&format!("{year}-{month:02}-{day:0>2}T{time}Z"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Subject; 4] = [
        Subject::SpotInterruption,
        Subject::Rebalance,
        Subject::Maintenance,
        Subject::TargetState,
    ];

    fn lines(subject: Subject, text: &str) -> Vec<String> {
        let announced = read(subject, Some(text), Timestamp::now()).unwrap();
        announced.notices.iter().map(Notice::line).collect()
    }

    #[test]
    fn each_is_read_as_ec2_writes_it() {
        for (subject, text, wanted) in [
            (
                Subject::SpotInterruption,
                r#"{"action": "terminate", "time": "2017-09-18T08:22:00Z"}"#,
                "EC2 terminates this Spot instance, at 2017-09-18T08:22:00.000Z",
            ),
            (
                Subject::Rebalance,
                r#"{"noticeTime": "2020-10-27T08:22:00Z"}"#,
                "this Spot instance is at an elevated risk of interruption, said at 2020-10-27T08:22:00.000Z",
            ),
            (
                Subject::Maintenance,
                r#"[{"NotBefore": "21 Jan 2019 09:00:43 GMT", "Code": "system-reboot", "Description": "scheduled reboot",
                     "EventId": "instance-event-0d59937288b749b32", "NotAfter": "21 Jan 2019 09:17:23 GMT", "State": "active"},
                    {"NotBefore": "2 Jan 2019 09:00:43 GMT", "Code": "instance-stop", "State": "canceled"}]"#,
                "EC2 has scheduled system-reboot (instance-event-0d59937288b749b32), at 2019-01-21T09:00:43.000Z",
            ),
            (
                Subject::TargetState,
                "Terminated",
                "the Auto Scaling group is terminating this instance",
            ),
        ] {
            assert_eq!(lines(subject, text), [wanted]);
        }
    }

    #[test]
    fn most_of_the_time_nothing_is_announced() {
        assert!(lines(Subject::Maintenance, "[]").is_empty());
        assert!(lines(Subject::TargetState, "InService").is_empty());
        for subject in ALL {
            let announced = read(subject, None, Timestamp::now()).unwrap();
            assert_eq!((announced.notices, announced.target_state), (vec![], None));
        }
    }

    #[test]
    fn a_day_of_one_digit_is_one_too() {
        let day = day_month_year("2 Jan 2019 09:00:43 GMT").unwrap();
        assert_eq!(day.to_string(), "2019-01-02T09:00:43.000Z");
        assert_eq!(day_month_year("tomorrow"), None);
    }

    proptest! {
        #[test]
        fn any_answer_is_read_or_refused(text in ".{0,200}") {
            for subject in ALL {
                if let Err(error) = read(subject, Some(&text), Timestamp::now()) {
                    prop_assert!(error.is_worth_retrying(), "{}", error);
                }
            }
        }
    }
}
