//! Every row of the bind mounts.

use std::collections::BTreeSet;

use crate::fixture::plan;
use crate::host_config;

fn binds(fixture: &str) -> BTreeSet<String> {
    let plan = plan(fixture);
    let binds = host_config(&plan).binds.clone().unwrap();
    let places: BTreeSet<&str> = binds
        .iter()
        .filter_map(|bind| bind.split(':').nth(1))
        .collect();
    assert_eq!(
        places.len(),
        binds.len(),
        "{fixture}: two mounts at one place: {binds:?}"
    );
    assert!(binds.is_sorted(), "{fixture}: {binds:?}");
    binds.into_iter().collect()
}

/// What ecs-init mounts on every host.
const ALWAYS: [&str; 18] = [
    "/var/log/ecs:/log",
    "/var/lib/ecs/data:/data",
    "/etc/ecs:/etc/ecs",
    "/var/cache/ecs:/var/cache/ecs",
    "/sys/fs/cgroup:/sys/fs/cgroup",
    "/var/lib/ecs:/var/lib/ecs",
    "/var/log/ecs/exec:/log/exec",
    "/run/docker/plugins:/run/docker/plugins:ro",
    "/etc/docker/plugins:/etc/docker/plugins:ro",
    "/usr/lib/docker/plugins:/usr/lib/docker/plugins:ro",
    "/proc:/host/proc:ro",
    "/usr/lib:/usr/lib:ro",
    "/lib:/lib:ro",
    "/usr/lib64:/usr/lib64:ro",
    "/lib64:/lib64:ro",
    "/sbin:/host/sbin:ro",
    "/etc/alternatives:/etc/alternatives:ro",
    "/usr/sbin:/usr/sbin:ro",
];

#[test]
fn a_bare_host_has_the_unconditional_mounts_alone() {
    let mut wanted: BTreeSet<String> = ALWAYS.map(str::to_owned).into();
    wanted.insert("/var/run:/var/run".to_owned());
    wanted.extend(
        [
            "/etc/pki:/etc/pki:ro",
            "/var/lib/ecs/deps:/managed-agents:ro",
        ]
        .map(str::to_owned),
    );
    wanted.insert(
        "/var/lib/ecs/deps/execute-command/config:/managed-agents/execute-command/config"
            .to_owned(),
    );
    assert_eq!(binds("tools-absent"), wanted);
}

#[test]
fn conditional_mounts_follow_the_host() {
    for (fixture, bind, there) in [
        ("family-al2023", "/etc/pki:/etc/pki:ro", true),
        ("family-al2023", "/usr/bin/lsblk:/usr/bin/lsblk", true),
        ("family-al2023", "/usr/bin/nsenter:/usr/bin/nsenter", true),
        ("family-al2023", "/sbin/modinfo:/sbin/modinfo", true),
        (
            "family-al2023",
            "/var/lib/cloud/data/result.json:/var/lib/cloud/data/result.json:ro",
            true,
        ),
        ("family-al2023", "/root/.aws:/rotatingcreds:ro", false),
        ("family-debian12", "/etc/ssl:/etc/ssl:ro", true),
        (
            "family-debian12",
            "/var/lib/ecs/deps:/managed-agents:ro",
            false,
        ),
        ("family-sles15", "/etc/ssl:/etc/ssl:ro", true),
        ("family-rocky9", "/etc/pki:/etc/pki:ro", false),
        ("family-al1", "/cgroup:/sys/fs/cgroup", true),
        ("family-al1", "/sys/fs/cgroup:/sys/fs/cgroup", false),
        (
            "modinfo-in-usr",
            "/usr/sbin/modinfo:/usr/sbin/modinfo",
            true,
        ),
        ("external", "/root/.aws:/rotatingcreds:ro", true),
        (
            "external",
            "/var/lib/cloud/data/result.json:/var/lib/cloud/data/result.json:ro",
            false,
        ),
        ("gpu", "/var/lib/ecs/gpu:/var/lib/ecs/gpu", true),
        ("gpu-off", "/var/lib/ecs/gpu:/var/lib/ecs/gpu", false),
        (
            "gpu-without-device",
            "/var/lib/ecs/gpu:/var/lib/ecs/gpu",
            false,
        ),
        (
            "gpu-user-without-device",
            "/var/lib/ecs/gpu:/var/lib/ecs/gpu",
            false,
        ),
        (
            "gmsa-own-socket",
            "/run/fetcher/cf.sock:/run/fetcher/cf.sock",
            true,
        ),
        (
            "credentials-fetcher-without-gmsa",
            "/run/fetcher/cf.sock:/run/fetcher/cf.sock",
            false,
        ),
        (
            "deps-without-exec",
            "/var/lib/ecs/deps:/managed-agents:ro",
            true,
        ),
        (
            "deps-without-exec",
            "/var/lib/ecs/deps/execute-command/config:/managed-agents/execute-command/config",
            false,
        ),
    ] {
        assert_eq!(binds(fixture).contains(bind), there, "{fixture}: {bind}");
    }
    let mount = "/var/credentials-fetcher/socket/credentials_fetcher.sock";
    assert!(binds("gmsa").contains(&format!("{mount}:{mount}")));
    assert!(!binds("gmsa-not-joined").contains(&format!("{mount}:{mount}")));
}

#[test]
fn the_engines_socket_is_where_the_agent_looks() {
    for (fixture, there, absent) in [
        (
            "family-al2023",
            "/var/run:/var/run",
            "/var/run/docker.sock:/var/run/docker.sock",
        ),
        (
            "docker-host",
            "/run/other/docker.sock:/run/other/docker.sock",
            "/var/run:/var/run",
        ),
        (
            "docker-host-quoted",
            "/run/other/docker.sock:/run/other/docker.sock",
            "/var/run:/var/run",
        ),
        (
            "docker-host-tcp",
            "/var/run:/var/run",
            "/var/run/docker.sock:/var/run/docker.sock",
        ),
        (
            "engine-child-settings",
            "/var/run:/var/run",
            "/run/ecs-nanny/engine:/run/ecs-nanny/engine",
        ),
        (
            "engine-socket-elsewhere",
            "/srv/engine:/srv/engine",
            "/srv/engine/docker.sock:/var/run/docker.sock",
        ),
        (
            "docker-host-and-setting",
            "/var/run:/var/run",
            "/run/other/docker.sock:/run/other/docker.sock",
        ),
    ] {
        let binds = binds(fixture);
        assert!(binds.contains(there), "{fixture}: {binds:?}");
        assert!(!binds.contains(absent), "{fixture}: {binds:?}");
    }
}
