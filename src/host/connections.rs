//! The TCP connections that a container's processes hold, as `/proc` shows them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use procfs::net::{TcpNetEntry, TcpState};
use procfs::process::{FDTarget, Process, all_processes};

use super::process::ContainerProcess;

/// Ports on which the agent itself is asked: introspection, task metadata, and the one of its later releases.
const SERVED: [u16; 3] = [51678, 51679, 51680];

/// The connections to others that the processes of a container held at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connections {
    /// How many were established.
    pub count: usize,
    /// All their sockets, by their inodes.
    sockets: BTreeSet<u64>,
    at: Instant,
}

impl Connections {
    /// Whether the processes hold the same sockets as then, which says the same of their connections: a program closes the
    /// socket of one that has ended. Not for long, since it need not. The kernel's tables, in which the connections stand,
    /// take milliseconds to read on a host that has many.
    pub fn stand(&self, first: &ContainerProcess) -> bool {
        const FOR_LONG: Duration = Duration::from_secs(300);
        let now = || sockets(&with_descendants(first)?);
        self.count > 0 && self.at.elapsed() < FOR_LONG && now().as_ref() == Some(&self.sockets)
    }
}

/// The connections to others that the processes of a container have established; `None` where `/proc` does not show whose
/// they are. It costs as much as this container has processes and the host connections, however many others there are.
pub fn established(first: &ContainerProcess) -> Option<Connections> {
    let processes = match with_descendants(first) {
        Some(processes) => processes,
        // A kernel without CONFIG_PROC_CHILDREN.
        None => all_processes()
            .ok()?
            .flatten()
            .filter(|process| is_of(process, &first.container))
            .collect(),
    };
    let sockets = sockets(&processes)?;
    // They share one network: the agent's is that of the host.
    let first = processes.first()?;
    // A host may be without IPv6.
    let (v4, v6) = (first.tcp().ok()?, first.tcp6().unwrap_or_default());
    let connections = v4.into_iter().chain(v6);
    let held = connections
        .filter(|connection| sockets.contains(&connection.inode) && goes_out(connection));
    Some(Connections {
        count: held.count(),
        sockets,
        at: Instant::now(),
    })
}

fn sockets(processes: &[Process]) -> Option<BTreeSet<u64>> {
    let mut sockets = BTreeSet::new();
    for process in processes {
        sockets.extend(sockets_of(process)?);
    }
    Some(sockets)
}

/// A container's first process and all that came of it; `None` where the kernel does not tell.
fn with_descendants(first: &ContainerProcess) -> Option<Vec<Process>> {
    let mut found = Vec::new();
    let mut open = vec![first.pid];
    while let Some(pid) = open.pop() {
        let process = Process::new(pid).ok();
        // It may have ended meanwhile, and its number may be another's.
        let Some(process) = process.filter(|process| is_of(process, &first.container)) else {
            continue;
        };
        for task in process.tasks().ok()?.flatten() {
            let children = task.children().ok()?;
            open.extend(
                children
                    .into_iter()
                    .filter_map(|pid| i32::try_from(pid).ok()),
            );
        }
        found.push(process);
    }
    Some(found)
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
    use std::os::fd::OwnedFd;
    use std::process::{Child, Command, Stdio};

    use super::*;

    #[test]
    fn connections_are_counted_for_the_processes_of_a_group() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let held = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_accepted, _) = listener.accept().unwrap();
        let own = Process::myself().unwrap();
        let sockets = sockets_of(&own).unwrap();
        let (from, to) = (held.local_addr().unwrap(), held.peer_addr().unwrap());
        let entry = own.tcp().unwrap().into_iter();
        let entry = entry.filter(|it| (it.local_address, it.remote_address) == (from, to));
        let entry: Vec<_> = entry.filter(goes_out).collect();
        assert_eq!(entry.len(), 1);
        assert!(sockets.contains(&entry[0].inode));
        let absent = ContainerProcess {
            pid: own.pid,
            container: "a container that is not there".to_owned(),
        };
        assert_eq!(established(&absent), None);
    }

    /// A child process, ended with the test.
    struct Held(Child);

    impl Held {
        /// It holds a socket as its input.
        fn with(socket: TcpStream) -> (Self, ContainerProcess) {
            let mut command = Command::new("sleep");
            command.arg("600").stdin(OwnedFd::from(socket));
            let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            let child = Held(child.unwrap());
            let own = Process::myself().unwrap().cgroups().unwrap().0;
            let first = ContainerProcess {
                pid: child.0.id().cast_signed(),
                // Any of its control groups stands for the container's.
                container: own[0].pathname.clone(),
            };
            (child, first)
        }
    }

    impl Drop for Held {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_child_belongs_to_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_child, held) = Held::with(socket);
        let first = ContainerProcess {
            pid: Process::myself().unwrap().pid,
            container: held.container,
        };
        let found = with_descendants(&first).unwrap();
        assert_eq!(found[0].pid, first.pid);
        assert!(found.iter().any(|process| process.pid == held.pid));
    }

    #[test]
    fn connections_stand_while_their_sockets_are_held_and_not_for_ever() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (_child, first) = Held::with(TcpStream::connect(address).unwrap());
        let (_other_child, other) = Held::with(TcpStream::connect(address).unwrap());
        let mut known = established(&first).unwrap();
        assert!(known.count >= 1);
        assert!(known.stand(&first));
        assert!(!known.stand(&other), "those are other sockets");
        known.at -= Duration::from_secs(301);
        assert!(!known.stand(&first));
    }
}
