//! Grammar B: how ecs-init reads a file for the agent's container (`getEnvVars`, 1.105.1). No comments, no quotes, no
//! continuation lines; the name is not trimmed.

use super::lines;

/// A variable that ecs-init passes, as it passes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Passed {
    /// Offset in the file of its line, which ends with `\n` only.
    pub(super) start: usize,
    /// Offset behind that line.
    pub(super) end: usize,
    /// Everything in front of the first `=`.
    pub(super) name: String,
    /// Everything behind it.
    pub(super) value: String,
}

/// Every variable of a file, in order.
pub(super) fn variables(file: &[u8]) -> Vec<Passed> {
    let mut passed = Vec::new();
    let mut start = 0;
    for line in file.split_inclusive(|byte| *byte == b'\n') {
        let text = lines::text(line);
        if let Some((name, value)) = text.trim().split_once('=') {
            passed.push(Passed {
                start,
                end: start + line.len(),
                name: name.to_owned(),
                value: value.to_owned(),
            });
        }
        start += line.len();
    }
    passed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_ecs_init_does() {
        let told: Vec<_> = variables(
            b"\xef\xbb\xbfA=1 # x \r\n\n#B='2'\nexport C=3\nD = 4\nE\n=5\nF=6\\\n7\nG=8\rH=9\nI=\xff",
        )
        .into_iter()
        .map(|passed| (passed.start, passed.name, passed.value))
        .collect();
        let told: Vec<_> = told
            .iter()
            .map(|(start, name, value)| (*start, name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (0, "\u{feff}A", "1 # x"),
                (14, "#B", "'2'"),
                (21, "export C", "3"),
                (32, "D ", " 4"),
                (40, "", "5"),
                (43, "F", "6\\"),
                (50, "G", "8\rH=9"),
                (58, "I", "\u{fffd}"),
            ]
        );
    }
}
