//! An archive into which nothing gets but through the masks.

use std::time::SystemTime;

use serde_json::Value;

use crate::agent_config::{mask, mask_value};

/// For root alone: masks know the secrets that we know of.
const MODE: u32 = 0o600;

/// The archive while it is filled.
pub(super) struct Bundle {
    directory: String,
    made: u64,
    archive: tar::Builder<Vec<u8>>,
}

impl Bundle {
    /// An archive whose files lie in one directory.
    pub(super) fn new(directory: String) -> Self {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Bundle {
            directory,
            made: since_1970.unwrap_or_default().as_secs(),
            archive: tar::Builder::new(Vec::new()),
        }
    }

    /// Adds a text; secrets in it are replaced, in whatever grammar they are written.
    ///
    /// # Errors
    /// A name that no archive can hold.
    pub(super) fn text(&mut self, name: &str, text: &str) -> std::io::Result<()> {
        self.add(name, &mask(text.as_bytes()))
    }

    /// Adds a value as JSON; secrets in it are replaced, by their keys and in texts.
    ///
    /// # Errors
    /// As those of [`Bundle::text`].
    pub(super) fn json(&mut self, name: &str, mut value: Value) -> std::io::Result<()> {
        mask_json("", &mut value);
        self.add(name, format!("{value:#}\n").as_bytes())
    }

    fn add(&mut self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_mode(MODE);
        header.set_mtime(self.made);
        header.set_size(bytes.len() as u64);
        let path = format!("{}/{name}", self.directory);
        self.archive.append_data(&mut header, path, bytes)
    }

    /// The archive's bytes.
    ///
    /// # Errors
    /// None for an archive in memory.
    pub(super) fn finish(self) -> std::io::Result<Vec<u8>> {
        self.archive.into_inner()
    }
}

fn mask_json(key: &str, value: &mut Value) {
    match value {
        Value::String(text) => {
            let masked = mask(text.as_bytes());
            *text = mask_value(&variable(key), &String::from_utf8_lossy(&masked));
        }
        Value::Array(items) => {
            for item in items {
                mask_json(key, item);
            }
        }
        Value::Object(members) => {
            for (key, value) in members {
                mask_json(key, value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A key as a variable of that name would be written: Docker's `HttpProxy` is an `HTTP_PROXY`.
fn variable(key: &str) -> String {
    let upper = key.to_ascii_uppercase();
    match upper.strip_suffix("PROXY") {
        Some(scheme) if !scheme.ends_with('_') => format!("{scheme}_PROXY"),
        _ => upper,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use serde_json::json;

    use super::*;

    fn content(bundle: Bundle) -> String {
        let bytes = bundle.finish().unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut text = String::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            assert_eq!(entry.header().mode().unwrap(), MODE);
            text.push_str(&entry.path().unwrap().display().to_string());
            text.push('\n');
            entry.read_to_string(&mut text).unwrap();
        }
        text
    }

    #[test]
    fn no_secret_gets_in() {
        let mut bundle = Bundle::new("report".to_owned());
        bundle
            .text(
                "journal.txt",
                "Nov 20 10:00:00 host dockerd[1]: HTTPS_PROXY=http://me:hunter-1@proxy:3128\n\
                 ECS_ENGINE_AUTH_DATA={\"https://r\":{\"password\":\"hunter-2\"}}\nplain words\n",
            )
            .unwrap();
        bundle
            .json(
                "docker.json",
                json!({
                    "HttpProxy": "http://me:hunter-3@proxy:3128",
                    "HttpsProxy": "me:hunter-4@proxy:3128",
                    "Env": ["AWS_SECRET_ACCESS_KEY=hunter-5", "A=b"],
                    "nested": {"Password": "hunter-6", "text": "X=1\nDB_PASSWORD=hunter-7\n"},
                    "kept": "/run/docker.sock",
                }),
            )
            .unwrap();
        let content = content(bundle);
        assert!(!content.contains("hunter"), "{content}");
        for kept in [
            "report/journal.txt",
            "plain words",
            "A=b",
            "/run/docker.sock",
            "proxy:3128",
        ] {
            assert!(content.contains(kept), "{kept}: {content}");
        }
    }
}
