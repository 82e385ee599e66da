//! The host's directories, tools and sockets in the agent's container.

use super::engine::Socket;
use super::environment::Environment;
use super::inputs::Inputs;
use super::switches::socket_path;

/// Mounted on every host. Docker makes a directory where the host has nothing, as with ecs-init.
const ALWAYS: &[(&str, &str, Access)] = &[
    ("/var/log/ecs", "/log", Access::Write),
    ("/var/lib/ecs/data", "/data", Access::Write),
    ("/etc/ecs", "/etc/ecs", Access::Write),
    ("/var/cache/ecs", "/var/cache/ecs", Access::Write),
    ("/var/lib/ecs", "/var/lib/ecs", Access::Write),
    ("/var/log/ecs/exec", "/log/exec", Access::Write),
    ("/run/docker/plugins", "/run/docker/plugins", Access::Read),
    ("/etc/docker/plugins", "/etc/docker/plugins", Access::Read),
    (
        "/usr/lib/docker/plugins",
        "/usr/lib/docker/plugins",
        Access::Read,
    ),
    ("/proc", "/host/proc", Access::Read),
    ("/usr/lib", "/usr/lib", Access::Read),
    ("/lib", "/lib", Access::Read),
    ("/usr/lib64", "/usr/lib64", Access::Read),
    ("/lib64", "/lib64", Access::Read),
    ("/sbin", "/host/sbin", Access::Read),
    ("/etc/alternatives", "/etc/alternatives", Access::Read),
    ("/usr/sbin", "/usr/sbin", Access::Read),
];

/// Where the agent looks for the engine unless it is told otherwise.
const AGENT_SOCKET: &str = "/var/run/docker.sock";

const DEPENDENCIES: &str = "/var/lib/ecs/deps";
const EXECUTE_COMMAND: &str = "/var/lib/ecs/deps/execute-command";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

#[derive(Default)]
struct Binds(Vec<(String, String, Access)>);

impl Binds {
    /// The first mount at a place of the container stays; Docker refuses a second one.
    fn add(&mut self, host: &str, container: &str, access: Access) {
        if self.0.iter().all(|(_, taken, _)| taken != container) {
            self.0.push((host.to_owned(), container.to_owned(), access));
        }
    }

    fn same(&mut self, path: &str, access: Access) {
        self.add(path, path, access);
    }
}

/// Every bind as `HOST:CONTAINER` or `HOST:CONTAINER:ro`, sorted.
pub(super) fn binds(inputs: &Inputs<'_>, environment: &Environment) -> Vec<String> {
    let mut binds = Binds::default();
    for (host, container, access) in ALWAYS {
        binds.add(host, container, *access);
    }
    let cgroups = inputs.distribution.cgroup_mount();
    binds.add(cgroups, "/sys/fs/cgroup", Access::Write);
    engine_socket(inputs, environment, &mut binds);
    certificates(inputs, &mut binds);
    tools(inputs, &mut binds);
    features(inputs, environment, &mut binds);
    let mut lines: Vec<String> = binds.0.iter().map(line).collect();
    lines.sort();
    lines
}

fn line((host, container, access): &(String, String, Access)) -> String {
    match access {
        Access::Read => format!("{host}:{container}:ro"),
        Access::Write => format!("{host}:{container}"),
    }
}

/// With `DOCKER_HOST` the socket itself is mounted, as ecs-init does. For a socket of ecs-nanny's own settings its
/// directory is: an engine that starts anew makes a new socket, which a mounted file would not show.
fn engine_socket(inputs: &Inputs<'_>, environment: &Environment, binds: &mut Binds) {
    const RUN: &str = "/var/run";
    match Socket::of(inputs) {
        Socket::Default => binds.same(RUN, Access::Write),
        Socket::DockerHost(path) => {
            let told = environment.variables.get("DOCKER_HOST");
            let inside = told.and_then(socket_path).unwrap_or(AGENT_SOCKET);
            binds.add(&path, inside, Access::Write);
        }
        Socket::Settings(path) => {
            binds.same(RUN, Access::Write);
            match path.rsplit_once('/') {
                _ if path.starts_with("/var/run/") => {}
                Some((directory, _)) if !directory.is_empty() => {
                    binds.same(directory, Access::Write);
                }
                _ => binds.same(&path, Access::Write),
            }
        }
    }
}

fn certificates(inputs: &Inputs<'_>, binds: &mut Binds) {
    if let Some(certificates) = inputs.distribution.certificates()
        && inputs.is_directory(certificates.directory)
    {
        binds.same(certificates.directory, Access::Read);
    }
}

/// Programs of the host for EBS volumes and fault injection. Where one is absent, Docker would make a directory in its
/// place.
fn tools(inputs: &Inputs<'_>, binds: &mut Binds) {
    for tool in ["/usr/bin/lsblk", "/usr/bin/nsenter"] {
        if inputs.is_file(tool) {
            binds.same(tool, Access::Write);
        }
    }
    let modinfo = ["/sbin/modinfo", "/usr/sbin/modinfo"];
    if let Some(modinfo) = modinfo.into_iter().find(|path| inputs.is_file(path)) {
        binds.same(modinfo, Access::Write);
    }
}

fn features(inputs: &Inputs<'_>, environment: &Environment, binds: &mut Binds) {
    let external = inputs.switches.external();
    if external {
        // Credentials that the SSM agent rotates.
        binds.add("/root/.aws", "/rotatingcreds", Access::Read);
    }
    if environment.is_true("ECS_ENABLE_GPU_SUPPORT") && inputs.has_gpu() {
        binds.same("/var/lib/ecs/gpu", Access::Write);
    }
    let fetcher = inputs.switches.credentials_fetcher();
    if environment.is_true("ECS_GMSA_SUPPORTED") && inputs.is_file(fetcher) {
        binds.same(fetcher, Access::Write);
    }
    if inputs.is_directory(DEPENDENCIES) {
        binds.add(DEPENDENCIES, "/managed-agents", Access::Read);
    }
    if inputs.is_directory(EXECUTE_COMMAND) {
        binds.add(
            "/var/lib/ecs/deps/execute-command/config",
            "/managed-agents/execute-command/config",
            Access::Write,
        );
    }
    let cloud_init = "/var/lib/cloud/data/result.json";
    if inputs.is_file(cloud_init) && !external {
        binds.same(cloud_init, Access::Read);
    }
}
