//! Grammar A: how systemd reads an `EnvironmentFile=` (systemd.exec(5), checked against systemd 252).

use std::collections::BTreeMap;

/// A value as systemd reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    /// Its bytes, unquoted, continuation lines joined.
    pub(super) bytes: Vec<u8>,
    /// Offset behind it and its line end.
    pub(super) end: usize,
    /// True when a quote was still open at the end of the file.
    pub(super) open: bool,
}

/// One assignment, its name not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assignment {
    /// Offset of the name's first byte.
    pub(super) start: usize,
    /// What stands before `=`, without blanks at its end.
    pub(super) name: Vec<u8>,
    /// The value.
    pub(super) value: Value,
}

/// Why systemd takes nothing of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// A NUL byte, anywhere.
    Nul {
        /// Its offset.
        at: usize,
    },
    /// An assignment whose name or value is not UTF-8, or holds a Unicode noncharacter.
    NotUtf8 {
        /// Offset of the assignment.
        at: usize,
    },
}

/// What one file gives a process: by name, the value and the offset of its assignment.
///
/// # Errors
/// [`Refused`] when systemd drops the whole file.
pub(super) fn environment(file: &[u8]) -> Result<BTreeMap<String, (String, usize)>, Refused> {
    let mut environment = BTreeMap::new();
    for assignment in assignments(file)? {
        let at = assignment.start;
        let (Ok(name), Ok(value)) = (
            String::from_utf8(assignment.name),
            String::from_utf8(assignment.value.bytes),
        ) else {
            return Err(Refused::NotUtf8 { at });
        };
        if name.chars().chain(value.chars()).any(is_noncharacter) {
            return Err(Refused::NotUtf8 { at });
        }
        environment.insert(name, (value, at));
    }
    environment.retain(|name, _| is_name(name));
    Ok(environment)
}

/// What an `EnvironmentFile=` sets, by name; nothing where systemd drops the file.
pub fn environment_file(file: &[u8]) -> BTreeMap<String, String> {
    let set = environment(file).unwrap_or_default();
    set.into_iter()
        .map(|(name, (value, _))| (name, value))
        .collect()
}

/// Every assignment of a file in order, valid or not.
///
/// # Errors
/// [`Refused::Nul`].
pub(super) fn assignments(file: &[u8]) -> Result<Vec<Assignment>, Refused> {
    if let Some(at) = file.iter().position(|byte| *byte == 0) {
        return Err(Refused::Nul { at });
    }
    let mut found = Vec::new();
    let mut cursor = Cursor { file, at: 0 };
    while let Some(byte) = cursor.next() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'#' | b';' => cursor.skip_comment(),
            _ => found.extend(cursor.assignment()),
        }
    }
    Ok(found)
}

/// Reads a value that begins at `at`, behind the `=`.
pub(super) fn value(file: &[u8], at: usize) -> Value {
    Cursor { file, at }.value()
}

/// True for a name that systemd lets into an environment.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_noncharacter(character: char) -> bool {
    let code = u32::from(character);
    (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

struct Cursor<'a> {
    file: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.file.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte
    }

    /// A comment goes on behind a backslash and the byte after it, line end or not (systemd before 254).
    fn skip_comment(&mut self) {
        while let Some(byte) = self.next() {
            match byte {
                b'\\' => {
                    self.next();
                }
                _ if is_line_end(byte) => return,
                _ => {}
            }
        }
    }

    /// An assignment whose first byte was just read; `None` for a line without `=`. The first byte belongs to the name
    /// even if it is `=`.
    fn assignment(&mut self) -> Option<Assignment> {
        let start = self.at - 1;
        while let Some(byte) = self.next() {
            if is_line_end(byte) {
                return None;
            }
            if byte == b'=' {
                let name = self.file[start..self.at - 1].trim_ascii_end();
                return Some(Assignment {
                    start,
                    name: name.to_vec(),
                    value: self.value(),
                });
            }
        }
        None
    }

    fn value(&mut self) -> Value {
        let mut bytes = Vec::new();
        let mut open = false;
        while let Some(byte) = self.next() {
            match byte {
                b'\'' => open = !self.single_quoted(&mut bytes),
                b'"' => open = !self.double_quoted(&mut bytes),
                _ if is_line_end(byte) => break,
                _ if is_blank(byte) => {}
                _ => {
                    self.at -= 1;
                    self.unquoted(&mut bytes);
                    break;
                }
            }
        }
        Value {
            bytes,
            end: self.at,
            open,
        }
    }

    /// The rest of a value from its first byte outside quotes; quotes mean nothing from there on.
    fn unquoted(&mut self, bytes: &mut Vec<u8>) {
        // Blanks at the end are dropped, but not those in front of a backslash.
        let mut kept = bytes.len();
        while let Some(byte) = self.next() {
            if is_line_end(byte) {
                break;
            }
            if byte == b'\\' {
                bytes.extend(self.next().filter(|escaped| !is_line_end(*escaped)));
                kept = bytes.len();
                continue;
            }
            bytes.push(byte);
            if !is_blank(byte) {
                kept = bytes.len();
            }
        }
        bytes.truncate(kept);
    }

    /// True when the quote was closed.
    fn single_quoted(&mut self, bytes: &mut Vec<u8>) -> bool {
        while let Some(byte) = self.next() {
            if byte == b'\'' {
                return true;
            }
            bytes.push(byte);
        }
        false
    }

    /// True when the quote was closed. A backslash stays in front of what needs none.
    fn double_quoted(&mut self, bytes: &mut Vec<u8>) -> bool {
        while let Some(byte) = self.next() {
            match byte {
                b'"' => return true,
                b'\\' => match self.next() {
                    Some(escaped @ (b'"' | b'\\' | b'`' | b'$')) => bytes.push(escaped),
                    Some(b'\n') | None => {}
                    Some(other) => bytes.extend([b'\\', other]),
                },
                _ => bytes.push(byte),
            }
        }
        false
    }
}

#[cfg(test)]
mod tests;
