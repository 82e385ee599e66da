//! A host of its own for each test: fresh network and mount namespaces.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ecs_nanny::apply::Applier;
use ecs_nanny::host::files::{self, Root};
use ecs_nanny::host::netfilter::Netfilter;
use ecs_nanny::plan::Family;

use super::plan::Plan;

/// Set in the namespace, to the backend to test.
const BACKEND: &str = "ECS_NANNY_TEST_BACKEND";

/// Set in the namespace, to the one outside.
const OUTSIDE: &str = "ECS_NANNY_TEST_OUTSIDE";

const NETWORK_NAMESPACE: &str = "/proc/self/ns/net";

pub const ROUTE_LOCALNET: &str = "/proc/sys/net/ipv4/conf/all/route_localnet";
pub const RESERVED_PORTS: &str = "/proc/sys/net/ipv4/ip_local_reserved_ports";

/// Runs the body for each backend in fresh namespaces, by running this one test of this program again inside them.
pub fn in_namespaces(test: &str, body: impl AsyncFnOnce(Host)) {
    if let Ok(backend) = std::env::var(BACKEND) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        return runtime.block_on(async { body(Host::new(&backend)).await });
    }
    let root = nix::unistd::geteuid().is_root();
    assert!(
        root,
        "only root can make network namespaces with packet filters"
    );
    for backend in ["legacy", "nft"] {
        let output = Command::new("unshare")
            .args(["--net", "--mount", "--"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(BACKEND, backend)
            .env(OUTSIDE, fs::read_link(NETWORK_NAMESPACE).unwrap())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && told.contains("1 passed"),
            "{test} on {backend}:\n{told}\n{errors}"
        );
    }
}

/// A host of its own: packet filters with Docker's chains and a user's rules, kernel parameters, a record.
pub struct Host {
    pub directory: tempfile::TempDir,
    pub ipv4: String,
    pub ipv6: String,
}

impl Host {
    pub fn new(backend: &str) -> Self {
        let outside = std::env::var(OUTSIDE).unwrap();
        let inside = fs::read_link(NETWORK_NAMESPACE).unwrap();
        assert_ne!(
            inside,
            Path::new(&outside),
            "this is the host's own network"
        );
        // For xtables.lock.
        run("mount", &["-t", "tmpfs", "tmpfs", "/run"]);
        run("ip", &["link", "set", "lo", "up"]);
        fs::write(RESERVED_PORTS, "8080\n").unwrap();
        let host = Host {
            directory: tempfile::tempdir().unwrap(),
            ipv4: format!("iptables-{backend}"),
            ipv6: format!("ip6tables-{backend}"),
        };
        for line in [
            "-t nat -N DOCKER",
            "-t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
            "-t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER",
            "-t filter -A INPUT -p tcp --dport 22 -m comment --comment \"ssh\" -j ACCEPT",
            "-t filter -A INPUT -p tcp --dport 23 -j DROP",
        ] {
            host.iptables(line);
        }
        run(
            &host.ipv6,
            &["-A", "INPUT", "-p", "tcp", "--dport", "23", "-j", "DROP"],
        );
        host
    }

    pub fn record(&self) -> PathBuf {
        self.directory.path().join("applied.json")
    }

    /// What each start of `run` makes anew.
    pub fn applier(&self) -> Applier {
        let (ipv4, ipv6) = (Netfilter::new(&self.ipv4), Netfilter::new(&self.ipv6));
        Applier::new(Root::host(), self.record(), ipv4, ipv6)
    }

    /// An applier whose programs note each call.
    pub fn noting_applier(&self) -> Applier {
        let calls = self.directory.path().join("calls").display().to_string();
        for name in [&self.ipv4, &self.ipv6] {
            for suffix in ["", "-save", "-restore"] {
                let program = format!("{name}{suffix}");
                self.script(
                    &program,
                    &format!("echo {program} >> {calls}\nexec {program} \"$@\""),
                );
            }
        }
        self.scripted_applier(&self.ipv4, &self.ipv6)
    }

    /// An applier whose programs are scripts of this test.
    pub fn scripted_applier(&self, ipv4: &str, ipv6: &str) -> Applier {
        let programs =
            |name| Netfilter::new(self.directory.path().join(name).display().to_string());
        Applier::new(Root::host(), self.record(), programs(ipv4), programs(ipv6))
    }

    /// Makes a program of this test.
    pub fn script(&self, name: &str, text: &str) {
        let path = self.directory.path().join(name);
        files::replace(&path, 0o755, format!("#!/bin/sh\n{text}\n").as_bytes()).unwrap();
    }

    /// The programs that the applier called since the last time, sorted.
    pub fn calls(&self) -> Vec<String> {
        let noted = self.directory.path().join("calls");
        if !noted.exists() {
            return Vec::new();
        }
        let text = fs::read_to_string(&noted).unwrap();
        fs::remove_file(&noted).unwrap();
        let mut calls: Vec<String> = text.lines().map(str::to_owned).collect();
        calls.sort();
        calls
    }

    pub fn iptables(&self, line: &str) {
        run(&self.ipv4, &line.split(' ').collect::<Vec<_>>());
    }

    /// Every rule of both families, without counters and time stamps.
    pub fn rules(&self) -> Vec<String> {
        let saves = [&self.ipv4, &self.ipv6].map(|name| run(&format!("{name}-save"), &[]));
        let lines = saves.iter().flat_map(|text| text.lines());
        let rule_or_chain = |line: &&str| !line.starts_with('#');
        lines
            .filter(rule_or_chain)
            .map(|line| line.split(" [").next().unwrap().to_owned())
            .collect()
    }

    /// Everything that may have changed.
    pub fn state(&self) -> (Vec<String>, String, String, String) {
        (
            self.rules(),
            fs::read_to_string(ROUTE_LOCALNET).unwrap(),
            fs::read_to_string(RESERVED_PORTS).unwrap(),
            run("ip", &["route", "show", "table", "main"]),
        )
    }

    /// Asserts that each of the rules is there once, and that the one for the bridge is above the one for all others.
    pub fn assert_in_force(&self, plan: &Plan) {
        let rules = self.rules();
        let of = |part: &str| rules.iter().filter(|line| line.contains(part)).count();
        let families = [Family::Ipv4, Family::Ipv6];
        let expected = families
            .map(|family| plan.count(family, "51678"))
            .iter()
            .sum::<usize>();
        assert_eq!(of("--dport 51678"), expected, "{rules:#?}");
        assert_eq!(of("51679"), plan.count(Family::Ipv4, "51679"), "{rules:#?}");
        assert_eq!(
            of("--ctstate"),
            plan.count(Family::Ipv4, "--ctstate"),
            "{rules:#?}"
        );
        let at = |part: &str| rules.iter().position(|line| line.contains(part));
        if let (Some(bridge), Some(others)) = (at("-i docker0"), at("! -i lo")) {
            assert!(bridge < others, "{rules:#?}");
        }
    }
}

pub fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}
