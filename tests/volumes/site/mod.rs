//! A host with a Docker daemon, the plugin and a stand-in for the mount helpers: what runs on it.

mod calls;
mod docker;
mod recorded;

use std::fs::{self, OpenOptions};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use ecs_nanny::volumes::SOCKET;
use ecs_nanny_lab::host::Host;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub use calls::{exchange, exchange_on};
pub use docker::{Aside, container};
pub use recorded::NOTES;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_ecs-nanny");
/// The driver's name, as the agent gives it.
pub const DRIVER: &str = "amazon-ecs-volume-plugin";
/// Where the stand-in helper's file systems are.
pub const STORE: &str = "/var/lib/lab-efs";
/// How long anything may take that is not itself timed: much longer than it takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

const HELPER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/mount.efs");
const UMOUNT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/volumes/umount");

/// Hosts at a time.
const HOSTS: usize = 3;
static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// A place for one more host.
struct Turn;

impl Turn {
    fn wait() -> Self {
        let mut running = RUNNING.lock().unwrap();
        while *running >= HOSTS {
            running = ENDED.wait(running).unwrap();
        }
        *running += 1;
        Turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap() -= 1;
        ENDED.notify_one();
    }
}

/// A host of its own. Everything on it ends with it, also when the test panics.
pub struct Site {
    plugin: Option<Child>,
    dockerd: Option<Child>,
    pub host: Host,
    directory: tempfile::TempDir,
    _turn: Turn,
}

impl Site {
    /// A host with mount helpers, on which nothing runs.
    pub fn prepared() -> Self {
        let site = Self::without_helpers();
        let sbin = site.directory.path().join("sbin");
        for name in ["upper", "work"] {
            fs::create_dir_all(sbin.join(name)).unwrap();
        }
        for (program, name) in [
            (HELPER, "mount.efs"),
            (HELPER, "mount.s3files"),
            (UMOUNT, "umount"),
        ] {
            fs::copy(program, sbin.join("upper").join(name)).unwrap();
        }
        let sbin = sbin.display();
        let options = format!("lowerdir=/usr/sbin,upperdir={sbin}/upper,workdir={sbin}/work");
        site.done(
            "mount",
            &["-t", "overlay", "-o", &options, "overlay", "/usr/sbin"],
        );
        site
    }

    /// A host without mount helpers.
    pub fn without_helpers() -> Self {
        let turn = Turn::wait();
        // The host can't stand on what it replaces, and the system's temporary directory may lie there.
        let directory = tempfile::Builder::new()
            .prefix("ecs-nanny-volumes-")
            .tempdir_in("/tmp")
            .unwrap();
        let host = Host::start(directory.path()).unwrap();
        let site = Site {
            plugin: None,
            dockerd: None,
            host,
            directory,
            _turn: turn,
        };
        fs::create_dir_all(site.host.path(STORE)).unwrap();
        site
    }

    /// A host with Docker and the plugin.
    pub fn running() -> Self {
        let mut site = Self::prepared();
        site.start_plugin();
        site.start_docker();
        site
    }

    /// Starts the plugin; one that ran before has ended.
    pub fn start_plugin(&mut self) {
        self.end_plugin();
        let mut command = Command::new(PROGRAM);
        command
            .arg("volumes")
            .env_remove("JOURNAL_STREAM")
            // Its own umount first.
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        self.plugin = Some(self.spawn(&mut command, "plugin.log"));
        until("the plugin listens", || {
            UnixStream::connect(self.host.path(SOCKET)).map(drop)
        });
    }

    /// Ends the plugin as a crash does.
    pub fn end_plugin(&mut self) {
        if let Some(mut plugin) = self.plugin.take() {
            let _ = plugin.kill();
            plugin.wait().unwrap();
        }
    }

    /// Waits until the plugin has ended by itself.
    pub fn plugin_ended(&mut self) -> ExitStatus {
        let plugin = self.plugin.as_mut().expect("the plugin was started");
        let ended = until("the plugin has ended", || {
            plugin.try_wait().unwrap().ok_or("it runs")
        });
        self.plugin = None;
        ended
    }

    /// The plugin's process id, as seen from outside.
    pub fn plugin_pid(&self) -> u32 {
        self.plugin.as_ref().expect("the plugin was started").id()
    }

    /// Sends the plugin a signal.
    pub fn signal_plugin(&self, signal: Signal) {
        kill(Pid::from_raw(self.plugin_pid().cast_signed()), signal).unwrap();
    }

    fn spawn(&self, command: &mut Command, log: &str) -> Child {
        let log = self.directory.path().join(log);
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .unwrap();
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        self.host.inside(|| command.spawn()).unwrap().unwrap()
    }

    /// What the plugin has recorded, in all its runs.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("plugin.log")).unwrap_or_default()
    }

    /// Runs a program on the host and waits for it.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Output {
        self.host.command(program).args(arguments).output().unwrap()
    }

    /// Runs a program on the host that has to succeed; its output without the last line's end.
    pub fn done(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.run(program, arguments);
        assert!(
            output.status.success(),
            "{program} {arguments:?}: {output:?}"
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Waits until so many helpers mount.
    pub fn until_helpers(&self, wanted: usize) {
        until("as many helpers as wanted", || {
            let output = self.run("pgrep", &["--full", "^/bin/sh /sbin/mount\\.efs "]);
            let found = String::from_utf8(output.stdout).unwrap().lines().count();
            (found == wanted).then_some(()).ok_or(found)
        });
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.host.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn remove(&self, path: &str) {
        fs::remove_file(self.host.path(path)).unwrap();
    }
}

/// Looks until there is a value.
#[track_caller]
pub fn until<T, E: std::fmt::Debug>(what: &str, mut look: impl FnMut() -> Result<T, E>) -> T {
    let started = Instant::now();
    loop {
        match look() {
            Ok(value) => return value,
            Err(seen) => assert!(started.elapsed() < PATIENCE, "not {what}: {seen:?}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("records of the plugin:\n{}", self.log());
            let log = fs::read_to_string(self.directory.path().join("dockerd.log"));
            eprintln!("records of Docker:\n{}", log.unwrap_or_default());
        }
        for mut process in self.plugin.take().into_iter().chain(self.dockerd.take()) {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
