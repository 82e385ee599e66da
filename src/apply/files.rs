//! The plan's directories and files on the host's disk.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use crate::finding::{Finding, Severity};
use crate::host::files::{Root, replace};
use crate::plan::{Change, Plan};

use super::gpu::remove_inventory;
use super::report::problem;

/// Makes the plan's directories and writes its files where they differ. Blocking: waits for the disk. What fails is a
/// finding; the old content of a file is then in place.
pub fn files(plan: &Plan) -> Vec<Finding> {
    let directories = plan
        .directories
        .iter()
        .filter(|directory| directory.change != Change::None)
        .map(|directory| {
            let mode = bits(&directory.mode);
            (&directory.path, make_directory(&directory.path, mode))
        });
    let files = plan
        .files
        .iter()
        .filter(|file| file.change != Change::None)
        .map(|file| {
            let written = replace(
                Path::new(&file.path),
                bits(&file.mode),
                &file.content.bytes(),
            );
            if let Ok(true) = written {
                tracing::info!("wrote {}", file.path);
            }
            (&file.path, written.map(drop))
        });
    let stale = plan.preparation.stale_inventory.iter().map(|path| {
        let removed = remove_inventory(&Root::host());
        if let Ok(true) = removed {
            tracing::info!("removed {path}, which came with the image: there is no GPU");
        }
        (path, removed.map(drop))
    });
    directories
        .chain(stale)
        .chain(files)
        .filter_map(|(path, result)| result.err().map(|error| not_written(path, &error)))
        .collect()
}

fn make_directory(path: &str, mode: u32) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(mode).create(path)
}

/// Modes in plans are octal text.
fn bits(mode: &str) -> u32 {
    const PRIVATE: u32 = 0o600;
    u32::from_str_radix(mode, 8).unwrap_or(PRIVATE)
}

fn not_written(path: &str, error: &io::Error) -> Finding {
    problem(
        "files.written",
        "the files of the plan are on the disk",
        Severity::Recommended,
        format!("{path} could not be written: {error}"),
        "a file system that can be written, with room",
        "look at df and mount; it is tried again when the configuration changes",
    )
}
