//! The network parts of a plan as plain data.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which packet filter a rule belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// `iptables`.
    Ipv4,
    /// `ip6tables`.
    Ipv6,
}

/// Where in its chain a rule goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// `-A`, at the end.
    Append,
    /// `-I`, at the top.
    Insert,
}

/// One packet filter rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRule {
    /// IPv4 or IPv6.
    pub family: Family,
    /// Table, for example `nat`.
    pub table: String,
    /// Chain, for example `PREROUTING`.
    pub chain: String,
    /// Where it goes.
    pub op: Operation,
    /// Match and target as `iptables` takes them.
    pub args: Vec<String>,
}

/// The command that would make the rule.
impl fmt::Display for PlannedRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = match self.family {
            Family::Ipv4 => "iptables",
            Family::Ipv6 => "ip6tables",
        };
        let operation = match self.op {
            Operation::Append => "-A",
            Operation::Insert => "-I",
        };
        let Self { table, chain, .. } = self;
        let arguments = self.args.join(" ");
        write!(f, "{program} -t {table} {operation} {chain} {arguments}")
    }
}

/// One kernel parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedSysctl {
    /// Name with dots, for example `net.ipv4.conf.all.route_localnet`.
    pub key: String,
    /// Value to set.
    pub value: String,
    /// Absent parameters are passed over where this is false.
    pub required: bool,
}

/// One route of the host's main table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRoute {
    /// Destination with prefix length, for example `169.254.170.2/32`.
    pub destination: String,
    /// Interface.
    pub device: String,
    /// Scope as `ip route` writes it, for example `link`.
    pub scope: String,
}
