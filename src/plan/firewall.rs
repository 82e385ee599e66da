//! Packet filter rules: task credentials, introspection and the loopback network.

use super::inputs::Inputs;
use super::{Family, Operation, PlannedRule};
use crate::facts::PathKind;
use crate::finding::Finding;
use crate::plan::notice::notice;

/// Docker's bridge where the engine has not named it.
const DEFAULT_BRIDGE: &str = "docker0";

/// The rules in the order in which they are created, as ecs-init has them. Rule 4 is inserted after rule 3, so that it
/// comes before it.
pub(super) fn rules(inputs: &Inputs<'_>, findings: &mut Vec<Finding>) -> Vec<PlannedRule> {
    let mut rules = vec![rule(
        "nat",
        Operation::Append,
        "PREROUTING",
        "-p tcp -d 169.254.170.2 --dport 80 -j DNAT --to-destination 127.0.0.1:51679",
    )];
    if !inputs.switches.skip_localhost_filter() {
        rules.push(rule(
            "filter",
            Operation::Insert,
            "INPUT",
            "--dst 127.0.0.0/8 ! --src 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP",
        ));
    }
    if !inputs.switches.offhost_introspection() {
        let ipv6 = has_ipv6(inputs, findings);
        for introspection in introspection(inputs) {
            let copy = ipv6.then(|| PlannedRule {
                family: Family::Ipv6,
                ..introspection.clone()
            });
            rules.push(introspection);
            rules.extend(copy);
        }
    }
    rules.push(rule(
        "nat",
        Operation::Append,
        "OUTPUT",
        "-p tcp -d 169.254.170.2 --dport 80 -j REDIRECT --to-ports 51679",
    ));
    rules
}

/// The introspection port is closed to other hosts, and open to containers on the default bridge.
fn introspection(inputs: &Inputs<'_>) -> Vec<PlannedRule> {
    let insert = |arguments: String| rule("filter", Operation::Insert, "INPUT", &arguments);
    let loopback = loopback(inputs);
    let mut rules = vec![insert(format!(
        "-p tcp --dport 51678 ! -i {loopback} -j DROP"
    ))];
    if let Some(bridge) = bridge(inputs) {
        rules.push(insert(format!(
            "-p tcp --dport 51678 -i {bridge} -j ACCEPT"
        )));
    }
    rules
}

/// The default bridge's interface; `None` where the engine has none. Before the engine has answered it is Docker's usual
/// one.
pub(super) fn bridge<'a>(inputs: &Inputs<'a>) -> Option<&'a str> {
    let name = inputs
        .facts
        .engine
        .known()
        .map_or(DEFAULT_BRIDGE, |engine| &engine.bridge);
    (!name.is_empty()).then_some(name)
}

/// The loopback interface's name.
pub(super) fn loopback<'a>(inputs: &Inputs<'a>) -> &'a str {
    let name = inputs.facts.host.network.loopback.known();
    name.map_or("lo", String::as_str)
}

/// True where the kernel has IPv6 and the host `ip6tables`. An image that has not booted shows no kernel; it is taken to
/// have IPv6.
fn has_ipv6(inputs: &Inputs<'_>, findings: &mut Vec<Finding>) -> bool {
    let absent = |path| inputs.kind(path) == PathKind::Absent;
    if absent("/proc/sys/net/ipv6") && !absent("/proc/sys/net") {
        return false;
    }
    let programs = [
        "/usr/sbin/ip6tables",
        "/sbin/ip6tables",
        "/usr/bin/ip6tables",
    ];
    if programs.into_iter().all(absent) {
        findings.push(notice(
            "host.ip6tables",
            "the introspection port can be closed to other hosts over IPv6",
            "the kernel has IPv6, and there is no ip6tables",
            "ip6tables",
            "install the iptables package",
        ));
        return false;
    }
    true
}

fn rule(table: &str, op: Operation, chain: &str, arguments: &str) -> PlannedRule {
    PlannedRule {
        family: Family::Ipv4,
        table: table.to_owned(),
        chain: chain.to_owned(),
        op,
        args: arguments.split_whitespace().map(str::to_owned).collect(),
    }
}
