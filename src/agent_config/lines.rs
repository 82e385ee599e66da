//! A file as physical lines, whatever ends them.

/// The UTF-8 byte order mark, which editors on Windows put in front.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// `\n`.
    Lf,
    /// `\r\n`.
    CrLf,
    /// `\r` alone: a line end for systemd, an ordinary character for ecs-init.
    Cr,
    /// The end of the file.
    None,
}

impl Ending {
    /// As it stands in the file.
    pub(super) fn bytes(self) -> &'static [u8] {
        match self {
            Ending::Lf => b"\n",
            Ending::CrLf => b"\r\n",
            Ending::Cr => b"\r",
            Ending::None => b"",
        }
    }
}

/// One line, without its end and without a byte order mark.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// From 1; `\n`, `\r\n` and a lone `\r` each count.
    pub(super) number: u32,
    /// Offset of the first byte in the file.
    pub(super) start: usize,
    /// The bytes between the line ends.
    pub(super) bytes: &'a [u8],
    /// What ends it.
    pub(super) ending: Ending,
}

/// The lines of a file.
pub(super) fn split(file: &[u8]) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut start = 0;
    while file[start..].starts_with(BYTE_ORDER_MARK) {
        start += BYTE_ORDER_MARK.len();
    }
    while start < file.len() {
        let rest = &file[start..];
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b'\n' | b'\r'))
            .unwrap_or(rest.len());
        let (ending, ends) = match &rest[length..] {
            [b'\r', b'\n', ..] => (Ending::CrLf, 2),
            [b'\r', ..] => (Ending::Cr, 1),
            [b'\n', ..] => (Ending::Lf, 1),
            _ => (Ending::None, 0),
        };
        lines.push(Line {
            number: u32::try_from(lines.len() + 1).unwrap_or(u32::MAX),
            start,
            bytes: &rest[..length],
            ending,
        });
        start += length + ends;
    }
    lines
}

/// Bytes as text: each byte that is not UTF-8 becomes U+FFFD, as Go's `encoding/json` writes it when ecs-init sends the
/// agent's environment to Docker.
pub(super) fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_ends_a_line() {
        let told: Vec<_> = split(b"\xef\xbb\xbfa\nb\r\nc\rd")
            .iter()
            .map(|line| (line.number, line.start, line.bytes.to_vec(), line.ending))
            .collect();
        assert_eq!(
            told,
            [
                (1, 3, b"a".to_vec(), Ending::Lf),
                (2, 5, b"b".to_vec(), Ending::CrLf),
                (3, 8, b"c".to_vec(), Ending::Cr),
                (4, 10, b"d".to_vec(), Ending::None),
            ]
        );
        assert!(split(b"").is_empty());
        assert_eq!(split(b"\n").len(), 1);
    }

    #[test]
    fn each_byte_that_is_not_utf_8_is_replaced_by_itself() {
        // A sequence cut short is two bad bytes to Go, one to String::from_utf8_lossy.
        assert_eq!(text(b"a\xe2\x82b\xff"), "a\u{fffd}\u{fffd}b\u{fffd}");
    }
}
