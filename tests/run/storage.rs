//! Volumes prepared for Docker. Loop devices stand in for the disks of an instance store.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ecs_nanny::apply::preparation;
use ecs_nanny::facts::{self, Fact, Facts};
use ecs_nanny::finding::Outcome;
use ecs_nanny::host::files::Root;
use ecs_nanny::plan;
use ecs_nanny::settings::{Document, merge};
use nix::sys::signal::Signal;

use super::prepare::{CHILD, prepare};
use super::wait::PATIENCE;
use super::world::{SETTINGS, World};

/// mkfs.xfs wants 300 MB; the files are sparse.
const BYTES: u64 = 400 << 20;

/// A disk: a loop device that ends with this.
struct Disk {
    device: String,
    file: PathBuf,
    _directory: tempfile::TempDir,
}

impl Disk {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("disk");
        fs::File::create(&file).unwrap().set_len(BYTES).unwrap();
        let device = done("losetup", &["--find", "--show", file.to_str().unwrap()]);
        Disk {
            device: device.trim().to_owned(),
            file,
            _directory: directory,
        }
    }

    /// Its name, as the settings take it.
    fn name(&self) -> &str {
        self.device.strip_prefix("/dev/").unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        done("sync", &[self.file.to_str().unwrap()]);
        fs::read(&self.file).unwrap()
    }

    fn detach(&self) {
        done("losetup", &["--detach", &self.device]);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A test may have detached it.
        let _ = Command::new("losetup")
            .args(["--detach", &self.device])
            .output();
    }
}

fn done(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn set(world: &World, disks: &[&Disk], more: &str) {
    let names: Vec<&str> = disks.iter().map(|disk| disk.name()).collect();
    let text = format!("{CHILD}[storage]\ninstance_store = {names:?}\n{more}");
    world.write(SETTINGS, text);
}

/// What is mounted at a path of the host.
fn mounted(world: &World, path: &str) -> String {
    let output = world.run(
        "findmnt",
        &[
            "--noheadings",
            "--output",
            "SOURCE,FSTYPE",
            "--mountpoint",
            path,
        ],
    );
    let text = String::from_utf8(output.stdout).unwrap();
    // The last one is on top of the host's own.
    let top = text.lines().last().unwrap_or_default();
    top.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn plan_text(world: &World) -> String {
    String::from_utf8(world.ecs_nanny(&["plan"]).stdout).unwrap()
}

#[tokio::test]
async fn docker_runs_on_a_prepared_volume_and_finds_it_again_after_a_boot() {
    let disk = Disk::new();
    let mut world = World::prepared().await;
    set(&world, &[&disk], "format = \"on\"\n");
    let shown = plan_text(&world);
    assert!(
        shown.contains(&format!(
            "mkfs.ext4 -q -m 0 -E nodiscard -L ecs-nanny-0 {}",
            disk.device
        )),
        "{shown}"
    );
    // `plan` has touched nothing.
    assert!(disk.bytes().iter().all(|byte| *byte == 0));

    let (status, told) = prepare(&world);
    assert_eq!(status, Some(0), "{told}");
    assert_eq!(
        mounted(&world, "/var/lib/docker"),
        format!("{} ext4", disk.device)
    );
    let (status, told) = prepare(&world);
    assert_eq!(status, Some(0), "{told}");
    assert!(told.contains("nothing to prepare"), "{told}");

    world.start();
    world.until_healthy().await;
    let container = world.agent().await;
    let kept = format!("/var/lib/docker/containers/{}", container.id);
    assert!(world.host.path(&kept).is_dir());
    world.done("sh", &["-c", "echo kept > /var/lib/docker/marker"]);
    world.nanny().signal(Signal::SIGTERM);
    world.nanny_mut().ended(PATIENCE).await;
    drop(world);

    // The next boot: another host, the same disk.
    let mut world = World::prepared().await;
    set(&world, &[&disk], "format = \"on\"\n");
    let (status, told) = prepare(&world);
    assert_eq!(status, Some(0), "{told}");
    assert!(!told.contains("mkfs"), "{told}");
    assert_eq!(world.done("cat", &["/var/lib/docker/marker"]), "kept\n");
    world.start();
    world.until_healthy().await;
}

#[tokio::test]
async fn of_several_volumes_the_foreign_one_is_untouched_and_told() {
    let (foreign, empty, third) = (Disk::new(), Disk::new(), Disk::new());
    done("mkfs.ext4", &["-q", "-L", "data", &foreign.device]);
    let before = foreign.bytes();
    let mut world = World::prepared().await;
    set(
        &world,
        &[&foreign, &empty, &third],
        "format = \"on\"\nfile_system = \"xfs\"\nmount_at = [\"docker\", \"/mnt/ecs/scratch\"]\n",
    );
    let (status, told) = prepare(&world);
    assert_eq!(status, Some(1), "{told}");
    let expected = format!(
        "{} carries ext4 \\\"data\\\", and was not touched",
        foreign.device
    );
    assert!(
        told.replace('"', "\\\"").contains(&expected) || told.contains(&expected),
        "{told}"
    );
    assert!(foreign.bytes() == before);
    assert_eq!(
        mounted(&world, "/var/lib/docker"),
        format!("{} xfs", empty.device)
    );
    assert_eq!(
        mounted(&world, "/mnt/ecs/scratch"),
        format!("{} xfs", third.device)
    );
    assert!(
        world
            .done("xfs_info", &["/var/lib/docker"])
            .contains("ftype=1")
    );

    // The host works all the same, and says it.
    world.start();
    let snapshot = world.until_healthy().await;
    let mut findings = snapshot.findings.iter();
    assert!(
        findings.any(|it| it.rule == "storage.prepared" && it.outcome == Outcome::Failed),
        "{:?}",
        snapshot.findings
    );
}

#[tokio::test]
async fn without_the_opt_in_or_the_tool_the_host_goes_on_with_its_root_volume() {
    let disk = Disk::new();
    let mut world = World::prepared().await;
    set(&world, &[&disk], "");
    let (status, told) = prepare(&world);
    assert_eq!(status, Some(1), "{told}");
    assert!(
        told.contains("is empty, and storage.format is off"),
        "{told}"
    );

    // As where e2fsprogs is not installed.
    let program = world.done("sh", &["-c", "command -v mkfs.ext4"]);
    world.done("mount", &["--bind", "/dev/null", program.trim()]);
    set(&world, &[&disk], "format = \"on\"\n");
    let (status, told) = prepare(&world);
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("mkfs.ext4 is not installed"), "{told}");
    assert!(told.contains("install e2fsprogs"), "{told}");
    assert!(disk.bytes().iter().all(|byte| *byte == 0));
    world.start();
    world.until_healthy().await;

    // Mounting over the data of a daemon that runs would hide it.
    world.done("umount", &[program.trim()]);
    let (status, told) = prepare(&world);
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("while the Docker daemon runs"), "{told}");
    assert!(disk.bytes().iter().all(|byte| *byte == 0));
}

#[tokio::test]
async fn a_data_volume_is_grown_once() {
    let disk = Disk::new();
    // XFS, since growing a mounted ext4 takes CAP_SYS_RESOURCE, which a container may not have.
    done("mkfs.xfs", &["-q", &disk.device]);
    let world = World::prepared().await;
    let mount = format!(
        "mkdir -p /mnt/ecs/data && mount {} /mnt/ecs/data",
        disk.device
    );
    world.done("sh", &["-c", &mount]);
    world.write(
        SETTINGS,
        format!("{CHILD}[storage]\ngrow = [\"/mnt/ecs/data\"]\n"),
    );
    let size = || {
        world.done(
            "stat",
            &["--file-system", "--format", "%b", "/mnt/ecs/data"],
        )
    };
    let before: u64 = size().trim().parse().unwrap();
    let (status, told) = prepare(&world);
    assert!(
        status == Some(0) && told.contains("nothing to prepare"),
        "{told}"
    );

    let file = fs::OpenOptions::new().write(true).open(&disk.file).unwrap();
    file.set_len(2 * BYTES).unwrap();
    done("losetup", &["--set-capacity", &disk.device]);
    assert!(plan_text(&world).contains("xfs_growfs /mnt/ecs/data"));
    let (status, told) = prepare(&world);
    assert_eq!(status, Some(0), "{told}");
    let after: u64 = size().trim().parse().unwrap();
    assert!(after > before * 3 / 2, "{before} {after}");
    let (status, told) = prepare(&world);
    assert!(
        status == Some(0) && told.contains("nothing to prepare"),
        "{told}"
    );
}

/// A plan for a disk at a directory, as `ecs-nanny prepare` makes it.
async fn planned(disk: &Disk, place: &Path) -> (ecs_nanny::settings::Settings, plan::Plan) {
    let text = format!(
        "[engine]\nbackend = \"child\"\n[storage]\ninstance_store = [{:?}]\nformat = \"on\"\nmount_at = [{:?}]\n",
        disk.name(),
        place.display().to_string()
    );
    let document = Document {
        path: "x.toml".to_owned(),
        text,
    };
    let settings = merge(&[document]).unwrap().settings;
    let mut found = Facts::default();
    found.host.volumes = facts::volumes(&Root::host()).await;
    assert!(
        matches!(found.host.volumes, Fact::Known(_)),
        "{:?}",
        found.host.volumes
    );
    let plan = plan::build(&settings, &found);
    assert_eq!(plan.preparation.volumes.len(), 1, "{:?}", plan.preparation);
    (settings, plan)
}

#[tokio::test]
async fn a_disk_that_changes_between_plan_and_deed_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path().join("place");
    let disk = Disk::new();
    let (settings, plan) = planned(&disk, &place).await;
    // Somebody else was quicker.
    done("mkfs.ext4", &["-q", "-L", "theirs", &disk.device]);
    let before = disk.bytes();
    let prepared = preparation::prepare(&settings, &plan).await;
    assert_eq!(prepared.done, [""; 0]);
    let told = prepared.findings[0].sentence();
    assert!(told.contains("carries ext4 by now"), "{told}");
    assert!(disk.bytes() == before);

    let disk = Disk::new();
    let (settings, plan) = planned(&disk, &place).await;
    disk.detach();
    let prepared = preparation::prepare(&settings, &plan).await;
    assert_eq!(prepared.done, [""; 0]);
    assert!(prepared.failed());
    let told = prepared.findings[0].sentence();
    assert!(
        told.contains(&format!("{} is not at {}", disk.device, place.display())),
        "{told}"
    );
}
