//! A host with an image tarball, settings and a cluster, on which ecs-nanny is started and disturbed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Output;
use std::sync::OnceLock;
use std::time::Duration;

use ecs_nanny::host::docker::{Container, Docker};
use ecs_nanny::snapshot::{Phase, Reason, Snapshot, Timestamp};
use ecs_nanny_lab::host::Host;
use ecs_nanny_lab::image::Image;
use ecs_nanny_lab::programs;
use nix::sys::signal::Signal;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::nanny::{Nanny, PROGRAM};
use super::wait::{PATIENCE, eventually};

pub const USER_CONFIG: &str = "/etc/ecs/ecs.config";
pub const VENDOR_CONFIG: &str = "/var/lib/ecs/ecs.config";
pub const TARBALL: &str = "/var/cache/ecs/ecs-agent.tar";
pub const SETTINGS: &str = "/etc/ecs-nanny/config.d/50-lab.toml";
pub const HEALTH: &str = "/run/ecs-nanny/health.json";
const AGENT_CONTROL: &str = "/var/lib/ecs/data/lab.json";

/// Not EC2, and dockerd as a child.
const LAB_SETTINGS: &str = "[metadata]\nec2 = \"no\"\n[engine]\nbackend = \"child\"\n";

/// Hosts at a time: each has a Docker daemon, and this many are enough for two cores.
static TURNS: Semaphore = Semaphore::const_new(3);

/// A host of its own. Everything on it ends with it, also when the test panics.
pub struct World {
    nanny: Option<Nanny>,
    pub host: Host,
    directory: tempfile::TempDir,
    _turn: SemaphorePermit<'static>,
}

impl World {
    /// A host on which nothing runs yet: the cluster is `blue`.
    pub async fn prepared() -> Self {
        Self::prepared_with(Host::start, LAB_SETTINGS).await
    }

    /// A host whose firmware says that it is an EC2 instance.
    pub async fn prepared_ec2() -> Self {
        Self::prepared_with(Host::start_ec2, "[engine]\nbackend = \"child\"\n").await
    }

    async fn prepared_with(start: fn(&Path) -> anyhow::Result<Host>, settings: &str) -> Self {
        let turn = TURNS.acquire().await.unwrap();
        // The host can't stand on what it replaces, and the system's temporary directory may lie there.
        let directory = tempfile::Builder::new()
            .prefix("ecs-nanny-run-")
            .tempdir_in("/tmp")
            .unwrap();
        let host = start(directory.path()).unwrap();
        let world = World {
            nanny: None,
            host,
            directory,
            _turn: turn,
        };
        world.write(SETTINGS, settings);
        world.write(USER_CONFIG, "ECS_CLUSTER=blue\n");
        world.write(TARBALL, image_tarball());
        world
    }

    /// A host whose agent is registered.
    pub async fn healthy() -> Self {
        let mut world = Self::prepared().await;
        world.start();
        world.until_healthy().await;
        world
    }

    /// Starts ecs-nanny; one that ran before has ended.
    pub fn start(&mut self) {
        self.nanny = None;
        self.nanny = Some(Nanny::start(
            &self.host,
            &self.directory.path().join("nanny.log"),
            &self.directory.path().join("notify"),
        ));
    }

    pub fn nanny(&self) -> &Nanny {
        self.nanny.as_ref().expect("ecs-nanny was started")
    }

    pub fn nanny_mut(&mut self) -> &mut Nanny {
        self.nanny.as_mut().expect("ecs-nanny was started")
    }

    /// Kills ecs-nanny without a chance to do anything.
    pub async fn kill_nanny(&mut self) {
        self.nanny().signal(Signal::SIGKILL);
        self.nanny_mut().ended(PATIENCE).await;
    }

    /// Everything that ecs-nanny has recorded, of all its runs.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("nanny.log")).unwrap_or_default()
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.host.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.host.path(path)).unwrap()
    }

    pub fn remove(&self, path: &str) {
        fs::remove_file(self.host.path(path)).unwrap();
    }

    /// The directories that are its own, as a tree: what an image made of it would hold.
    pub fn image_root(&self) -> std::path::PathBuf {
        self.directory.path().join("root")
    }

    /// How the agent behaves from now on, at its start and when it looks, once a second.
    pub fn control_agent(&self, control: serde_json::Value) {
        self.write(AGENT_CONTROL, control.to_string());
    }

    /// How often the agent was started, ever.
    pub fn agent_starts(&self) -> u32 {
        let text = self.read("/var/lib/ecs/data/lab-starts");
        String::from_utf8(text).unwrap().trim().parse().unwrap()
    }

    /// The document that ecs-nanny wrote since it was started.
    pub fn health(&self) -> Result<Snapshot, String> {
        let bytes =
            fs::read(self.host.path(HEALTH)).map_err(|error| format!("{HEALTH}: {error}"))?;
        let snapshot: Snapshot =
            serde_json::from_slice(&bytes).map_err(|error| format!("{HEALTH}: {error}"))?;
        if snapshot.nanny.started_at < Timestamp(self.nanny().started) {
            return Err(format!("{HEALTH} is of an earlier run"));
        }
        Ok(snapshot)
    }

    /// Waits for a document of which something is true.
    #[track_caller]
    pub fn until(
        &self,
        what: impl Into<String>,
        within: Duration,
        wanted: impl Fn(&Snapshot) -> bool,
    ) -> impl Future<Output = Snapshot> {
        eventually(what, within, async move || {
            let snapshot = self.health()?;
            if wanted(&snapshot) {
                return Ok(snapshot);
            }
            Err(format!("{}; agent: {:?}", snapshot.line(), snapshot.agent))
        })
    }

    #[track_caller]
    pub fn until_healthy(&self) -> impl Future<Output = Snapshot> {
        self.until("healthy", PATIENCE, Snapshot::ready)
    }

    #[track_caller]
    pub fn until_phase(
        &self,
        phase: Phase,
        reason: Reason,
        within: Duration,
    ) -> impl Future<Output = Snapshot> {
        self.until(format!("{phase} ({reason})"), within, move |snapshot| {
            snapshot.phase == phase && snapshot.reason == Some(reason)
        })
    }

    /// A client of the host's Docker daemon.
    pub async fn docker(&self) -> Docker {
        let socket = self.host.path("/run/docker.sock");
        Docker::connect(&socket.display().to_string())
            .await
            .unwrap()
    }

    /// The agent's container, as Docker has it.
    pub async fn agent(&self) -> Container {
        let found = self.docker().await.container("ecs-agent").await;
        found.unwrap().expect("there is a container ecs-agent")
    }

    /// The environment of the agent's process.
    pub async fn agent_environment(&self) -> BTreeMap<String, String> {
        let pid = self.agent().await.pid.expect("the agent runs");
        let bytes = self.read(&format!("/proc/{pid}/environ"));
        let text = String::from_utf8_lossy(&bytes).into_owned();
        text.split_terminator('\0')
            .map(|variable| variable.split_once('=').unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// The process id of dockerd, as the host sees it.
    pub fn dockerd_pid(&self) -> i64 {
        self.pid_in("/run/docker.pid").unwrap()
    }

    /// The process id in a pid file.
    pub fn pid_in(&self, file: &str) -> Result<i64, String> {
        let text = fs::read_to_string(self.host.path(file)).map_err(|error| error.to_string())?;
        text.trim().parse().map_err(|_| format!("{file}: {text:?}"))
    }

    /// Sends a signal to a process by its id on the host.
    pub fn signal(&self, signal: Signal, pid: i64) {
        self.done("kill", &["-s", &signal.as_str()[3..], &pid.to_string()]);
    }

    /// Runs a program on the host that has to succeed; its output.
    pub fn done(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.run(program, arguments);
        assert!(
            output.status.success(),
            "{program} {arguments:?}: {output:?}"
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Kills the agent's process.
    pub async fn kill_agent(&self) {
        let pid = self.agent().await.pid.expect("the agent runs");
        self.signal(Signal::SIGKILL, pid);
    }

    /// Runs a program on the host and waits for it.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = self.host.command(program);
        command.args(arguments).output().unwrap()
    }

    /// Runs a command of ecs-nanny on the host.
    pub fn ecs_nanny(&self, arguments: &[&str]) -> Output {
        self.run(PROGRAM, arguments)
    }

    /// Status and body of a request on the health socket; the request is given without its empty line.
    pub fn http(&self, request: &str) -> (u16, String) {
        let socket = self.host.path("/run/ecs-nanny/health.sock");
        self.http_over(UnixStream::connect(socket).unwrap(), request)
    }

    /// The same on a connection.
    pub fn http_over(&self, mut connection: impl Read + Write, request: &str) -> (u16, String) {
        write!(connection, "{request}\r\n").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// The names of the host's processes but for its first one and what that waits for.
    pub fn processes(&self) -> Vec<String> {
        let text = self.done("ps", &["-e", "-o", "comm="]);
        let names = text.lines().map(|name| name.trim().to_owned());
        names
            .filter(|name| !["host", "cat", "ps"].contains(&name.as_str()))
            .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("records of ecs-nanny:\n{}", self.log());
        }
    }
}

/// The stand-in agent's image, made once.
pub fn image_tarball() -> &'static [u8] {
    static TARBALL: OnceLock<Vec<u8>> = OnceLock::new();
    TARBALL.get_or_init(|| {
        let program = programs::directory().unwrap().join("ecs-nanny-lab-agent");
        let mut tarball = Vec::new();
        Image::agent(program).write(&mut tarball).unwrap();
        tarball
    })
}
