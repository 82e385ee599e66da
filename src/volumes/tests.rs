//! State, counts and recovery, without any host.

mod counts;
mod noting;
mod recovering;
mod state_file;

use std::collections::BTreeMap;

use super::DIRECTORY;
use super::ledger::Ledger;
use super::state::State;
use crate::host::mounts::Mount;

const NOW: &str = "2026-11-20T10:00:00.000000000Z";

fn options(device: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("type".to_owned(), "efs".to_owned()),
        ("device".to_owned(), device.to_owned()),
        ("o".to_owned(), "tls,iam".to_owned()),
    ])
}

/// A ledger with the volume `a`.
fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    assert!(ledger.create("a", &options("fs-1:/"), NOW).unwrap());
    ledger
}

fn mounted(name: &str) -> Mount {
    Mount {
        target: format!("{DIRECTORY}/{name}"),
        fs_type: "nfs4".to_owned(),
        source: "127.0.0.1:/".to_owned(),
    }
}

/// What another process would read of a ledger.
fn written(ledger: &Ledger) -> Vec<u8> {
    ledger.state().render().unwrap()
}

fn references(state: &State, name: &str) -> u32 {
    state.volumes[name].references()
}
