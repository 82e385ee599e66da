//! A tar archive by its table of contents. What it reads of any archive is bounded.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};

use serde::de::DeserializeOwned;
use tar::EntryType;

use super::{TarballError, parse};

/// The most that is read of one JSON file, in bytes: as much as registries take for a manifest
/// (distribution-spec, "Pushing Manifests").
pub(super) const MAX_JSON: u64 = 4 * 1024 * 1024;
/// The most entries that an archive may have; the agent's has some twenty.
const MAX_ENTRIES: u64 = 10_000;
/// The most that is read of all JSON files of one archive together, in bytes.
const MAX_READ: u64 = 16 * 1024 * 1024;
const BLOCK: u64 = 512;

/// An archive whose headers were read.
pub(super) struct Archive<R> {
    tarball: R,
    entries: BTreeMap<String, Entry>,
    read: u64,
}

struct Entry {
    at: u64,
    size: u64,
    kind: EntryType,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads every header and passes over every content.
    pub(super) fn open(mut tarball: R) -> Result<Self, TarballError> {
        let length = tarball.seek(SeekFrom::End(0)).map_err(unreadable)?;
        if length == 0 {
            return Err(TarballError::Empty);
        }
        tarball.rewind().map_err(unreadable)?;
        let entries = contents(&mut tarball, length)?;
        Ok(Archive {
            tarball,
            entries,
            read: 0,
        })
    }

    /// A JSON file; `None` where the archive has none.
    pub(super) fn json<T: DeserializeOwned>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, TarballError> {
        match self.bytes(name)? {
            Some(bytes) => parse(&bytes, name).map(Some),
            None => Ok(None),
        }
    }

    /// A small file that another one names.
    pub(super) fn named(&mut self, name: &str, by: &str) -> Result<Vec<u8>, TarballError> {
        self.bytes(name)?.ok_or_else(|| incomplete(name, by))
    }

    /// Fails where a file that another one names is not in the archive. Links count: old versions of Docker write a
    /// layer that several images share once.
    pub(super) fn holds(&self, name: &str, by: &str) -> Result<(), TarballError> {
        match self.entries.get(name) {
            Some(entry) if entry.kind.is_file() || is_link(entry.kind) => Ok(()),
            _ => Err(incomplete(name, by)),
        }
    }

    /// A small file; `None` where the archive has none.
    pub(super) fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, TarballError> {
        let Some(entry) = self.entries.get(name) else {
            return Ok(None);
        };
        if !entry.kind.is_file() {
            return Err(TarballError::Damaged(format!("{name} is not a file")));
        }
        limit(name, entry.size, MAX_JSON)?;
        self.read += entry.size;
        limit("all its JSON together", self.read, MAX_READ)?;
        let mut bytes = Vec::new();
        self.tarball
            .seek(SeekFrom::Start(entry.at))
            .map_err(unreadable)?;
        (&mut self.tarball)
            .take(entry.size)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        Ok(Some(bytes))
    }
}

fn contents(
    tarball: &mut (impl Read + Seek),
    length: u64,
) -> Result<BTreeMap<String, Entry>, TarballError> {
    if let Some(program) = compression(tarball).map_err(unreadable)? {
        return Err(TarballError::Compressed(program));
    }
    let mut entries = BTreeMap::new();
    let mut end = 0;
    let mut count = 0;
    let mut archive = tar::Archive::new(tarball);
    // Raw: long names would be read into memory whatever their size, and none that matters here is long.
    for entry in archive.entries_with_seek().map_err(unreadable)?.raw(true) {
        let entry = entry.map_err(|error| bad_header(&error, end, length))?;
        let name = String::from_utf8_lossy(&entry.path_bytes())
            .trim_start_matches("./")
            .to_owned();
        let at = entry.raw_file_position();
        let size = entry.size();
        // Seeking beyond the end is no error.
        end = at
            .checked_add(size)
            .filter(|end| *end <= length)
            .ok_or_else(|| TarballError::Truncated {
                length,
                within: name.clone(),
            })?;
        count += 1;
        limit("the number of entries", count, MAX_ENTRIES)?;
        let kind = entry.header().entry_type();
        entries.insert(name, Entry { at, size, kind });
    }
    Ok(entries)
}

/// The program whose magic number the file begins with.
fn compression(tarball: &mut (impl Read + Seek)) -> io::Result<Option<&'static str>> {
    const MAGIC: [(&[u8], &str); 4] = [
        (&[0x1f, 0x8b], "gzip"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
        (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz"),
        (b"BZh", "bzip2"),
    ];
    let mut start = Vec::new();
    tarball.take(6).read_to_end(&mut start)?;
    tarball.rewind()?;
    Ok(MAGIC
        .iter()
        .find(|(magic, _)| start.starts_with(magic))
        .map(|(_, program)| *program))
}

fn bad_header(error: &io::Error, end: u64, length: u64) -> TarballError {
    let header = end.next_multiple_of(BLOCK);
    if error.raw_os_error().is_some() {
        TarballError::Unreadable(error.to_string())
    } else if length < header + BLOCK && header > 0 {
        TarballError::Truncated {
            length,
            within: format!("the header at byte {header}"),
        }
    } else if header == 0 {
        TarballError::NotATar
    } else {
        TarballError::Damaged(format!("no header at byte {header}"))
    }
}

/// Fails where a part of the archive is bigger than any image needs.
pub(super) fn limit(what: &str, size: u64, limit: u64) -> Result<(), TarballError> {
    if size <= limit {
        return Ok(());
    }
    Err(TarballError::TooLarge {
        what: what.to_owned(),
        size,
        limit,
    })
}

fn is_link(kind: EntryType) -> bool {
    kind.is_symlink() || kind.is_hard_link()
}

fn incomplete(missing: &str, by: &str) -> TarballError {
    TarballError::Incomplete {
        missing: missing.to_owned(),
        named_by: by.to_owned(),
    }
}

fn unreadable(error: io::Error) -> TarballError {
    TarballError::Unreadable(error.to_string())
}
