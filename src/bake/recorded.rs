//! The SHA-256 of each address, recorded when it was first fetched, in a file beside the tarball: a line of digest and
//! address each.

use std::io;

use crate::host::files::{Root, replace};

/// Where the digests of what was fetched to `path` are recorded.
pub fn record_path(path: &str) -> String {
    format!("{path}.sha256")
}

/// The digest recorded for an address.
pub(super) fn recorded(root: &Root, path: &str, url: &str) -> Option<String> {
    let text = root.line(&record_path(path))?;
    text.lines()
        .filter_map(|line| line.split_once("  "))
        .find(|(_, address)| *address == url)
        .map(|(digest, _)| digest.to_owned())
}

/// Records the digest of an address in place of an older one.
///
/// # Errors
/// Those of writing the file.
pub(super) fn record(root: &Root, path: &str, url: &str, digest: &str) -> io::Result<()> {
    let record = record_path(path);
    let old = root.line(&record).unwrap_or_default();
    let mut text: String = old
        .lines()
        .filter(|line| {
            line.split_once("  ")
                .is_none_or(|(_, address)| address != url)
        })
        .map(|line| format!("{line}\n"))
        .collect();
    text.push_str(&format!("{digest}  {url}\n"));
    replace(&root.path(&record), 0o644, text.as_bytes()).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_one_digest() {
        let tree = tempfile::tempdir().unwrap();
        let root = Root::at(tree.path());
        assert_eq!(recorded(&root, "/a.tar", "http://x"), None);
        record(&root, "/a.tar", "http://x", "11").unwrap();
        record(&root, "/a.tar", "http://y", "22").unwrap();
        record(&root, "/a.tar", "http://x", "33").unwrap();
        assert_eq!(recorded(&root, "/a.tar", "http://x").as_deref(), Some("33"));
        assert_eq!(recorded(&root, "/a.tar", "http://y").as_deref(), Some("22"));
    }
}
