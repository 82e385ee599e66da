//! A host on which a supervisor runs and is disturbed.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use ecs_nanny_lab::host::Host;
use ecs_nanny_lab::image::Image;
use ecs_nanny_lab::programs;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use crate::act::on_host;
use crate::arguments::Terms;
use crate::fake_engine::Serving;
use crate::table::{DEATH, HANG};
use crate::unit::{Supervisor, Unit};
use crate::watch::{Deadlines, Seen, Watch};

/// The user's configuration of the agent, which nobody but a fault changes.
pub const USER_CONFIG: &str = "/etc/ecs/ecs.config";
/// The image's, to which ecs-nanny may add.
pub const VENDOR_CONFIG: &str = "/var/lib/ecs/ecs.config";
/// How the stand-in agent misbehaves.
pub const CONTROL: &str = "/var/lib/ecs/data/lab.json";

const USER: &str = "# written by the user data\nECS_CLUSTER=blue\nECS_LAB_MARK=\"kept = #1\"\n";
const VENDOR: &str = "# written with the image\nECS_LAB_OF_THE_IMAGE=kept\n";
/// Short clocks, where the clocks are settings.
const SETTINGS: &str = include_str!("chaos.toml");
/// How long a host has to come to a registered agent.
const FIRST: Duration = Duration::from_secs(90);

/// Made before the supervisor starts: file systems that can be filled and made read-only, and ports for our own questions
/// that no answer can be taken for (51678 is in the usual range: a question to a closed port can meet itself).
const PREPARE: &str = "
for directory in /var/lib/ecs /var/log/ecs; do
    mkdir -p $directory
    mount -t tmpfs -o size=64m,mode=755 lab $directory
done
mkdir -p /var/lib/ecs/data
echo '52000 60999' >/proc/sys/net/ipv4/ip_local_port_range";

/// dockerd, which does not start while a file is there. It finds our runc before its own.
const DOCKERD: &str = "#!/bin/sh
while [ -e \"${0%/*}/no-dockerd\" ]; do sleep 0.05; done
PATH=${0%/*}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec dockerd \"$@\"
";

/// runc, which makes no container while a file is there.
const RUNC: &str = "#!/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
case \" $* \" in
    *\" create \"*) while [ -e \"${0%/*}/../no-container\" ]; do sleep 0.05; done ;;
esac
exec runc \"$@\"
";

/// What keeps dockerd for a supervisor that expects a docker.service: its Restart=always and RestartSec=2.
const KEEP_DOCKERD: &str = "
while :; do
    rm -f /run/docker.pid
    \"$DOCKERD\" >>/var/log/ecs/dockerd.log 2>&1 || true
    sleep 2
done";

/// A host with a supervisor. Everything on it ends with it.
pub struct Scene {
    pub unit: Unit,
    pub watch: Watch,
    metadata: Option<Child>,
    /// What a fault does as long as it lasts.
    pub meanwhile: Option<Child>,
    pub fake_engine: Option<Serving>,
    pub supervisor: Supervisor,
    /// When the supervisor was stopped last, and how long it took.
    pub stopped_at: Option<(SystemTime, Duration)>,
    /// The rules of a healthy host.
    pub healthy_rules: Vec<String>,
    wrong: Vec<String>,
    _dockerd: Option<Child>,
    pub host: Arc<Host>,
    pub directory: tempfile::TempDir,
    terms: Terms,
}

impl Scene {
    /// Brings up a host with a registered agent.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn begin(supervisor: &Supervisor, terms: &Terms) -> Result<Self> {
        // The host can't stand on what it replaces, and the system's temporary directory may lie there.
        let directory = tempfile::Builder::new()
            .prefix("ecs-nanny-chaos-")
            .tempdir_in("/tmp")?;
        let path = directory.path().to_owned();
        let host = Arc::new(tokio::task::spawn_blocking(move || Host::start_ec2(&path)).await??);
        let deadlines = Deadlines {
            death: terms.allow(DEATH),
            hang: terms.allow(HANG),
        };
        let mut scene = Scene {
            unit: Unit::new(supervisor.clone(), &host, directory.path()),
            watch: Watch::begin(&host, &terms.container, deadlines),
            metadata: None,
            meanwhile: None,
            fake_engine: None,
            supervisor: supervisor.clone(),
            stopped_at: None,
            healthy_rules: Vec::new(),
            wrong: Vec::new(),
            _dockerd: None,
            host,
            directory,
            terms: terms.clone(),
        };
        scene.prepare().await?;
        scene.unit.start().await?;
        if let Err(error) = scene.until_well(FIRST).await {
            bail!(
                "the host never got well: {error}; the supervisor's records:\n{}",
                scene.unit.log()
            );
        }
        scene.healthy_rules = scene.rules().await?;
        Ok(scene)
    }

    async fn prepare(&mut self) -> Result<()> {
        on_host(self, PREPARE).await?;
        let mut metadata = Command::new(lab()?.join("ecs-nanny-lab"));
        metadata
            .args(["imds", "--control"])
            .arg(self.metadata_control())
            .kill_on_drop(true);
        self.metadata = Some(self.host.inside(|| metadata.spawn())??);
        let dockerd = self.directory.path().join("dockerd");
        for (program, script) in [
            (dockerd.clone(), DOCKERD),
            (self.directory.path().join("bin/runc"), RUNC),
        ] {
            write(&program, script.as_bytes())?;
            std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755))?;
        }
        // The last section of the fragment is that of the engine.
        let settings = format!("{SETTINGS}backend = \"child\"\ndockerd = {dockerd:?}\n");
        for (file, content) in [
            ("/etc/ecs-nanny/config.d/50-chaos.toml", settings.as_bytes()),
            (USER_CONFIG, USER.as_bytes()),
            (VENDOR_CONFIG, VENDOR.as_bytes()),
            ("/var/cache/ecs/ecs-agent.tar", tarball()?),
        ] {
            write(&self.host.path(file), content)?;
        }
        write(&self.tarball(), tarball()?)?;
        if matches!(self.supervisor, Supervisor::Command(_)) {
            let mut command = Command::new("/bin/sh");
            command
                .args(["-c", KEEP_DOCKERD])
                .env("DOCKERD", &dockerd)
                .kill_on_drop(true);
            self._dockerd = Some(self.host.inside(|| command.spawn())??);
        }
        Ok(())
    }

    /// A copy of the agent's image tarball that no fault touches; on the host it has the same path.
    pub fn tarball(&self) -> PathBuf {
        self.directory.path().join("ecs-agent.tar")
    }

    /// Ends what a fault does as long as it lasts.
    pub async fn end_meanwhile(&mut self) {
        let Some(mut running) = self.meanwhile.take() else {
            return;
        };
        if let Some(group) = running.id() {
            let _ = killpg(Pid::from_raw(group.cast_signed()), Signal::SIGKILL);
        }
        let _ = running.wait().await;
    }

    /// The program of ecs-nanny, where that is the supervisor.
    pub fn program(&self) -> &Path {
        match &self.supervisor {
            Supervisor::Nanny(program) => program,
            Supervisor::Command(_) => Path::new(""),
        }
    }

    /// The socket on which the metadata service takes its faults.
    pub fn metadata_control(&self) -> PathBuf {
        self.directory.path().join("metadata.sock")
    }

    /// How long something may take here.
    pub fn allow(&self, contract: Duration) -> Duration {
        self.terms.allow(contract)
    }

    /// How long a fault lasts here.
    pub fn hold(&self, table: Duration) -> Duration {
        self.terms.hold(table)
    }

    /// Notes that something was not as it should be.
    pub fn wrong(&mut self, words: String) {
        self.wrong.push(words);
    }

    /// What was wrong since this was asked the last time.
    pub fn wrongs(&mut self) -> Vec<String> {
        let mut wrong = std::mem::take(&mut self.wrong);
        wrong.append(&mut self.watch.seen().violations);
        wrong
    }

    /// Whether health is told by this supervisor.
    pub fn tells(&self) -> bool {
        matches!(self.supervisor, Supervisor::Nanny(_))
    }

    /// The agent does its work, and health says so.
    pub fn well(&self, seen: &Seen) -> bool {
        seen.works() && (!self.tells() || seen.now().is_some_and(|health| health.ready))
    }

    /// Waits until all is well.
    ///
    /// # Errors
    /// It is not in time; what is seen instead.
    pub async fn until_well(&self, within: Duration) -> Result<()> {
        self.until("well", within, |seen| self.well(seen)).await
    }

    /// Waits until something is seen.
    ///
    /// # Errors
    /// It is not in time; what is seen instead.
    pub async fn until(
        &self,
        what: &str,
        within: Duration,
        wanted: impl Fn(&Seen) -> bool,
    ) -> Result<()> {
        const BETWEEN: Duration = Duration::from_millis(50);
        let deadline = tokio::time::Instant::now() + self.allow(within);
        loop {
            {
                let seen = self.watch.seen();
                if wanted(&seen) {
                    return Ok(());
                }
                if tokio::time::Instant::now() > deadline {
                    bail!(
                        "not {what} within {:.1?}: {}",
                        self.allow(within),
                        words(&seen)
                    );
                }
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }

    /// Makes ecs-nanny forget the faults before: the failures it counted would put off what it does next. The next
    /// process takes over what runs.
    ///
    /// # Errors
    /// It does not.
    pub async fn forget(&self) -> Result<()> {
        if !self.tells() {
            return Ok(());
        }
        let before = self.process();
        self.unit.signal(Signal::SIGUSR2)?;
        self.until("another process of ecs-nanny", HANG, |seen| {
            let now = seen.now().map(|health| health.process);
            now.is_some() && now != before && self.well(seen)
        })
        .await
    }

    /// The supervisor's process, as the host counts it and health tells it.
    pub fn process(&self) -> Option<u32> {
        self.watch.seen().now().map(|health| health.process)
    }

    /// The rules of the packet filter that serve the agent.
    pub async fn rules(&self) -> Result<Vec<String>> {
        let tables = on_host(self, "iptables-save -t nat; iptables-save -t filter").await?;
        let ours = |line: &&str| {
            ["169.254.170.2", "51678", "51679", "51680"]
                .iter()
                .any(|word| line.contains(word))
        };
        let mut rules: Vec<String> = tables.lines().filter(ours).map(str::to_owned).collect();
        rules.sort();
        Ok(rules)
    }

    /// Waits until the rules are those of a healthy host, as long as that may take.
    ///
    /// # Errors
    /// They can't be read.
    pub async fn until_rules_are_back(&self, within: Duration) -> Result<()> {
        let deadline = tokio::time::Instant::now() + self.allow(within);
        while self.rules().await? != self.healthy_rules && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    }

    /// How many containers there are, whatever their state.
    pub async fn containers(&self) -> Result<usize> {
        let list = on_host(self, "docker ps --all --quiet").await?;
        Ok(list.lines().count())
    }

    /// Notes it where a byte of the agent's configuration got lost.
    pub fn check_configuration(&mut self) {
        let read = |path: &str| std::fs::read_to_string(self.host.path(path)).unwrap_or_default();
        let (user, vendor) = (read(USER_CONFIG), read(VENDOR_CONFIG));
        if user != USER {
            self.wrong(format!("{USER_CONFIG} is now {user:?}"));
        }
        if !VENDOR
            .lines()
            .all(|line| vendor.lines().any(|kept| kept == line))
        {
            self.wrong(format!("{VENDOR_CONFIG} is now {vendor:?}"));
        }
    }

    /// Ends the host.
    pub async fn end(mut self) {
        self.watch.end().await;
        // Ending a host waits for its processes.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

/// What is seen now, for people.
fn words(seen: &Seen) -> String {
    let health = seen.now().map_or("no health", |health| &health.line);
    format!(
        "{health}; agent processes {:?}, serving {}, container started {:?}, dockerd {:?}",
        seen.agents,
        seen.serving,
        seen.started_at,
        seen.engine.last().map(|(_, engine)| engine),
    )
}

/// The stand-in agent's image.
fn tarball() -> Result<&'static [u8]> {
    static TARBALL: OnceLock<Vec<u8>> = OnceLock::new();
    if let Some(tarball) = TARBALL.get() {
        return Ok(tarball);
    }
    let program = lab()?.join("ecs-nanny-lab-agent");
    let mut tarball = Vec::new();
    Image::agent(program).write(&mut tarball)?;
    Ok(TARBALL.get_or_init(|| tarball))
}

/// Where the lab's programs are, built once.
fn lab() -> Result<&'static Path> {
    static LAB: OnceLock<PathBuf> = OnceLock::new();
    if let Some(lab) = LAB.get() {
        return Ok(lab);
    }
    let lab = programs::directory()?;
    Ok(LAB.get_or_init(|| lab))
}
