//! A fixture describes a host in a few lines: files laid over those of a base. It becomes a tree that is read like any
//! other host.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use ecs_nanny::facts::{self, EngineFacts, Fact, Facts};
use ecs_nanny::host::files::Root;
use ecs_nanny::plan::{self, Plan};
use ecs_nanny::settings::{Document, Loaded, merge};
use serde::Deserialize;

/// One fixture file. Paths have no leading slash; what stands in `absent` is removed from the base.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Fixture {
    /// Why it is there.
    about: String,
    base: Option<String>,
    directories: Vec<String>,
    files: BTreeMap<String, String>,
    /// Contents that are not text, in hexadecimal.
    hex: BTreeMap<String, String>,
    links: BTreeMap<String, String>,
    modes: BTreeMap<String, u32>,
    absent: Vec<String>,
    /// ecs-nanny's own settings.
    settings: Option<String>,
    /// What the engine said; nothing where it has not been asked.
    engine: Option<EngineFacts>,
}

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
    let tree = tempfile::tempdir().unwrap();
    let fixture = lay_out(tree.path(), &directory().join(format!("{name}.toml")));
    assert!(!fixture.about.is_empty(), "{name}: say why it is there");
    let documents = fixture.settings.map(|text| Document {
        path: "/etc/ecs-nanny/config.d/50-fixture.toml".to_owned(),
        text,
    });
    let loaded = merge(documents.as_slice()).unwrap();
    let root = Root::at(tree.path());
    let mut facts = facts::read(&root);
    if let Some(engine) = fixture.engine {
        facts.engine = Fact::Known(engine);
    }
    for path in plan::probed_paths(&loaded.settings, &facts) {
        let kind = root.kind(&path);
        facts.host.paths.insert(path, kind);
    }
    Host { loaded, facts }
}

pub fn plan(name: &str) -> Plan {
    host(name).plan()
}

fn lay_out(tree: &Path, file: &Path) -> Fixture {
    let text =
        fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let fixture: Fixture =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    if let Some(base) = &fixture.base {
        lay_out(tree, &directory().join(format!("base/{base}.toml")));
    }
    for path in &fixture.absent {
        remove(&tree.join(path));
    }
    for (path, target) in &fixture.links {
        symlink(target, parent(tree, path)).unwrap();
    }
    for path in &fixture.directories {
        fs::create_dir_all(tree.join(path)).unwrap();
    }
    for (path, content) in &fixture.files {
        fs::write(parent(tree, path), content).unwrap();
    }
    for (path, digits) in &fixture.hex {
        fs::write(
            parent(tree, path),
            facts::Content::Hex(digits.clone()).bytes(),
        )
        .unwrap();
    }
    for (path, mode) in &fixture.modes {
        fs::set_permissions(tree.join(path), PermissionsExt::from_mode(*mode)).unwrap();
    }
    fixture
}

fn parent(tree: &Path, path: &str) -> PathBuf {
    let path = tree.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    path
}

fn remove(path: &Path) {
    if path.is_dir() && !path.is_symlink() {
        fs::remove_dir_all(path).unwrap();
    } else {
        fs::remove_file(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
