//! What `ecs-nanny plan` prints.

use std::fmt::Write;

use bollard_stubs::models::{ContainerCreateBody, HostConfig};

use super::columns::columns;
use super::page::printable;
use crate::agent_config::Variable;
use crate::finding::Finding;
use crate::plan::{AgentPlan, Change, EnginePlan, InForceBy, Plan};

/// The plan as the JSON of `ecs-nanny plan --format json`, a public interface. Secrets are shown; see
/// [`crate::plan::masked`].
pub fn json(plan: &Plan) -> serde_json::Value {
    serde_json::json!(plan)
}

/// The plan for people.
pub fn table(plan: &Plan) -> String {
    let mut text = summary(plan);
    if let Some(agent) = &plan.agent {
        section(&mut text, "environment", environment(agent));
        section(&mut text, "mounts", mounts(&agent.create_request));
    }
    let changes = plan
        .directories
        .iter()
        .map(|directory| (&directory.path, &directory.mode, directory.change))
        .chain(
            plan.files
                .iter()
                .map(|file| (&file.path, &file.mode, file.change)),
        )
        .map(|(path, mode, change)| [verb(change).to_owned(), mode.clone(), path.clone()]);
    section(
        &mut text,
        "files",
        columns("  ", &changes.collect::<Vec<_>>()),
    );
    section(&mut text, "before the engine starts", preparation(plan));
    section(
        &mut text,
        "firewall",
        lines(plan.firewall.iter().map(ToString::to_string)),
    );
    let sysctls = plan.sysctls.iter();
    section(
        &mut text,
        "sysctls",
        lines(sysctls.map(|sysctl| format!("{} = {}", sysctl.key, sysctl.value))),
    );
    let routes = plan.routes.iter();
    section(
        &mut text,
        "routes",
        lines(routes.map(|route| {
            format!(
                "{} dev {} scope {}",
                route.destination, route.device, route.scope
            )
        })),
    );
    section(
        &mut text,
        "noticed",
        lines(plan.all_findings().map(Finding::sentence)),
    );
    text
}

fn summary(plan: &Plan) -> String {
    let mut rows = Vec::new();
    let mut row = |name: &str, value: String| rows.push([name.to_owned(), value]);
    row("engine", engine(&plan.engine));
    row(
        "cluster",
        plan.cluster
            .clone()
            .unwrap_or_else(|| "named by no layer".to_owned()),
    );
    match &plan.agent {
        None => row("agent", "left to Amazon's ecs.service".to_owned()),
        Some(agent) => {
            row("agent", format!("{} from {}", agent.name, agent.image));
            if let Some(host) = &agent.create_request.host_config {
                row("host", host_config(host));
                row("log", log(host));
            }
            row(
                "labels",
                pairs(agent.create_request.labels.iter().flatten()),
            );
        }
    }
    columns("", &rows)
}

fn engine(engine: &EnginePlan) -> String {
    let how = match &engine.unit {
        Some(unit) => unit.clone(),
        None => engine.command.join(" "),
    };
    format!("{} {how}, {}", engine.backend, engine.socket)
}

fn host_config(host: &HostConfig) -> String {
    let mut words = Vec::new();
    let mut named = |name: &str, value: &Option<String>| {
        words.extend(value.iter().map(|value| format!("{name} {value}")));
    };
    named("network", &host.network_mode);
    named("user namespace", &host.userns_mode);
    named("process namespace", &host.pid_mode);
    named(
        "capabilities",
        &host.cap_add.as_ref().map(|all| all.join(" ")),
    );
    named(
        "security",
        &host.security_opt.as_ref().map(|all| all.join(" ")),
    );
    for (name, switch) in [("init", host.init), ("privileged", host.privileged)] {
        if switch == Some(true) {
            words.push(name.to_owned());
        }
    }
    words.join(", ")
}

fn log(host: &HostConfig) -> String {
    let Some(log) = &host.log_config else {
        return String::new();
    };
    let driver = log.typ.as_deref().unwrap_or_default();
    let options = pairs(log.config.iter().flatten());
    format!("{driver} {options}").trim_end().to_owned()
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let mut pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.sort();
    pairs.join(" ")
}

/// Who said a variable, and `NAME=value`. A plan that was read from JSON has no origins.
fn environment(agent: &AgentPlan) -> String {
    let entries = agent.create_request.env.iter().flatten();
    let rows: Vec<[String; 2]> = entries
        .map(|entry| {
            let name = entry.split('=').next().unwrap_or_default();
            let said_by = agent.environment.get(name).map(origin);
            [said_by.unwrap_or_default(), entry.clone()]
        })
        .collect();
    columns("  ", &rows)
}

/// Who said a variable: a file and its line, or what else did.
pub(super) fn origin(variable: &Variable) -> String {
    match variable.line {
        Some(line) => format!("{}:{line}", variable.path),
        None => variable.path.clone(),
    }
}

fn mounts(request: &ContainerCreateBody) -> String {
    let binds = request
        .host_config
        .iter()
        .flat_map(|host| host.binds.iter().flatten());
    let rows: Vec<[String; 3]> = binds
        .map(|bind| {
            let mut parts = bind.splitn(3, ':').map(str::to_owned);
            std::array::from_fn(|_| parts.next().unwrap_or_default())
        })
        .collect();
    columns("  ", &rows)
}

fn preparation(plan: &Plan) -> String {
    let steps = plan.preparation.volumes.iter().flat_map(|it| &it.steps);
    let mut text = lines(steps.map(|step| step.command.join(" ")));
    let gpu = plan.preparation.gpu.iter().flat_map(|gpu| {
        [
            format!("await {}", gpu.devices.join(" and ")),
            format!("make {}", gpu.inventory),
        ]
    });
    text += &lines(gpu);
    let stale = plan.preparation.stale_inventory.iter();
    text += &lines(stale.map(|path| format!("remove {path}")));
    let Some(file) = &plan.preparation.daemon_json else {
        return text;
    };
    text += &columns("  ", &[[verb(file.change).to_owned(), file.path.clone()]]);
    let keys = file.keys.iter().map(|change| {
        let from = match &change.from {
            Some(from) => format!(" (was {from})"),
            None => String::new(),
        };
        let by = match change.in_force_by {
            InForceBy::Reload => "reload",
            InForceBy::Restart => "restart",
        };
        [
            change.key.clone(),
            format!("by {by}"),
            format!("{}{from}", change.to),
        ]
    });
    text.push_str(&columns("    ", &keys.collect::<Vec<_>>()));
    text
}

fn verb(change: Change) -> &'static str {
    match change {
        Change::Create => "create",
        Change::Update => "update",
        Change::None => "keep",
    }
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines
        .map(|line| format!("  {}\n", printable(&line)))
        .collect()
}

fn section(text: &mut String, title: &str, body: String) {
    if !body.is_empty() {
        // Writing to a string never fails.
        let _ = write!(text, "\n{title}\n{body}");
    }
}
