//! What `ecs-nanny plan` says is what Docker has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::wait::{PATIENCE, eventually};
use super::world::{USER_CONFIG, World};

#[tokio::test]
async fn the_container_is_as_planned() {
    let mut world = World::prepared().await;
    world.write(
        USER_CONFIG,
        "ECS_CLUSTER=\"blue\"\n# a comment\nECS_AVAILABLE_LOGGING_DRIVERS='[\"json-file\",\"syslog\"]'\n\
         ECS_AGENT_LABELS={\"team\":\"batch\"}\nECS_RESERVED_MEMORY=64\nECS_ENGINE_AUTH_TYPE=docker\n\
         ECS_ENGINE_AUTH_DATA={\"https://index.docker.io/v1/\":{\"password\":\"hunter2\"}}\n",
    );
    world.start();
    world.until_healthy().await;
    let planned = plan(&world, &["plan", "--format", "json", "--show-secrets"]);
    let planned = &planned["agent"]["create_request"];
    let found = inspected(&world).await;

    assert_eq!(
        set(&planned["Env"]),
        within(&found["Config"]["Env"], &planned["Env"])
    );
    for name in ["Image", "Labels"] {
        assert_eq!(planned[name], found["Config"][name], "{name}");
    }
    let (wanted, got) = (&planned["HostConfig"], &found["HostConfig"]);
    assert_eq!(set(&wanted["Binds"]), set(&got["Binds"]));
    for (name, value) in wanted.as_object().unwrap() {
        if name != "Binds" && !value.is_null() {
            assert_eq!(value, &got[name], "HostConfig.{name}");
        }
    }
    let environment: BTreeMap<String, String> = set(&found["Config"]["Env"])
        .into_iter()
        .filter_map(|line| {
            let (name, value) = line.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        })
        .collect();
    assert_eq!(environment["ECS_CLUSTER"], "blue");
    assert_eq!(
        environment["ECS_AVAILABLE_LOGGING_DRIVERS"],
        r#"["json-file","syslog","awslogs"]"#
    );
    assert!(!environment.keys().any(|name| name.starts_with('#')));
    assert!(
        world.log().contains("awslogs"),
        "adding awslogs is recorded"
    );
    assert!(!world.log().contains("hunter2"));
    let shown = world.ecs_nanny(&["plan", "--format", "json"]);
    assert!(!String::from_utf8(shown.stdout).unwrap().contains("hunter2"));
}

#[tokio::test]
async fn a_second_look_plans_no_change() {
    let world = World::healthy().await;
    eventually("nothing left to change", PATIENCE, async || {
        let plan = plan(&world, &["plan", "--format", "json"]);
        let files = plan["files"].as_array().unwrap().iter();
        let directories = plan["directories"].as_array().unwrap().iter();
        let changes: Vec<&Value> = files
            .chain(directories)
            .filter(|item| item["change"] != "none")
            .collect();
        changes
            .is_empty()
            .then_some(())
            .ok_or(format!("{changes:?}"))
    })
    .await;
}

fn plan(world: &World, arguments: &[&str]) -> Value {
    let output = world.ecs_nanny(arguments);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn inspected(world: &World) -> Value {
    let socket = world.host.path("/run/docker.sock");
    let client = bollard::Docker::connect_with_unix(
        &socket.display().to_string(),
        10,
        bollard::API_DEFAULT_VERSION,
    )
    .unwrap()
    .negotiate_version()
    .await
    .unwrap();
    let found = client.inspect_container("ecs-agent", None).await.unwrap();
    serde_json::to_value(found).unwrap()
}

fn set(list: &Value) -> BTreeSet<String> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}

/// What is found of the names that were asked for; the image brings more.
fn within(found: &Value, asked: &Value) -> BTreeSet<String> {
    let name = |line: &String| line.split('=').next().unwrap_or_default().to_owned();
    let asked: BTreeSet<String> = set(asked).iter().map(name).collect();
    set(found)
        .into_iter()
        .filter(|line| asked.contains(&name(line)))
        .collect()
}
