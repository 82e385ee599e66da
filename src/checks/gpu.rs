//! `gpu.*`, `inf.*`: accelerators and what must be there for tasks to get them.

use serde_json::Value;

use crate::facts::{self, AMAZON, EngineFacts, Fact, Facts, HostFacts, PciDevice};
use crate::finding::Severity::{self, Informational, Recommended, Required};

use super::agent::is_there;
use super::agent_files::{amazon_unit, config, value};
use super::{Judge, Judgement, Rule, Told, failed, met, passed, skipped};

/// Required of a GPU host; elsewhere worth a word.
const WEIGHTS: &[(&str, Severity)] = &[
    ("gpu", Required),
    ("batch", Recommended),
    ("ecs", Recommended),
];
const LIGHT: &[(&str, Severity)] = &[("gpu", Recommended)];

const GUIDE: &str = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-gpu.html";
const AMI: &str = "https://github.com/aws/amazon-ecs-ami";

pub const RULES: &[Rule] = &[
    Rule {
        id: "gpu.hw",
        title: "there is an NVIDIA GPU",
        weights: &[("gpu", Informational)],
        told: Told::Booted,
        required: "an NVIDIA display or 3D controller on the PCI bus",
        remedy: "launch a GPU instance type",
        source: GUIDE,
        judge: Judge::Host(hardware),
    },
    Rule {
        id: "gpu.driver_loaded",
        title: "NVIDIA's driver is loaded",
        weights: WEIGHTS,
        told: Told::Booted,
        required: "/proc/driver/nvidia/version, /dev/nvidia0 and /dev/nvidiactl before the agent starts",
        remedy: "install the driver; order its loading (nvidia-persistenced) before the agent",
        source: "https://github.com/aws/amazon-ecs-agent/issues/3823, https://github.com/aws/amazon-ecs-agent/issues/4786",
        judge: Judge::Host(driver),
    },
    Rule {
        id: "gpu.config",
        title: "the agent is told to offer GPUs",
        weights: WEIGHTS,
        told: Told::Booted,
        required: "ECS_ENABLE_GPU_SUPPORT=true, written exactly so",
        remedy: "write ECS_ENABLE_GPU_SUPPORT=true in /var/lib/ecs/ecs.config",
        source: GUIDE,
        judge: Judge::Host(flag),
    },
    Rule {
        id: "gpu.on_nongpu",
        title: "an image for GPUs starts where there is none",
        weights: &[
            ("gpu", Recommended),
            ("batch", Recommended),
            ("ecs", Recommended),
        ],
        told: Told::Booted,
        required: "ECS_ENABLE_GPU_SUPPORT unset where there is no GPU",
        remedy: "remove ECS_ENABLE_GPU_SUPPORT from /etc/ecs/ecs.config; in /var/lib/ecs/ecs.config ecs-nanny sees to it",
        source: "https://github.com/aws/amazon-ecs-agent/issues/2424",
        judge: Judge::Host(no_gpu),
    },
    Rule {
        id: "gpu.info_file",
        title: "the agent's list of GPUs is that of this instance",
        weights: WEIGHTS,
        told: Told::Booted,
        required: "as many GPUs in /var/lib/ecs/gpu/nvidia-gpu-info.json as on the PCI bus",
        remedy: "remove the file; it is made anew when the agent starts",
        source: "https://github.com/aws/amazon-ecs-agent, ecs-init/gpu",
        judge: Judge::Host(inventory),
    },
    Rule {
        id: "gpu.runtime",
        title: "the engine can give GPUs to containers",
        weights: WEIGHTS,
        told: Told::Booted,
        required: "the runtime nvidia, or that of ECS_NVIDIA_RUNTIME",
        remedy: "install nvidia-container-toolkit and run nvidia-ctk runtime configure --runtime=docker",
        source: GUIDE,
        judge: Judge::Facts(runtime),
    },
    Rule {
        id: "gpu.fabric",
        title: "GPUs that talk over NVSwitch have their fabric manager",
        weights: LIGHT,
        told: Told::Booted,
        required: "nvidia-fabricmanager.service enabled on p4d, p4de, p5, p5e and p5en",
        remedy: "install and enable nvidia-fabricmanager in the driver's own version",
        source: "https://docs.nvidia.com/datacenter/tesla/fabric-manager-user-guide/",
        judge: Judge::Facts(fabric),
    },
    Rule {
        id: "gpu.mps",
        title: "GPUs can be shared (NVIDIA MPS)",
        weights: &[("gpu", Informational)],
        told: Told::Image,
        required: "nvidia-mps.service",
        remedy: "install it as the ECS-optimized GPU AMI does, where tasks share GPUs",
        source: AMI,
        judge: Judge::Host(mps),
    },
    Rule {
        id: "gpu.kmod_choice",
        title: "g6f.large has memory to overcommit",
        weights: LIGHT,
        told: Told::Booted,
        required: "vm.overcommit_memory=1 on g6f.large",
        remedy: "write vm.overcommit_memory=1 to a file in /etc/sysctl.d",
        source: AMI,
        judge: Judge::Facts(overcommit),
    },
    Rule {
        id: "inf.config",
        title: "AWS Inferentia and Trainium are offered to tasks",
        weights: &[("batch", Recommended), ("ecs", Recommended)],
        told: Told::Booted,
        required: "ECS_ENABLE_INF_SUPPORT=true and the runtime neuron where there is a Neuron device",
        remedy: "write ECS_ENABLE_INF_SUPPORT=true in /var/lib/ecs/ecs.config and install aws-neuronx-oci-hook",
        source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-inference.html",
        judge: Judge::Host(neuron),
    },
];

const FLAG: &str = "ECS_ENABLE_GPU_SUPPORT";

fn gpus(host: &HostFacts) -> usize {
    facts::gpus(&host.pci_devices)
}

/// Device numbers of AWS Neuron's driver (`neuron_device.h`): Inferentia 1 and 2, Trainium 1 and 2.
const NEURON: &[&str] = &[
    "0x7064", "0x7065", "0x7066", "0x7067", "0x7164", "0x7264", "0x7364",
];

/// Judges where there is a GPU. Where there is none nothing is demanded.
fn where_gpu(host: &HostFacts, judge: impl FnOnce(usize) -> Judgement) -> Judgement {
    match gpus(host) {
        0 => skipped("there is no NVIDIA GPU").at_most(Informational),
        count => judge(count),
    }
}

fn hardware(host: &HostFacts) -> Judgement {
    match gpus(host) {
        0 => failed("none"),
        count => passed(format!("{count}")),
    }
}

fn driver(host: &HostFacts) -> Judgement {
    where_gpu(host, |_| {
        let version = host.texts.get("/proc/driver/nvidia/version");
        let devices = ["/dev/nvidia0", "/dev/nvidiactl"];
        let missing: Vec<&str> = devices
            .iter()
            .copied()
            .filter(|path| !is_there(host, path))
            .collect();
        match version.and_then(|text| text.lines().next()) {
            None => failed("the driver is not loaded"),
            Some(_) if !missing.is_empty() => {
                failed(format!("there is no {}", missing.join(", no ")))
            }
            Some(line) => passed(line),
        }
    })
}

fn flag(host: &HostFacts) -> Judgement {
    where_gpu(host, |_| match value(host, FLAG).as_deref() {
        Some("true") => passed("true"),
        Some(other) => failed(format!("{other:?}, which ecs-init does not take for true")),
        None => failed("it is not set"),
    })
}

fn no_gpu(host: &HostFacts) -> Judgement {
    let variable = config(host).agent.remove(FLAG);
    let set = variable.filter(|variable| variable.value == "true");
    match (gpus(host), set) {
        (0, Some(variable)) => {
            let user = variable.layer == crate::agent_config::Layer::User;
            let observed = format!("{} sets it, and there is no GPU", variable.path);
            match user || amazon_unit(host) {
                true => failed(observed),
                false => passed(format!("{observed}: ecs-nanny leaves it out")),
            }
        }
        (0, None) => passed("it is not set"),
        (count, _) => passed(format!("there are {count} GPUs")),
    }
}

fn inventory(host: &HostFacts) -> Judgement {
    where_gpu(host, |count| {
        let Some(text) = host.texts.get(facts::GPU_INVENTORY) else {
            return skipped("there is none yet; it is made when the agent starts")
                .at_most(Informational);
        };
        let document: Value = serde_json::from_str(text).unwrap_or_default();
        let listed = document["GPUIDs"].as_array().map_or(0, Vec::len);
        met(
            listed == count,
            format!("{listed} GPUs in the file, {count} on the PCI bus"),
        )
    })
}

fn runtime(facts: &Facts) -> Judgement {
    where_gpu(&facts.host, |_| {
        let Fact::Known(EngineFacts { runtimes, .. }) = &facts.engine else {
            return skipped("the engine has not answered");
        };
        let wanted = value(&facts.host, "ECS_NVIDIA_RUNTIME");
        let wanted = wanted.as_deref().unwrap_or("nvidia");
        met(
            runtimes.iter().any(|runtime| runtime == wanted),
            format!("runtimes {}", runtimes.join(" ")),
        )
    })
}

fn instance_type(facts: &Facts) -> Option<&str> {
    let instance = facts.instance.known();
    let of_firmware = facts.host.dmi.product_name.as_deref();
    instance.map(|it| it.instance_type.as_str()).or(of_firmware)
}

fn fabric(facts: &Facts) -> Judgement {
    const FAMILIES: &[&str] = &["p4d", "p4de", "p5", "p5e", "p5en"];
    let Some(name) = instance_type(facts) else {
        return skipped("nothing tells the instance type");
    };
    let family = name.split('.').next().unwrap_or_default();
    if !FAMILIES.contains(&family) {
        return passed(format!("{name} needs none"));
    }
    let unit = facts.host.units.get("nvidia-fabricmanager.service");
    let enabled = unit
        .and_then(Fact::known)
        .is_some_and(|unit| unit.file_state.as_deref() == Some("enabled"));
    let word = if enabled { "enabled" } else { "not enabled" };
    met(enabled, format!("{word} on {name}"))
}

fn mps(host: &HostFacts) -> Judgement {
    match host.units.get("nvidia-mps.service").and_then(Fact::known) {
        Some(unit) if unit.installed => passed("installed"),
        Some(_) => failed("not installed"),
        None => skipped("no unit is known"),
    }
}

fn overcommit(facts: &Facts) -> Judgement {
    match instance_type(facts) {
        Some("g6f.large") => {
            let value = facts.host.kernel.sysctls.get("vm/overcommit_memory");
            let value = value.map_or("unknown", String::as_str);
            met(value == "1", format!("vm.overcommit_memory is {value}"))
        }
        Some(other) => passed(format!("{other} needs nothing of the kind")),
        None => skipped("nothing tells the instance type"),
    }
}

fn neuron(host: &HostFacts) -> Judgement {
    let is_neuron =
        |device: &PciDevice| device.vendor == AMAZON && NEURON.contains(&device.device.as_str());
    if !host.pci_devices.iter().any(is_neuron) {
        return passed("there is no Neuron device");
    }
    let told = value(host, "ECS_ENABLE_INF_SUPPORT").is_some_and(|value| value == "true");
    let runtime = is_there(host, "/etc/docker-runtimes.d/neuron");
    match (told, runtime) {
        (true, true) => passed("offered, with the runtime neuron"),
        (false, _) => failed("ECS_ENABLE_INF_SUPPORT is not true"),
        (true, false) => failed("there is no /etc/docker-runtimes.d/neuron"),
    }
}
