//! Kernel parameters and routes.

mod ports;

use super::firewall::{bridge, loopback};
use super::inputs::Inputs;
use super::{PlannedRoute, PlannedSysctl};

/// Task credentials are answered on the loopback network, so packets to it must be routed; containers' router
/// advertisements must not change the host's routes; and no connection of the host may take the agent's ports or ours,
/// which lie in the ephemeral range.
pub(super) fn sysctls(inputs: &Inputs<'_>) -> Vec<PlannedSysctl> {
    let mut sysctls = vec![PlannedSysctl {
        key: "net.ipv4.conf.all.route_localnet".to_owned(),
        value: "1".to_owned(),
        required: true,
    }];
    if let Some(bridge) = bridge(inputs) {
        sysctls.push(PlannedSysctl {
            // sysctl(8) writes a dot in an interface's name as a slash.
            key: format!("net.ipv6.conf.{}.accept_ra", bridge.replace('.', "/")),
            value: "0".to_owned(),
            required: false,
        });
    }
    let reserved = inputs.facts.host.network.reserved_ports.known();
    let own = inputs.settings.health.tcp.map(|address| address.port());
    sysctls.push(PlannedSysctl {
        key: "net.ipv4.ip_local_reserved_ports".to_owned(),
        value: ports::reserve(reserved.map_or("", |it| it), own),
        required: false,
    });
    sysctls
}

/// A host without IPv4 default route has no route to the address of task credentials; it gets one.
pub(super) fn routes(inputs: &Inputs<'_>) -> Vec<PlannedRoute> {
    match inputs.facts.host.network.ipv4_default_route.known() {
        Some(false) => vec![PlannedRoute {
            destination: "169.254.170.2/32".to_owned(),
            device: loopback(inputs).to_owned(),
            scope: "link".to_owned(),
        }],
        _ => Vec::new(),
    }
}
