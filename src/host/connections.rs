//! The TCP connections that a container's processes hold, as `/proc` shows them.

use std::collections::BTreeSet;

use procfs::net::{TcpNetEntry, TcpState};
use procfs::process::{FDTarget, Process, all_processes};

/// Ports on which the agent itself is asked: introspection, task metadata, and the one of its later releases.
const SERVED: [u16; 3] = [51678, 51679, 51680];

/// How many connections to others are established; `None` where `/proc` does not show whose they are. Reads files of every
/// process: not for a loop.
pub fn established(container: &str) -> Option<usize> {
    let processes: Vec<Process> = all_processes()
        .ok()?
        .flatten()
        .filter(|process| is_of(process, container))
        .collect();
    let mut sockets = BTreeSet::new();
    for process in &processes {
        sockets.extend(sockets_of(process)?);
    }
    // They share one network: the agent's is that of the host.
    let first = processes.first()?;
    // A host may be without IPv6.
    let (v4, v6) = (first.tcp().ok()?, first.tcp6().unwrap_or_default());
    let connections = v4.into_iter().chain(v6);
    let held = connections
        .filter(|connection| sockets.contains(&connection.inode) && goes_out(connection));
    Some(held.count())
}

fn is_of(process: &Process, container: &str) -> bool {
    let groups = process.cgroups();
    groups.is_ok_and(|groups| {
        groups
            .0
            .iter()
            .any(|group| group.pathname.contains(container))
    })
}

fn sockets_of(process: &Process) -> Option<Vec<u64>> {
    let files = process.fd().ok()?.flatten();
    Some(
        files
            .filter_map(|file| match file.target {
                FDTarget::Socket(inode) => Some(inode),
                _ => None,
            })
            .collect(),
    )
}

fn goes_out(connection: &TcpNetEntry) -> bool {
    connection.state == TcpState::Established && !SERVED.contains(&connection.local_address.port())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn connections_are_counted_for_the_processes_of_a_group() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let held = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_accepted, _) = listener.accept().unwrap();
        let own = Process::myself().unwrap();
        let sockets = sockets_of(&own).unwrap();
        let port = held.local_addr().unwrap().port();
        let entry = own.tcp().unwrap().into_iter();
        let entry = entry.filter(|entry| entry.local_address.port() == port);
        let entry: Vec<_> = entry.filter(goes_out).collect();
        assert_eq!(entry.len(), 1);
        assert!(sockets.contains(&entry[0].inode));
        assert_eq!(established("a container that is not there"), None);
    }
}
