//! One `ecs-nanny run`, and what it tells systemd.

use std::fs::OpenOptions;
use std::net::Shutdown;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use ecs_nanny_lab::host::Host;
use ecs_nanny_lab::unit;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::wait::eventually;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_ecs-nanny");

/// A running `ecs-nanny run`; killed when dropped.
pub struct Nanny {
    process: Child,
    /// When it was started, cut to the precision of its documents.
    pub started: SystemTime,
    notifications: Notifications,
}

impl Nanny {
    /// Starts it on a host; its records are appended to `log`, and `socket` is what systemd would listen on.
    pub fn start(host: &Host, log: &Path, socket: &Path) -> Self {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .unwrap();
        let notifications = Notifications::listen(socket);
        let started = SystemTime::now() - Duration::from_millis(1);
        let mut command = Command::new(PROGRAM);
        unit::environment(&mut command, socket);
        command
            .arg("run")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        Nanny {
            process: host.inside(|| command.spawn()).unwrap().unwrap(),
            started,
            notifications,
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.process.id().cast_signed()), signal).unwrap();
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self, within: Duration) -> ExitStatus {
        eventually("ended", within, async || match self.process.try_wait() {
            Ok(Some(status)) => Ok(status),
            other => Err(format!("{other:?}")),
        })
        .await
    }

    /// Everything that it told systemd, oldest first.
    pub fn told(&self) -> Vec<String> {
        self.notifications.told.lock().unwrap().clone()
    }

    /// Waits until it has told systemd something.
    pub async fn tells(&self, what: &str, within: Duration) -> String {
        eventually(format!("told {what:?}"), within, async || {
            let told = self.told();
            let found = told.iter().find(|line| line.contains(what)).cloned();
            found.ok_or_else(|| format!("{told:#?}"))
        })
        .await
    }
}

impl Drop for Nanny {
    fn drop(&mut self) {
        // It may have ended, and been waited for, already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The socket that systemd would listen on. Read at once: a full queue would hold up the sender.
struct Notifications {
    socket: UnixDatagram,
    told: Arc<Mutex<Vec<String>>>,
}

impl Notifications {
    fn listen(path: &Path) -> Self {
        let _ = std::fs::remove_file(path);
        let socket = UnixDatagram::bind(path).unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let (reader, lines) = (socket.try_clone().unwrap(), told.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 64 * 1024];
            // Nothing is read once the socket is shut.
            while let Ok(length @ 1..) = reader.recv(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                lines
                    .lock()
                    .unwrap()
                    .extend(text.lines().map(str::to_owned));
            }
        });
        Notifications { socket, told }
    }
}

impl Drop for Notifications {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}
