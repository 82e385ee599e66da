//! The host's network as far as the plan depends on it.

use serde::{Deserialize, Serialize};

use super::Fact;
use crate::host::files::Root;

/// Routes, interfaces and reserved ports.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkFacts {
    /// True when the main table has an IPv4 default route with a gateway (`/proc/net/route`).
    pub ipv4_default_route: Fact<bool>,
    /// The interface of that route, for example `ens5`.
    pub default_interface: Fact<String>,
    /// Name of the loopback interface, normally `lo`.
    pub loopback: Fact<String>,
    /// `net.ipv4.ip_local_reserved_ports` as it stands, for example `8080,51678-51680`.
    pub reserved_ports: Fact<String>,
}

/// Reads the network's facts. An image that has not booted knows none of them.
pub fn network(root: &Root) -> NetworkFacts {
    NetworkFacts {
        ipv4_default_route: root
            .line("/proc/net/route")
            .map_or(Fact::NotYet, |table| Fact::Known(gateway(&table).is_some())),
        default_interface: root
            .line("/proc/net/route")
            .and_then(|table| gateway(&table).map(str::to_owned))
            .map_or(Fact::NotYet, Fact::Known),
        loopback: root
            .names("/sys/class/net")
            .into_iter()
            .find(|name| is_loopback(root, name))
            .map_or(Fact::NotYet, Fact::Known),
        reserved_ports: root
            .line("/proc/sys/net/ipv4/ip_local_reserved_ports")
            .map_or(Fact::NotYet, Fact::Known),
    }
}

/// The interface of the default route that has a gateway. Columns of `/proc/net/route`: interface, destination, gateway, flags, …, mask (the eighth); addresses in hexadecimal.
fn gateway(table: &str) -> Option<&str> {
    const ANY: &str = "00000000";
    table.lines().skip(1).find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        match columns[..] {
            [interface, ANY, gateway, _, _, _, _, ANY, ..] if gateway != ANY => Some(interface),
            _ => None,
        }
    })
}

fn is_loopback(root: &Root, interface: &str) -> bool {
    // IFF_LOOPBACK, netdevice(7).
    const LOOPBACK: u32 = 0x8;
    root.line(&format!("/sys/class/net/{interface}/flags"))
        .and_then(|flags| u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok())
        .is_some_and(|flags| flags & LOOPBACK != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str =
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT";

    #[test]
    fn a_default_route_needs_a_gateway() {
        let with = |line: &str| gateway(&format!("{HEADER}\n{line}")).is_some();
        assert!(with(
            "ens5\t00000000\t01001FAC\t0003\t0\t0\t512\t00000000\t0\t0\t0"
        ));
        assert!(!with(
            "tun0\t00000000\t00000000\t0001\t0\t0\t512\t00000000\t0\t0\t0"
        ));
        assert!(!with(
            "ens5\t0000000A\t01001FAC\t0003\t0\t0\t512\t000000FF\t0\t0\t0"
        ));
        assert_eq!(gateway(HEADER), None);
        assert_eq!(gateway(""), None);
    }
}
