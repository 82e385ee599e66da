//! The beginning of a file that was fetched before, and what it is the beginning of.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// What the bytes are the beginning of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The address.
    pub url: String,
    /// The server's word for this version of the file (`ETag`); without one nothing is gone on with.
    pub etag: String,
}

/// The file that holds the beginning.
#[derive(Debug)]
pub struct Partial {
    path: PathBuf,
    source: PathBuf,
}

impl Partial {
    /// The beginning kept at `path`.
    pub fn at(path: &Path) -> Self {
        let mut source = path.as_os_str().to_owned();
        source.push(".source");
        Partial {
            path: path.to_path_buf(),
            source: source.into(),
        }
    }

    /// How many bytes there are of this address, and of which version. A longer or another one is begun anew.
    pub fn of(&self, url: &str) -> Option<(u64, String)> {
        let text = fs::read(&self.source).ok()?;
        let source: Source = serde_json::from_slice(&text).ok()?;
        let length = fs::metadata(&self.path).ok()?.len();
        (source.url == url && length > 0).then_some((length, source.etag))
    }

    /// Notes what follows. Without a version nothing is noted, and a later attempt begins anew.
    pub fn begin(&self, url: &str, etag: Option<&str>) -> anyhow::Result<()> {
        match etag {
            Some(etag) => {
                let source = Source {
                    url: url.to_owned(),
                    etag: etag.to_owned(),
                };
                fs::write(&self.source, serde_json::to_vec(&source)?)
                    .with_context(|| self.source.display().to_string())
            }
            None => self.forget(),
        }
    }

    /// The file is whole.
    pub fn forget(&self) -> anyhow::Result<()> {
        match fs::remove_file(&self.source) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| self.source.display().to_string())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_beginning_of_the_same_file_counts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.partial");
        let partial = Partial::at(&path);
        assert_eq!(partial.of("http://x/a"), None);
        fs::write(&path, "12345").unwrap();
        assert_eq!(partial.of("http://x/a"), None);
        partial.begin("http://x/a", Some("\"e\"")).unwrap();
        assert_eq!(partial.of("http://x/a"), Some((5, "\"e\"".to_owned())));
        assert_eq!(partial.of("http://x/b"), None);
        partial.begin("http://x/a", None).unwrap();
        assert_eq!(partial.of("http://x/a"), None);
    }
}
