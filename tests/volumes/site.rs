//! A host with a Docker daemon, the plugin and a stand-in for the mount helpers.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use ecs_nanny::host::mounts;
use ecs_nanny::volumes::{DIRECTORY, SOCKET, STATE_FILE, State, Volume};
use ecs_nanny_lab::host::Host;
use ecs_nanny_lab::image::Image;
use ecs_nanny_lab::programs;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

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

    /// Starts Docker, with the image of a container that sleeps.
    pub fn start_docker(&mut self) {
        let mut command = Command::new("dockerd");
        self.dockerd = Some(self.spawn(&mut command, "dockerd.log"));
        until("Docker answers", || {
            let output = self.run("docker", &["version"]);
            output.status.success().then_some(()).ok_or(output)
        });
        let tarball = self.directory.path().join("ordinary.tar");
        let program = programs::directory().unwrap().join("ecs-nanny-lab-agent");
        let file = fs::File::create(&tarball).unwrap();
        Image::ordinary(program).write(file).unwrap();
        self.docker(&["load", "--input", &tarball.display().to_string()]);
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

    /// Docker's command line, which has to succeed.
    pub fn docker(&self, arguments: &[&str]) -> String {
        self.done("docker", arguments)
    }

    /// Docker's command line, which has to fail; what it says.
    pub fn docker_refuses(&self, arguments: &[&str]) -> String {
        let output = self.run("docker", arguments);
        assert!(!output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Runs Docker's command line beside the test.
    pub fn docker_aside(&self, arguments: &[&str]) -> Aside {
        let mut command = self.host.command("docker");
        command.args(arguments).stdout(Stdio::null());
        Aside(command.stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Runs a container with a volume beside the test.
    pub fn run_container_aside(&self, name: &str, volume: &str) -> Aside {
        self.docker_aside(&container(name, volume).each_ref().map(String::as_str))
    }

    /// Waits until so many helpers mount.
    pub fn until_helpers(&self, wanted: usize) {
        until("as many helpers as wanted", || {
            let output = self.run("pgrep", &["--full", "^/bin/sh /sbin/mount\\.efs "]);
            let found = String::from_utf8(output.stdout).unwrap().lines().count();
            (found == wanted).then_some(()).ok_or(found)
        });
    }

    /// Creates a volume as the agent does.
    pub fn create_volume(&self, name: &str, device: &str) {
        let option = format!("device={device}");
        let words = ["volume", "create", "--driver", DRIVER, "--opt", "type=efs"];
        self.docker(&[&words[..], &["--opt", "o=tls", "--opt", &option, name]].concat());
    }

    /// Runs a container that sleeps with a volume at `/data`.
    pub fn run_container(&self, name: &str, volume: &str) {
        self.docker(&container(name, volume).each_ref().map(String::as_str));
    }

    /// A file's content as a container sees it.
    pub fn read_in(&self, container: &str, path: &str) -> String {
        fs::read_to_string(self.inside_container(container, path)).unwrap()
    }

    /// Writes a file in a container.
    pub fn write_in(&self, container: &str, path: &str, text: &str) {
        fs::write(self.inside_container(container, path), text).unwrap();
    }

    fn inside_container(&self, container: &str, path: &str) -> PathBuf {
        let pid = self.docker(&["inspect", "--format", "{{.State.Pid}}", container]);
        self.host.path(&format!("/proc/{pid}/root{path}"))
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.host.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn remove(&self, path: &str) {
        fs::remove_file(self.host.path(path)).unwrap();
    }

    /// The targets below the plugin's directory that are mounted, each as often as it is.
    pub fn mounted(&self) -> Vec<String> {
        let table = fs::read_to_string(format!("/proc/{}/mountinfo", self.host.pid())).unwrap();
        let targets = mounts::parse(&table).into_iter().map(|mount| mount.target);
        targets
            .filter_map(|target| {
                Some(
                    target
                        .strip_prefix(DIRECTORY)?
                        .trim_start_matches('/')
                        .to_owned(),
                )
            })
            .collect()
    }

    /// The volumes in the state file.
    pub fn recorded(&self) -> std::collections::BTreeMap<String, Volume> {
        let Ok(bytes) = fs::read(self.host.path(STATE_FILE)) else {
            return std::collections::BTreeMap::new();
        };
        let read = State::parse(&bytes);
        assert!(read.complaints.is_empty(), "{:?}", read.complaints);
        read.state.volumes
    }

    /// How many use a volume, by the state file.
    pub fn references(&self, volume: &str) -> u32 {
        self.recorded()[volume].references()
    }

    /// Nothing is left of any volume.
    pub fn assert_nothing_left(&self) {
        assert_eq!(self.mounted(), [] as [&str; 0]);
        assert!(self.recorded().is_empty(), "{:?}", self.recorded());
        let directories = fs::read_dir(self.host.path(DIRECTORY));
        let left: Vec<_> = directories.into_iter().flatten().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
    }

    /// Status and body of a call of the plugin.
    pub fn call(&self, path: &str, body: &str) -> (u16, serde_json::Value) {
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: plugin\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        exchange(&self.host.path(SOCKET), request.as_bytes())
    }

    /// A call that has to succeed.
    pub fn called(&self, path: &str, body: &str) -> serde_json::Value {
        let (status, answer) = self.call(path, body);
        assert_eq!(status, 200, "{path} {body}: {answer}");
        answer
    }
}

/// Status and body of a request in bytes, on a connection of its own.
pub fn exchange(socket: &Path, request: &[u8]) -> (u16, serde_json::Value) {
    let mut stream = UnixStream::connect(socket).unwrap();
    exchange_on(&mut stream, request)
}

/// The same on a connection that stays open.
pub fn exchange_on(stream: &mut UnixStream, request: &[u8]) -> (u16, serde_json::Value) {
    stream.set_read_timeout(Some(PATIENCE * 3)).unwrap();
    stream.write_all(request).unwrap();
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_ascii_lowercase());
    }
    let status = lines[0].split(' ').nth(1).unwrap().parse().unwrap();
    let length = lines
        .iter()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

/// The words of Docker's command line that run a container with a volume.
pub fn container(name: &str, volume: &str) -> [String; 7] {
    let volume = format!("{volume}:/data");
    [
        "run",
        "--detach",
        "--name",
        name,
        "--volume",
        &volume,
        "lab/ordinary",
    ]
    .map(str::to_owned)
}

/// A command that runs beside the test.
pub struct Aside(Child);

impl Aside {
    /// Waits until it has failed; what it said.
    pub fn fails(self) -> String {
        let output = self.0.wait_with_output().unwrap();
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
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
