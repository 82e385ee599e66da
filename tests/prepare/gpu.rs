//! What the plan says of GPUs: nothing where the PCI bus has none.

use std::collections::BTreeMap;

use ecs_nanny::plan::{self, Plan};
use ecs_nanny::settings::{Document, merge};
use serde_json::{Value, json};

use super::fixture::Fixture;

const SETTINGS: &str = "[gpu]\nconfigure_runtime = \"on\"\n[engine]\nconfig = { debug = true }\n";

fn plan(gpu: bool, more: &[(&str, &str)]) -> Plan {
    let mut files: BTreeMap<String, String> = more
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect();
    files.insert(
        "var/lib/ecs/ecs.config".to_owned(),
        "ECS_ENABLE_GPU_SUPPORT=true\n".to_owned(),
    );
    files.insert(
        "var/lib/ecs/gpu/nvidia-gpu-info.json".to_owned(),
        "{\"DriverVersion\":\"1\",\"GPUIDs\":[\"GPU-1\"]}".to_owned(),
    );
    if gpu {
        for (name, value) in [
            ("vendor", "0x10de"),
            ("device", "0x2237"),
            ("class", "0x030200"),
        ] {
            let path = format!("sys/bus/pci/devices/0000:00:1e.0/{name}");
            files.insert(path, format!("{value}\n"));
        }
    }
    let fixture = Fixture {
        base: Some("al2023".to_owned()),
        files,
        ..Fixture::default()
    };
    let (_, _tree, facts) = fixture.read("plan");
    let document = Document {
        path: "gpu.toml".to_owned(),
        text: SETTINGS.to_owned(),
    };
    plan::build(&merge(&[document]).unwrap().settings, &facts)
}

fn daemon_json(plan: &Plan) -> Value {
    let file = plan.preparation.daemon_json.as_ref().unwrap();
    serde_json::from_str(&file.content).unwrap()
}

#[test]
fn the_runtime_is_entered_where_hardware_and_toolkit_are() {
    let toolkit = [("usr/bin/nvidia-container-runtime", "")];
    let with = plan(true, &toolkit);
    let runtimes = json!({"nvidia": {"path": "nvidia-container-runtime"}});
    assert_eq!(
        daemon_json(&with),
        json!({"debug": true, "runtimes": runtimes})
    );
    let gpu = with.preparation.gpu.as_ref().unwrap();
    assert_eq!(
        (gpu.count, &*gpu.devices),
        (
            1,
            &["/dev/nvidiactl".to_owned(), "/dev/nvidia0".to_owned()][..]
        )
    );
    assert_eq!(with.preparation.stale_inventory, None);

    let without_toolkit = plan(true, &[]);
    assert_eq!(without_toolkit.preparation.findings[0].rule, "gpu.toolkit");
    // What else is set is merged all the same.
    assert_eq!(daemon_json(&without_toolkit), json!({"debug": true}));

    let without_hardware = plan(false, &toolkit);
    assert_eq!(daemon_json(&without_hardware), json!({"debug": true}));
    assert_eq!(without_hardware.preparation.gpu, None);
    assert_eq!(
        without_hardware.preparation.stale_inventory.as_deref(),
        Some("/var/lib/ecs/gpu/nvidia-gpu-info.json")
    );
}
