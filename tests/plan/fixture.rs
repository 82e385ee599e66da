//! The plan's fixtures: a host each, with ecs-nanny's own settings.

use std::fs;
use std::path::{Path, PathBuf};

use ecs_nanny::facts::Facts;
use ecs_nanny::plan::{self, Plan};
use ecs_nanny::settings::{Document, Loaded, merge};

#[path = "../fixture/mod.rs"]
mod layout;

use layout::Fixture;

/// A host that was laid out and read.
pub struct Host {
    pub loaded: Loaded,
    pub facts: Facts,
}

impl Host {
    pub fn plan(&self) -> Plan {
        plan::build(&self.loaded.settings, &self.facts)
    }
}

pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plan")
}

/// The names of all fixtures, sorted.
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "toml"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Lays a fixture out in a directory of its own and reads it as `--root` does.
pub fn host(name: &str) -> Host {
    let fixture = Fixture::of_file("plan", name);
    assert!(!fixture.about.is_empty(), "{name}: say why it is there");
    let documents = fixture.settings.as_ref().map(|text| Document {
        path: "/etc/ecs-nanny/config.d/50-fixture.toml".to_owned(),
        text: text.clone(),
    });
    let loaded = merge(documents.as_slice()).unwrap();
    let (root, _tree, mut facts) = fixture.read("plan");
    for path in plan::probed_paths(&loaded.settings, &facts) {
        let kind = root.kind(&path);
        facts.host.paths.insert(path, kind);
    }
    Host { loaded, facts }
}

pub fn plan(name: &str) -> Plan {
    host(name).plan()
}
