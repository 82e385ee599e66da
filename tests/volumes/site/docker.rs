//! Docker's command line on the host, and what its containers see.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use ecs_nanny_lab::image::Image;
use ecs_nanny_lab::programs;

use super::{DRIVER, Site, until};

impl Site {
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
    /// Waits until it has ended; what it said where it failed.
    pub fn ends(self) -> Result<(), String> {
        let output = self.0.wait_with_output().unwrap();
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8(output.stderr).unwrap())
    }

    /// Waits until it has failed; what it said.
    pub fn fails(self) -> String {
        let output = self.0.wait_with_output().unwrap();
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}
