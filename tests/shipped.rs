//! The packages' list of files: what is in the repository to be shipped is shipped, in both families, where it belongs.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use toml::Value;

/// Directories of which every file is shipped.
const SHIPPED: [&str; 3] = ["systemd", "packaging/config.d", "packaging/journal"];

struct Asset {
    source: String,
    destination: String,
}

fn metadata(family: &str) -> Value {
    let manifest: Value = toml::from_str(&std::fs::read_to_string("Cargo.toml").unwrap()).unwrap();
    manifest["package"]["metadata"][family].clone()
}

fn assets() -> Vec<Asset> {
    let text = |asset: &Value, key: &str| asset[key].as_str().unwrap().to_owned();
    let metadata = metadata("deb");
    let assets = metadata["assets"].as_array().unwrap().iter();
    assets
        .map(|asset| Asset {
            source: text(asset, "source"),
            destination: text(asset, "dest"),
        })
        .collect()
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries
        .flat_map(|entry| match entry.file_type().unwrap().is_dir() {
            true => files(&entry.path()),
            false => vec![entry.path()],
        })
        .collect()
}

#[test]
fn every_unit_and_setting_is_in_the_list() {
    let sources: BTreeSet<String> = assets().into_iter().map(|asset| asset.source).collect();
    let there = SHIPPED
        .iter()
        .flat_map(|directory| files(Path::new(directory)));
    let missing: Vec<PathBuf> = there
        .filter(|file| !sources.contains(file.to_str().unwrap()))
        .collect();
    assert!(
        missing.is_empty(),
        "not in [package.metadata.deb] assets of Cargo.toml, so in no package: {missing:?}"
    );
}

#[test]
fn nothing_in_the_list_is_missing_from_the_repository() {
    let gone: Vec<String> = assets()
        .into_iter()
        .map(|asset| asset.source)
        .filter(|source| !source.starts_with("target/") && !Path::new(source).is_file())
        .collect();
    assert!(gone.is_empty(), "in the list, and not there: {gone:?}");
}

#[test]
fn each_file_goes_where_its_reader_looks() {
    for Asset {
        source,
        destination,
    } in assets()
    {
        let Some(file) = source.strip_prefix("systemd/") else {
            continue;
        };
        let wanted = match Path::new(file).extension().unwrap().to_str().unwrap() {
            "preset" => format!("/usr/lib/systemd/system-preset/{file}"),
            // ecs-nanny.tmpfiles.conf, but drop-ins of units are below a directory.
            "conf" if !file.contains('/') => {
                format!("/usr/lib/tmpfiles.d/{}", file.replace(".tmpfiles", ""))
            }
            _ => format!("/usr/lib/systemd/system/{file}"),
        };
        assert_eq!(destination, wanted, "{source}");
    }
}

#[test]
fn there_is_one_list_for_both_families() {
    // scripts/package gives the deb's list to the rpm; one of its own would be used instead.
    assert!(metadata("generate-rpm").get("assets").is_none());
    assert!(metadata("deb").get("variants").is_none());
}
