//! The stand-in agent's contract, on a host of its own; once in its image under a real Docker daemon.

#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use ecs_nanny_lab::host::Host;
use ecs_nanny_lab::image::Image;
use ecs_nanny_lab::programs;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const ADDRESS: &str = "127.0.0.1:51678";

struct Lab {
    host: Host,
    program: PathBuf,
    data: tempfile::TempDir,
    /// Removed last.
    _directory: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        let program = programs::directory().unwrap().join("ecs-nanny-lab-agent");
        let directory = tempfile::tempdir_in("/tmp").unwrap();
        Lab {
            host: Host::start(directory.path()).unwrap(),
            program,
            data: tempfile::tempdir_in("/tmp").unwrap(),
            _directory: directory,
        }
    }

    fn start(&self, cluster: &str) -> Child {
        let mut command = Command::new(&self.program);
        command
            .env("ECS_CLUSTER", cluster)
            .env("ECS_DATADIR", self.data.path())
            .stdout(Stdio::piped());
        self.host.inside(|| command.spawn()).unwrap().unwrap()
    }

    fn control(&self, json: &str) {
        std::fs::write(self.data.path().join("lab.json"), json).unwrap();
    }

    /// The body of the answer, or nothing while nobody listens.
    fn get(&self, request: &str) -> String {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(ADDRESS)?;
            write!(stream, "{request} HTTP/1.0\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let answer = self.host.inside(ask).unwrap().unwrap_or_default();
        answer
            .split_once("\r\n\r\n")
            .map_or_else(String::new, |(_, body)| body.to_owned())
    }

    fn wait_for(&self, request: &str, wanted: &str) -> String {
        let started = Instant::now();
        loop {
            let body = self.get(request);
            if body.contains(wanted) {
                return body;
            }
            assert!(started.elapsed() < Duration::from_secs(10), "{body:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn docker(&self, arguments: &[&str]) -> Output {
        self.host
            .command("docker")
            .args(arguments)
            .output()
            .unwrap()
    }
}

#[test]
fn it_registers_once_and_keeps_its_arn() {
    let lab = Lab::new();
    let arn = |lab: &Lab| {
        let body = lab.wait_for("GET /v1/metadata", "container-instance/prod/");
        assert!(body.contains("v1.105.1 (*"), "{body}");
        body
    };
    let mut first = lab.start("prod");
    let before = arn(&lab);
    kill(Pid::from_raw(first.id().cast_signed()), Signal::SIGTERM).unwrap();
    assert_eq!(first.wait().unwrap().code(), Some(0));

    let mut second = lab.start("prod");
    assert_eq!(arn(&lab), before);
    second.kill().unwrap();
    second.wait().unwrap();

    let mut other = lab.start("test");
    assert_eq!(other.wait().unwrap().code(), Some(5), "another cluster");
}

#[test]
fn it_ends_as_often_as_the_file_says_and_on_request() {
    let lab = Lab::new();
    lab.control(r#"{"exit": 42, "times": 2}"#);
    assert_eq!(lab.start("prod").wait().unwrap().code(), Some(42));
    assert_eq!(lab.start("prod").wait().unwrap().code(), Some(42));
    let mut third = lab.start("prod");
    lab.wait_for("GET /v1/tasks", r#"{"Tasks":[]}"#);
    lab.get("POST /lab/exit/2");
    assert_eq!(third.wait().unwrap().code(), Some(2));
    let starts = std::fs::read_to_string(lab.data.path().join("lab-starts")).unwrap();
    assert_eq!(starts, "3\n");
}

#[test]
fn it_obeys_the_file_while_it_runs() {
    let lab = Lab::new();
    lab.control(r#"{"never_register": true, "listen_unregistered": true}"#);
    let mut agent = lab.start("prod");
    lab.wait_for("GET /v1/metadata", r#""ContainerInstanceArn":null"#);
    lab.control(r#"{"status": 500}"#);
    lab.wait_for("GET /v1/metadata", "asked for");
    lab.control("{}");
    lab.wait_for("GET /v1/metadata", "container-instance/prod/");
    lab.control(r#"{"exit": 1}"#);
    assert_eq!(agent.wait().unwrap().code(), Some(1));
}

#[test]
fn it_waits_for_its_port() {
    let lab = Lab::new();
    let taken = lab.host.inside(|| TcpListener::bind(ADDRESS)).unwrap();
    let mut agent = lab.start("prod");
    let mut output = std::io::BufReader::new(agent.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("Error running introspection endpoint") {
        line.clear();
        let read = std::io::BufRead::read_line(&mut output, &mut line).unwrap();
        assert_ne!(read, 0, "it ended instead of waiting");
    }
    drop(taken);
    lab.wait_for("GET /v1/metadata", "container-instance/prod/");
    agent.kill().unwrap();
    agent.wait().unwrap();
}

#[test]
fn its_image_runs_under_a_real_docker_daemon() {
    let lab = Lab::new();
    let log = File::create(lab.data.path().join("dockerd.log")).unwrap();
    let mut dockerd = Command::new("dockerd");
    dockerd.stdout(Stdio::null()).stderr(log);
    let mut dockerd = lab.host.inside(|| dockerd.spawn()).unwrap().unwrap();
    let started = Instant::now();
    while !lab.docker(&["version"]).status.success() {
        assert!(started.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(50));
    }
    let tarball = lab.data.path().join("ecs-agent.tar");
    let image = Image::agent(&lab.program).version("1.999.0");
    let id = image.write(File::create(&tarball).unwrap()).unwrap();
    let loaded = lab.docker(&["load", "--input", tarball.to_str().unwrap()]);
    assert!(loaded.status.success(), "{loaded:?}");
    let inspected = lab.docker(&[
        "inspect",
        "--format",
        "{{.Id}}",
        ecs_nanny_lab::image::AGENT_TAG,
    ]);
    assert_eq!(String::from_utf8_lossy(&inspected.stdout).trim(), id);

    let volume = format!("{}:/data", lab.data.path().display());
    let run = lab.docker(&[
        "run",
        "--detach",
        "--init",
        "--network=host",
        "--volume",
        &volume,
        "--name=ecs-agent",
        ecs_nanny_lab::image::AGENT_TAG,
    ]);
    assert!(run.status.success(), "{run:?}");
    let body = lab.wait_for("GET /v1/metadata", "container-instance/default/");
    assert!(body.contains("v1.999.0"), "{body}");
    let healthy = lab.docker(&["exec", "ecs-agent", "/agent", "--healthcheck"]);
    assert!(healthy.status.success(), "{healthy:?}");
    drop(lab);
    assert!(!dockerd.wait().unwrap().success());
}
