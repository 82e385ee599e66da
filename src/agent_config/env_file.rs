//! Grammar C: how `docker run --env-file` reads a file (docker CLI 28). One line that it refuses means no container.

use std::ops::Range;

use super::lines::BYTE_ORDER_MARK;

/// What it makes of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Taken {
    /// A variable.
    Variable {
        /// Its name.
        name: String,
        /// Its value, blanks at its end and all.
        value: String,
    },
    /// A name without `=`: its value comes from the environment of the caller.
    FromCaller(String),
    /// The file is refused.
    Refused(&'static str),
}

/// The longest line that is taken, in bytes (`bufio.MaxScanTokenSize`).
const LONGEST_LINE: usize = 64 * 1024;

/// Every line that means something, with its offsets in the file: its first byte, and the byte behind it.
pub(super) fn lines(file: &[u8]) -> Vec<(Range<usize>, Taken)> {
    let mut taken = Vec::new();
    let mut start = 0;
    for line in file.split_inclusive(|byte| *byte == b'\n') {
        let content = line.strip_suffix(b"\n").unwrap_or(line);
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        let content = match start {
            0 => content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(content),
            _ => content,
        };
        let span = start..start + line.len();
        taken.extend(meaning(content).map(|meaning| (span, meaning)));
        start += line.len();
    }
    taken
}

fn meaning(line: &[u8]) -> Option<Taken> {
    if line.len() >= LONGEST_LINE {
        return Some(Taken::Refused("the line is too long"));
    }
    let Ok(text) = std::str::from_utf8(line) else {
        return Some(Taken::Refused("bytes that are not UTF-8"));
    };
    let text = text.trim_start();
    if text.is_empty() || text.starts_with('#') {
        return None;
    }
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    if name.is_empty() {
        return Some(Taken::Refused("no variable name"));
    }
    if name.contains(char::is_whitespace) {
        return Some(Taken::Refused("the name contains blanks"));
    }
    Some(match value {
        Some(value) => Taken::Variable {
            name: name.to_owned(),
            value: value.to_owned(),
        },
        None => Taken::FromCaller(name.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str, value: &str) -> Taken {
        Taken::Variable {
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }

    #[test]
    fn reads_as_the_docker_cli_does() {
        let file = b"\xef\xbb\xbf A=1 # x \r\n\n#B=2\n;B='2'\nexport C=3\nD = 4\nE\n=5\nF=6\\\nG=8\rH=9\nI=\xff";
        let told: Vec<_> = lines(file).into_iter().map(|(_, taken)| taken).collect();
        assert_eq!(
            told,
            [
                variable("A", "1 # x "),
                variable(";B", "'2'"),
                Taken::Refused("the name contains blanks"),
                Taken::Refused("the name contains blanks"),
                Taken::FromCaller("E".to_owned()),
                Taken::Refused("no variable name"),
                variable("F", "6\\"),
                variable("G", "8\rH=9"),
                Taken::Refused("bytes that are not UTF-8"),
            ]
        );
        let long = vec![b'A'; LONGEST_LINE];
        assert_eq!(
            lines(&long),
            [(0..LONGEST_LINE, Taken::Refused("the line is too long"))]
        );
    }
}
