//! Every variable of the agent's configuration (agent and ecs-init 1.105.1): its type, its limits, who reads it, and what
//! a value that cannot be read does.

mod agent_variables;
mod host_variables;

use std::time::Duration;

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A path.
    Path,
    /// `unix://` and a path.
    UnixSocket,
    /// Name or ARN of a cluster.
    Cluster,
    /// What Go's `strconv.ParseBool` takes, blanks around it aside.
    Boolean,
    /// As [`Kind::Boolean`]; but ecs-init compares it with the word `true`.
    LiteralTrue,
    /// What Go's `time.ParseDuration` takes.
    Duration(Limits<Duration>),
    /// A whole number.
    Integer(Limits<i64>),
    /// A whole number from 0 to 65535.
    U16,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// One of these words, in letters of any case.
    Level(&'static [&'static str]),
    /// A JSON list of port numbers.
    Ports,
    /// A JSON list of log drivers.
    LogDrivers,
    /// A JSON list of networks in CIDR notation.
    Networks,
    /// A JSON list of strings.
    Strings,
    /// A JSON object of strings.
    Object(ObjectLimits),
    /// A JSON object of anything.
    AnyObject,
    /// Two numbers above 0 with a comma between them.
    RateAndBurst,
    /// Two ports with a dash between them, the lower one first.
    PortRange,
    /// Words with commas between them.
    Words,
}

/// The values that are taken, of those that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits<T> {
    /// The least.
    pub least: Option<T>,
    /// The most.
    pub most: Option<T>,
}

/// What a JSON object of strings may hold. Lengths in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectLimits {
    /// How many members, or any number.
    pub members: Option<usize>,
    /// Length of a name, or any.
    pub name: Option<usize>,
    /// Length of a value, or any.
    pub value: Option<usize>,
    /// True when nothing may follow the object (`json.Unmarshal`; a decoder reads the first value only).
    pub alone: bool,
    /// True when names are those of ECS attributes: letters, digits and `._-/\`.
    pub attributes: bool,
}

/// What a value that cannot be read does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misread {
    /// The agent takes its default, with a warning in its log at best.
    Default,
    /// The agent exits with 1 at each start, for ever.
    Exit,
    /// ECS refuses the registration and the agent ends with 5, for good.
    Refused,
}

/// Who reads a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// The agent, from the environment of its container.
    Agent,
    /// ecs-init, from its own environment, which systemd reads from the files. ecs-nanny reads it in the same grammar.
    Init,
    /// Both, each in its own grammar.
    Both,
}

/// Whether a variable is for people to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Settable,
    /// No: it says what the host is like, and what starts the agent finds that out.
    Managed,
    /// It means nothing on Linux.
    WindowsOnly,
    /// Nothing reads it any more.
    Unread,
}

/// One variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// What its value must be.
    pub kind: Kind,
    /// What holds on Linux where it is not set, for people; empty for nothing.
    pub default: &'static str,
    /// What a value that cannot be read does.
    pub misread: Misread,
    /// Who reads it.
    pub reader: Reader,
    /// Whether it is for people to set.
    pub standing: Standing,
    /// What else is to know; may be empty.
    pub note: &'static str,
}

impl Known {
    const fn new(name: &'static str, kind: Kind, default: &'static str) -> Self {
        Known {
            name,
            kind,
            default,
            misread: Misread::Default,
            reader: Reader::Agent,
            standing: Standing::Settable,
            note: "",
        }
    }

    const fn misread(self, misread: Misread) -> Self {
        Known { misread, ..self }
    }

    const fn reader(self, reader: Reader) -> Self {
        Known { reader, ..self }
    }

    const fn standing(self, standing: Standing) -> Self {
        Known { standing, ..self }
    }

    const fn note(self, note: &'static str) -> Self {
        Known { note, ..self }
    }

    /// True when ecs-init reads it from its own environment, that is, in systemd's grammar.
    pub fn is_read_by_init(&self) -> bool {
        self.reader != Reader::Agent
    }
}

/// Every variable.
pub fn all() -> impl Iterator<Item = &'static Known> {
    agent_variables::TABLE.iter().chain(host_variables::TABLE)
}

/// The variable of a name, spelt exactly so.
pub fn find(name: &str) -> Option<&'static Known> {
    all().find(|known| known.name == name)
}

/// The variable that a name which is none was probably meant to be: other letters' case, a slip or two, or the same
/// words in another order.
pub fn meant_by(name: &str) -> Option<&'static Known> {
    let name = name.to_ascii_uppercase();
    let name_sorted = sorted(&name);
    let distance = |known: &Known| {
        strsim::osa_distance(&name, known.name)
            .min(strsim::osa_distance(&name_sorted, &sorted(known.name)))
    };
    // One slip in every five letters.
    let most = (name.len() / 5).clamp(1, 3);
    all()
        .filter(|known| known.standing == Standing::Settable)
        // A slip changes the length by one at the most: this spares nearly every comparison.
        .filter(|known| known.name.len().abs_diff(name.len()) <= most)
        .map(|known| (distance(known), known))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

fn sorted(name: &str) -> String {
    let mut words: Vec<&str> = name.split('_').collect();
    words.sort_unstable();
    words.join("_")
}

const fn any() -> Kind {
    Kind::Duration(Limits {
        least: None,
        most: None,
    })
}

const fn at_least(seconds: u64) -> Kind {
    Kind::Duration(Limits {
        least: Some(Duration::from_secs(seconds)),
        most: None,
    })
}

const fn between(least: Duration, most: Duration) -> Kind {
    Kind::Duration(Limits {
        least: Some(least),
        most: Some(most),
    })
}

const fn integer(least: Option<i64>, most: Option<i64>) -> Kind {
    Kind::Integer(Limits { least, most })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent_config::value;

    #[test]
    fn names_are_unique_and_defaults_are_values() {
        let mut names: Vec<_> = all().map(|known| known.name).collect();
        assert!(names.len() > 110, "{}", names.len());
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for known in all().filter(|known| !known.default.is_empty()) {
            assert_eq!(value::check(known, known.default), Ok(()), "{}", known.name);
        }
    }

    #[test]
    fn a_slip_is_seen_and_a_stranger_is_not() {
        for (name, meant) in [
            ("ECS_CLUTER", Some("ECS_CLUSTER")),
            ("ECS_CLUSTERS", Some("ECS_CLUSTER")),
            ("ecs_cluster", Some("ECS_CLUSTER")),
            ("ECS_PRIVILEGED_DISABLED", Some("ECS_DISABLE_PRIVILEGED")),
            (
                "ECS_AVAILABLE_LOGGING_DRIVER",
                Some("ECS_AVAILABLE_LOGGING_DRIVERS"),
            ),
            ("ECS_ENGINE_AUTH_DAT", Some("ECS_ENGINE_AUTH_DATA")),
            (
                "ECS_ENABLE_TASK_IAM_ROLES",
                Some("ECS_ENABLE_TASK_IAM_ROLE"),
            ),
            ("NOPROXY", Some("NO_PROXY")),
            ("MY_OWN", None),
            ("ECS_SOMETHING_ELSE", None),
        ] {
            assert_eq!(meant_by(name).map(|known| known.name), meant, "{name}");
        }
    }
}
