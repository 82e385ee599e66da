//! The Docker daemon's command line: the unit's `ExecStart=` with the variables that its environment files set.

use std::collections::BTreeMap;

use super::options::{self, DockerOption};
use crate::agent_config::environment_file;
use crate::facts::{HostFacts, UnitFacts};

/// Where a word of the command line comes from, and the word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub text: String,
    /// The unit, or the file whose variable it stood in.
    pub origin: String,
}

/// A flag that sets an option, and who passes it.
#[derive(Debug)]
pub(super) struct Flag<'a> {
    pub option: &'static DockerOption,
    pub written: &'a str,
    pub origin: &'a str,
}

/// The words of a unit's command. A variable that stands alone is split at blanks, one inside a word is not, as
/// systemd.service(5) says; one that nobody sets is nothing.
pub(super) fn of_unit(name: &str, unit: &UnitFacts, host: &HostFacts) -> Vec<Word> {
    let variables = variables(name, unit, host);
    let command = unit.command.as_deref().unwrap_or_default();
    // The prefixes of systemd.service(5), for example "-" for a failure that does not count.
    let command = command.trim_start_matches(['@', '-', ':', '+', '!']);
    let mut words = Vec::new();
    for word in split(command) {
        match word.strip_prefix('$').filter(|name| !name.starts_with('{')) {
            Some(variable) => {
                let Some((value, origin)) = variables.get(variable) else {
                    continue;
                };
                words.extend(split(value).into_iter().map(|text| Word {
                    text,
                    origin: origin.clone(),
                }));
            }
            None => words.push(expanded(&word, name, &variables)),
        }
    }
    words
}

/// A word with `${NAME}` replaced.
fn expanded(word: &str, unit: &str, variables: &BTreeMap<String, (String, String)>) -> Word {
    let mut text = String::new();
    let mut origin = unit.to_owned();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once("${") {
        text.push_str(before);
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        if let Some((value, file)) = variables.get(name) {
            text.push_str(value);
            origin.clone_from(file);
        }
        rest = behind;
    }
    text.push_str(rest);
    Word { text, origin }
}

/// The unit's variables with who sets each: a file wins over `Environment=`, a later file over an earlier one.
fn variables(name: &str, unit: &UnitFacts, host: &HostFacts) -> BTreeMap<String, (String, String)> {
    let mut variables = BTreeMap::new();
    for assignment in unit.environment.iter().flat_map(|line| split(line)) {
        if let Some((variable, value)) = assignment.split_once('=') {
            variables.insert(variable.to_owned(), (value.to_owned(), name.to_owned()));
        }
    }
    for file in &unit.environment_files {
        let file = file.trim_start_matches('-');
        let text = host.texts.get(file).map(String::as_str).unwrap_or_default();
        for (variable, value) in environment_file(text.as_bytes()) {
            variables.insert(variable, (value, file.to_owned()));
        }
    }
    variables
}

/// Words as a shell splits them; where a quote is left open, at blanks.
fn split(text: &str) -> Vec<String> {
    shlex::split(text).unwrap_or_else(|| text.split_whitespace().map(str::to_owned).collect())
}

/// The words of a command that is ours.
pub(super) fn of_words(command: &[String], origin: &str) -> Vec<Word> {
    let words = command.iter().map(|text| Word {
        text: text.clone(),
        origin: origin.to_owned(),
    });
    words.collect()
}

/// The flags among the words that set an option.
pub(super) fn flags(words: &[Word]) -> Vec<Flag<'_>> {
    let flag = |word: &'_ Word| {
        let (name, _) = word.text.split_once('=').unwrap_or((&word.text, ""));
        let option = options::of_flag(name).or_else(|| {
            // `-Hfd://`: a short flag with its value behind it.
            let short = name.get(..2).filter(|_| !name.starts_with("--"))?;
            options::of_flag(short)
        })?;
        Some(option)
    };
    let mut found = Vec::new();
    for word in words.iter().skip(1) {
        if let Some(option) = flag(word) {
            found.push(Flag {
                option,
                written: &word.text,
                origin: &word.origin,
            });
        }
    }
    found
}

/// The value of a long flag, the first one where it is there twice.
pub(super) fn value_of<'a>(words: &'a [Word], flag: &str) -> Option<&'a str> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(rest) = word
            .text
            .strip_prefix("--")
            .and_then(|it| it.strip_prefix(flag))
        else {
            continue;
        };
        match rest.strip_prefix('=') {
            Some(value) => return Some(value),
            None if rest.is_empty() => return words.next().map(|it| &*it.text),
            None => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(texts: &[(&str, &str)]) -> HostFacts {
        HostFacts {
            texts: texts
                .iter()
                .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
                .collect(),
            ..HostFacts::default()
        }
    }

    #[test]
    fn variables_are_expanded_as_systemd_does() {
        let unit = UnitFacts {
            command: Some("-/usr/bin/dockerd -H fd:// $OPTIONS --mtu=${MTU} $NOBODY".to_owned()),
            environment: vec!["MTU=1400 \"OPTIONS=--debug\"".to_owned()],
            environment_files: vec!["-/etc/sysconfig/docker".to_owned()],
            ..UnitFacts::default()
        };
        let host = host(&[(
            "/etc/sysconfig/docker",
            "# comment\nOPTIONS=\"--default-ulimit nofile=1024:4096 -l warn\"\n",
        )]);
        let words = of_unit("docker.service", &unit, &host);
        let texts: Vec<&str> = words.iter().map(|word| &*word.text).collect();
        assert_eq!(
            texts,
            [
                "/usr/bin/dockerd",
                "-H",
                "fd://",
                "--default-ulimit",
                "nofile=1024:4096",
                "-l",
                "warn",
                "--mtu=1400",
            ]
        );
        let flags = flags(&words);
        let keys: Vec<(&str, &str)> = flags
            .iter()
            .map(|flag| (flag.option.key, flag.origin))
            .collect();
        assert_eq!(
            keys,
            [
                ("hosts", "docker.service"),
                ("default-ulimits", "/etc/sysconfig/docker"),
                ("log-level", "/etc/sysconfig/docker"),
                ("mtu", "docker.service"),
            ]
        );
    }

    #[test]
    fn values_of_long_flags_are_found() {
        let words = |command: &[&str]| {
            let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
            of_words(&command, "x")
        };
        assert_eq!(
            value_of(&words(&["dockerd", "--config-file", "/a"]), "config-file"),
            Some("/a")
        );
        assert_eq!(
            value_of(&words(&["dockerd", "--config-file=/b"]), "config-file"),
            Some("/b")
        );
        assert_eq!(
            value_of(&words(&["dockerd", "-H", "fd://"]), "config-file"),
            None
        );
    }
}
