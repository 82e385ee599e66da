//! The faults: data, one table a subject.

mod agent;
mod agent_exit_5;
mod engine;
mod files;
mod nanny;
mod network;

use crate::table::Fault;

/// Every fault, in the order in which a whole run takes them.
pub fn all() -> impl Iterator<Item = &'static Fault> {
    [
        agent::FAULTS,
        agent_exit_5::FAULTS,
        engine::FAULTS,
        network::FAULTS,
        files::FAULTS,
        nanny::FAULTS,
    ]
    .into_iter()
    .flatten()
}
