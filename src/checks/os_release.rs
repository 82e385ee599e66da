//! The meaning of os-release(5).

use super::Version;

/// The fields that rules use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OsRelease {
    /// `ID`, for example `amzn`; `linux` where the file has none, as os-release(5) says.
    pub id: String,
    /// `VERSION_ID`, for example `2023`; rolling releases have none.
    pub version_id: Option<String>,
    /// `PRETTY_NAME`, for people.
    pub pretty_name: Option<String>,
}

impl OsRelease {
    /// Reads the file. A later assignment wins; lines that are none are passed over.
    pub fn parse(text: &str) -> Self {
        let mut release = OsRelease {
            id: "linux".to_owned(),
            ..OsRelease::default()
        };
        for (name, value) in text.lines().filter_map(|line| line.trim().split_once('=')) {
            let value = unquoted(value);
            match name {
                "ID" => release.id = value,
                "VERSION_ID" => release.version_id = Some(value),
                "PRETTY_NAME" => release.pretty_name = Some(value),
                _ => {}
            }
        }
        release
    }

    /// `VERSION_ID` as numbers; one number alone is a major version.
    pub fn version(&self) -> Option<Version> {
        let version = self.version_id.as_deref()?;
        Version::leading(version).or_else(|| Version::leading(&format!("{version}.0")))
    }

    /// How people call the system.
    pub fn name(&self) -> String {
        match (&self.pretty_name, &self.version_id) {
            (Some(name), _) => name.clone(),
            (None, Some(version)) => format!("{} {version}", self.id),
            (None, None) => self.id.clone(),
        }
    }
}

/// A value without its quotes and without the backslashes that a shell would take.
fn unquoted(value: &str) -> String {
    let inner = ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value);
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.extend(characters.next()),
            _ => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_comments() {
        let release = OsRelease::parse(
            "# comment = not one\nNAME=\"Amazon Linux\"\nID=\"amzn\"\nVERSION_ID='2023'\nPRETTY_NAME=\"A \\\"B\\\"\"\n",
        );
        assert_eq!(release.id, "amzn");
        assert_eq!(release.version_id.as_deref(), Some("2023"));
        assert_eq!(release.name(), "A \"B\"");
    }

    #[test]
    fn an_empty_file_is_linux() {
        assert_eq!(OsRelease::parse("").name(), "linux");
        assert_eq!(
            OsRelease::parse("ID=debian\nVERSION_ID=\"12\"").name(),
            "debian 12"
        );
    }
}
