//! A host of the lab with a Docker daemon, on which supervisors are measured one after the other.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use bollard::models::{ContainerCreateBody, RestartPolicy, RestartPolicyNameEnum};
use ecs_nanny::host::docker::Docker;
use ecs_nanny_lab::host::Host;
use ecs_nanny_lab::image::Image;
use ecs_nanny_lab::imds::Imds;
use ecs_nanny_lab::programs;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use crate::arguments::Arguments;
use crate::starts::Starts;
use crate::subject::{Running, Subject};

/// How long anything may take: a run that takes longer is not measured but broken.
pub const PATIENCE: Duration = Duration::from_secs(180);
/// Between looks at something that comes, for measures of which the look is no part.
const LOOK: Duration = Duration::from_millis(20);
/// dockerd as ecs-nanny starts it.
const DOCKERD: &[&str] = &[
    "--pidfile",
    "/var/run/docker.pid",
    "-H",
    "unix:///var/run/docker.sock",
];

/// The stage.
pub struct Stage {
    /// The host.
    pub host: Host,
    /// What was asked for.
    pub arguments: Arguments,
    /// The program that is measured, as an absolute path.
    pub program: PathBuf,
    /// The agent's container, exactly as ecs-nanny creates it.
    request: ContainerCreateBody,
    /// The Docker daemon where we started it.
    dockerd: Option<Child>,
    metadata: Option<Imds>,
    starts: Starts,
    directory: tempfile::TempDir,
}

impl Stage {
    /// Brings up the host and the daemon, has ecs-nanny load the image, and learns its create request.
    pub async fn begin(arguments: &Arguments) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("ecs-nanny-bench-")
            .tempdir_in("/tmp")?;
        let host = Host::start_ec2(directory.path())?;
        let socket = host.path("/run/docker.sock").display().to_string();
        let starts = Starts::follow(socket, arguments.container.clone());
        let mut stage = Stage {
            host,
            arguments: arguments.clone(),
            program: std::fs::canonicalize(&arguments.program)
                .with_context(|| format!("{} is not built", arguments.program.display()))?,
            request: ContainerCreateBody::default(),
            dockerd: None,
            metadata: None,
            starts,
            directory,
        };
        stage.listen_as_systemd()?;
        let bound = stage
            .host
            .inside(|| TcpListener::bind("169.254.169.254:80"))??;
        stage.metadata = Some(Imds::serve(bound)?);
        let image = programs::directory()?.join("ecs-nanny-lab-agent");
        let mut tarball = Vec::new();
        Image::agent(image).write(&mut tarball)?;
        for (file, content) in [
            (
                "/etc/ecs-nanny/config.d/50-bench.toml",
                &b"[engine]\nbackend = \"child\"\n"[..],
            ),
            ("/etc/ecs/ecs.config", b"ECS_CLUSTER=bench\n"),
            ("/var/cache/ecs/ecs-agent.tar", &tarball),
        ] {
            stage.write(file, content)?;
        }
        stage.engine_up().await?;
        let first = Running::start(&stage, Subject::Nanny)?;
        stage.until_ready().await?;
        first.leave().await?;
        let plan: serde_json::Value =
            serde_json::from_slice(&stage.output(&["plan", "--format", "json"]).await?)?;
        let request = plan.pointer("/agent/create_request");
        let request = request.context("the plan has no container")?.clone();
        stage.request = serde_json::from_value(request)?;
        stage.clean().await?;
        Ok(stage)
    }

    /// Writes a file of the host.
    pub fn write(&self, file: &str, content: &[u8]) -> Result<()> {
        let path = self.host.path(file);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, content).with_context(|| path.display().to_string())
    }

    /// Where supervisors tell systemd that they are alive; nobody takes them at their word.
    pub fn notify_socket(&self) -> PathBuf {
        self.directory.path().join("notify")
    }

    fn listen_as_systemd(&self) -> Result<()> {
        let socket = UnixDatagram::bind(self.notify_socket())?;
        std::thread::spawn(move || {
            let mut buffer = [0; 64 * 1024];
            while socket.recv(&mut buffer).is_ok() {}
        });
        Ok(())
    }

    /// Where supervisors record.
    pub fn log_file(&self) -> PathBuf {
        self.directory.path().join("supervisor.log")
    }

    /// The end of what they recorded.
    pub fn last_words(&self) -> String {
        let text = std::fs::read_to_string(self.log_file()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// The output of a command of ecs-nanny on the host, whatever its exit status.
    pub async fn output(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        let mut command = Command::new(&self.program);
        command.args(arguments).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let child = self.host.inside(|| command.spawn())??;
        Ok(child.wait_with_output().await?.stdout)
    }

    fn socket(&self) -> PathBuf {
        self.host.path("/run/docker.sock")
    }

    /// A client of the daemon, which is up.
    pub async fn docker(&self) -> Result<Docker> {
        Ok(Docker::connect(&self.socket().display().to_string()).await?)
    }

    /// Creates the agent's container, as ecs-nanny does.
    pub async fn create(&self, docker: &Docker, always: bool) -> Result<()> {
        let mut request = self.request.clone();
        if always && let Some(host) = &mut request.host_config {
            host.restart_policy = Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::ALWAYS),
                maximum_retry_count: None,
            });
        }
        docker.create(&self.arguments.container, request).await?;
        Ok(())
    }

    /// No agent, and nothing of ecs-nanny in the packet filter.
    pub async fn clean(&self) -> Result<()> {
        self.docker()
            .await?
            .remove(&self.arguments.container)
            .await?;
        self.output(&["undo"]).await?;
        Ok(())
    }

    /// Starts dockerd; it is not waited for.
    pub fn start_engine(&mut self) -> Result<SystemTime> {
        // A daemon that was killed left it, and its process id may still be a zombie's.
        let _ = std::fs::remove_file(self.host.path("/run/docker.pid"));
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.directory.path().join("dockerd.log"))?;
        let mut command = Command::new("dockerd");
        command
            .args(DOCKERD)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let (started, child) = self.host.inside(|| (SystemTime::now(), command.spawn()))?;
        self.dockerd = Some(child?);
        Ok(started)
    }

    /// Waits until the daemon answers, looking as often as it takes to lose nothing.
    pub async fn engine_answers(&self) -> Result<Docker> {
        let looking = async {
            loop {
                if let Ok(docker) = self.docker().await
                    && docker.ping().await.is_ok()
                {
                    return docker;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let docker = tokio::time::timeout(PATIENCE, looking).await;
        docker.context("dockerd does not answer")
    }

    /// The daemon runs.
    pub async fn engine_up(&mut self) -> Result<Docker> {
        if self.engine_pid().is_err() {
            self.start_engine()?;
        }
        self.engine_answers().await
    }

    /// The daemon does not run: stopped in order, its containers with it.
    pub async fn engine_down(&mut self) -> Result<()> {
        let pid = self.engine_pid()?;
        kill(pid, Signal::SIGTERM)?;
        self.until("the end of dockerd", async || Ok(!runs(pid)))
            .await?;
        if let Some(mut child) = self.dockerd.take() {
            child.wait().await?;
        }
        Ok(())
    }

    /// Its process, as this machine counts.
    pub fn engine_pid(&self) -> Result<Pid> {
        let text = std::fs::read_to_string(self.host.path("/run/docker.pid"))?;
        self.outer(text.trim().parse()?)
    }

    /// The agent's process, as this machine counts.
    pub async fn agent_pid(&self) -> Result<Pid> {
        let found = self
            .docker()
            .await?
            .container(&self.arguments.container)
            .await?;
        let pid = found.and_then(|found| found.pid);
        self.outer(i32::try_from(pid.context("the agent does not run")?)?)
    }

    /// A process of the host as this machine counts. dockerd and the agent share the host's network; other hosts of the
    /// lab have processes of the same number.
    fn outer(&self, inner: i32) -> Result<Pid> {
        let network = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).ok();
        let ours = network(&self.host.pid().to_string());
        for entry in std::fs::read_dir("/proc")?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Ok(pid) = name.parse() else { continue };
            let status = std::fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
            let mut ids = line.unwrap_or_default().split_whitespace().map(str::parse);
            let matches = ids.nth(1) == Some(Ok(inner));
            if matches && network(&name) == ours && runs(Pid::from_raw(pid)) {
                return Ok(Pid::from_raw(pid));
            }
        }
        bail!("process {inner} of the host does not run")
    }

    /// When dockerd says that the agent's container started, for the first time after a moment; by its events.
    pub async fn started_after(&self, moment: SystemTime) -> Result<SystemTime> {
        let looking = async {
            loop {
                if let Some(at) = self.starts.first_after(moment) {
                    return at;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let started = tokio::time::timeout(PATIENCE, looking).await;
        started.context("the agent was not started")
    }

    /// Waits until something holds.
    pub async fn until(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> Result<bool>,
    ) -> Result<()> {
        let looking = async {
            while !look().await? {
                tokio::time::sleep(LOOK).await;
            }
            Ok(())
        };
        let waited = tokio::time::timeout(PATIENCE, looking).await;
        waited.with_context(|| format!("{what}: not within {PATIENCE:?}"))?
    }

    /// Waits until ecs-nanny is ready.
    pub async fn until_ready(&self) -> Result<()> {
        self.until("ecs-nanny is ready", async || {
            Ok(self
                .get("/ready")
                .await
                .is_ok_and(|answer| answer.contains(" 200 ")))
        })
        .await
    }

    /// Waits until what is supervised does its work.
    pub async fn until_settled(&self, subject: Subject) -> Result<()> {
        if subject == Subject::Nanny {
            return self.until_ready().await;
        }
        self.until("the agent runs", async || {
            Ok(self.agent_pid().await.is_ok())
        })
        .await
    }

    /// An answer of ecs-nanny's socket, head and body.
    pub async fn get(&self, path: &str) -> Result<String> {
        let mut stream = UnixStream::connect(self.host.path("/run/ecs-nanny/health.sock")).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }
}

/// Whether a process runs; one that has ended and was not reaped does not.
pub fn runs(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    stat.is_ok_and(|stat| {
        let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
        !state.starts_with(['Z', 'X'])
    })
}
