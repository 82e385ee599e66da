//! GPUs: hardware told by PCI, the driver's devices awaited, the agent's list made through a stand-in of NVIDIA's library.

use std::path::Path;
use std::process::Command;

use ecs_nanny::finding::{Finding, Outcome};
use ecs_nanny::snapshot::{Phase, Reason, Snapshot};
use serde_json::{Value, json};

use super::prepare::CHILD;
use super::wait::PATIENCE;
use super::world::{SETTINGS, VENDOR_CONFIG, World};

const INVENTORY: &str = "/var/lib/ecs/gpu/nvidia-gpu-info.json";
const FLAG: &str = "ECS_ENABLE_GPU_SUPPORT";

/// A list that another instance left in the image.
const STALE: &str = "{\"DriverVersion\":\"1.0\",\"GPUIDs\":[\"GPU-of-another-instance\"]}";

/// The host of a GPU image: `hardware` puts that many GPUs on its PCI bus. No driver is loaded.
async fn gpu_image(hardware: usize) -> World {
    let world = World::prepared().await;
    world.write(VENDOR_CONFIG, format!("{FLAG}=true\n"));
    world.write(INVENTORY, STALE);
    // A PCI bus and a /dev of its own, over this machine's.
    let mut script = "set -e
        mkdir -p /run/lab/upper /run/lab/work /run/lab/shm /run/lab/pts
        mount --bind /dev/shm /run/lab/shm
        mount --bind /dev/pts /run/lab/pts
        mount -t overlay overlay -o lowerdir=/dev,upperdir=/run/lab/upper,workdir=/run/lab/work /dev
        mkdir -p /dev/shm /dev/pts
        mount --bind /run/lab/shm /dev/shm
        mount --bind /run/lab/pts /dev/pts
        mount -t tmpfs tmpfs /sys/bus/pci/devices\n"
        .to_owned();
    for index in 0..hardware {
        let device = format!("/sys/bus/pci/devices/0000:00:1{index}.0");
        script += &format!(
            "mkdir {device}; echo 0x10de > {device}/vendor
             echo 0x2237 > {device}/device; echo 0x030200 > {device}/class\n"
        );
    }
    world.done("sh", &["-c", &script]);
    library(&world, hardware);
    world
}

/// The stand-in of NVIDIA's library, where the host's loader finds it.
fn library(world: &World, gpus: usize) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run/nvml.c");
    let directory = tempfile::tempdir().unwrap();
    let built = directory.path().join("libnvidia-ml.so.1");
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-Wl,-soname,libnvidia-ml.so.1", "-o"])
        .arg(&built)
        .arg(source)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    world.write(
        "/run/lab/nvml/libnvidia-ml.so.1",
        std::fs::read(built).unwrap(),
    );
    world.write("/run/lab/nvml/gpus", gpus.to_string());
    world.write("/etc/ld.so.conf.d/lab-nvml.conf", "/run/lab/nvml\n");
    world.done("ldconfig", &[]);
}

/// What loading the driver does.
fn load_driver(world: &World) {
    world.done("touch", &["/dev/nvidia0", "/dev/nvidiactl"]);
}

fn settings(world: &World, more: &str) {
    world.write(SETTINGS, format!("{CHILD}[gpu]\n{more}"));
}

fn inventory(world: &World) -> Option<Value> {
    let text = std::fs::read(world.host.path(INVENTORY)).ok()?;
    Some(serde_json::from_slice(&text).unwrap())
}

fn made(gpus: usize) -> Value {
    let ids: Vec<String> = (1..=gpus)
        .map(|number| format!("GPU-00000000-0000-0000-0000-{number:012}"))
        .collect();
    json!({"DriverVersion": "570.133.20", "GPUIDs": ids})
}

fn not_ready(snapshot: &Snapshot) -> bool {
    let failed = |it: &Finding| it.rule == "gpu.ready" && it.outcome == Outcome::Failed;
    snapshot.findings.iter().any(failed)
}

#[tokio::test]
async fn with_hardware_and_driver_the_agent_gets_a_new_list() {
    let mut world = gpu_image(2).await;
    load_driver(&world);
    world.start();
    let snapshot = world.until_healthy().await;
    assert!(!not_ready(&snapshot), "{:?}", snapshot.findings);
    assert_eq!(inventory(&world), Some(made(2)));
    assert_eq!(world.agent_environment().await[FLAG], "true");
    assert_eq!(world.agent_starts(), 1);
    assert!(!world.log().contains("awaited for"), "{}", world.log());
    // The library is the step's alone.
    let pid = snapshot.nanny.pid;
    let maps = String::from_utf8(world.read(&format!("/proc/{pid}/maps"))).unwrap();
    assert!(!maps.contains("libnvidia-ml"));
}

#[tokio::test]
async fn a_driver_that_comes_late_is_awaited() {
    let mut world = gpu_image(1).await;
    world.start();
    let snapshot = world
        .until_phase(Phase::Waiting, Reason::Gpu, PATIENCE)
        .await;
    assert!(
        snapshot.line().contains("/dev/nvidiactl and /dev/nvidia0"),
        "{}",
        snapshot.line()
    );
    load_driver(&world);
    world.until_healthy().await;
    assert_eq!(inventory(&world), Some(made(1)));
    assert_eq!(world.agent_environment().await[FLAG], "true");
    assert_eq!(world.agent_starts(), 1);
}

#[tokio::test]
async fn without_a_driver_the_settings_decide_whether_the_agent_starts() {
    let mut world = gpu_image(1).await;
    settings(&world, "wait = \"1s\"\n");
    world.start();
    world
        .until("the failed finding", PATIENCE, |snapshot| {
            not_ready(snapshot)
                && (snapshot.phase, snapshot.reason) == (Phase::Waiting, Some(Reason::Gpu))
        })
        .await;
    // Of another instance.
    assert_eq!(inventory(&world), None);
    assert_eq!(
        world.docker().await.container("ecs-agent").await.unwrap(),
        None
    );

    settings(&world, "wait = \"1s\"\nwithout_driver = \"start\"\n");
    let snapshot = world.until_healthy().await;
    assert!(not_ready(&snapshot), "{:?}", snapshot.findings);
    assert!(!world.agent_environment().await.contains_key(FLAG));
    assert_eq!(inventory(&world), None);
}

#[tokio::test]
async fn a_driver_that_knows_of_no_gpu_is_told() {
    let mut world = gpu_image(1).await;
    world.write("/run/lab/nvml/gpus", "0");
    load_driver(&world);
    world.start();
    let snapshot = world.until("the failed finding", PATIENCE, not_ready).await;
    assert_eq!(snapshot.phase, Phase::Waiting);
    assert_eq!(inventory(&world), None);
}

#[tokio::test]
async fn a_gpu_image_on_a_host_without_gpu_waits_for_nothing() {
    let mut world = gpu_image(0).await;
    world.start();
    let snapshot = world.until_healthy().await;
    assert!(!not_ready(&snapshot), "{:?}", snapshot.findings);
    assert!(!world.agent_environment().await.contains_key(FLAG));
    assert_eq!(inventory(&world), None, "the list of another instance");
    assert!(!world.log().contains("waiting (gpu)"), "{}", world.log());
    println!("healthy {:?} ms after exec", snapshot.boot.healthy_ms);
}
