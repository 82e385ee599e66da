//! A plan as a test wants it.

use ecs_nanny::apply::Network;
use ecs_nanny::plan::{Family, Operation, PlannedRoute, PlannedRule, PlannedSysctl};

/// The network that ecs-init sets up, and our ports.
#[derive(Clone)]
pub struct Plan {
    pub firewall: Vec<PlannedRule>,
    pub sysctls: Vec<PlannedSysctl>,
    pub routes: Vec<PlannedRoute>,
}

impl Plan {
    pub fn like_ecs_init() -> Self {
        const FOUR: &[Family] = &[Family::Ipv4];
        const BOTH: &[Family] = &[Family::Ipv4, Family::Ipv6];
        use Operation::{Append, Insert};
        let rules = [
            (
                FOUR,
                "nat",
                "PREROUTING",
                Append,
                "-p tcp -d 169.254.170.2 --dport 80 -j DNAT --to-destination 127.0.0.1:51679",
            ),
            (
                FOUR,
                "filter",
                "INPUT",
                Insert,
                "--dst 127.0.0.0/8 ! --src 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP",
            ),
            (
                BOTH,
                "filter",
                "INPUT",
                Insert,
                "-p tcp --dport 51678 ! -i lo -j DROP",
            ),
            (
                BOTH,
                "filter",
                "INPUT",
                Insert,
                "-p tcp --dport 51678 -i docker0 -j ACCEPT",
            ),
            (
                FOUR,
                "nat",
                "OUTPUT",
                Append,
                "-p tcp -d 169.254.170.2 --dport 80 -j REDIRECT --to-ports 51679",
            ),
        ];
        let firewall = rules
            .into_iter()
            .flat_map(|(families, table, chain, op, args)| {
                families.iter().map(move |&family| PlannedRule {
                    family,
                    table: table.to_owned(),
                    chain: chain.to_owned(),
                    op,
                    args: args.split(' ').map(str::to_owned).collect(),
                })
            });
        let sysctls = [
            ("net.ipv4.conf.all.route_localnet", "1", true),
            ("net.ipv6.conf.docker0.accept_ra", "0", false),
            (
                "net.ipv4.ip_local_reserved_ports",
                "8080,51678,51679,51680",
                true,
            ),
        ];
        Plan {
            firewall: firewall.collect(),
            sysctls: sysctls
                .map(|(key, value, required)| PlannedSysctl {
                    key: key.to_owned(),
                    value: value.to_owned(),
                    required,
                })
                .to_vec(),
            routes: vec![PlannedRoute {
                destination: "169.254.170.2/32".to_owned(),
                device: "lo".to_owned(),
                scope: "link".to_owned(),
            }],
        }
    }

    /// The plan without the rules that hold this word, as a setting switches them off.
    pub fn without(&self, word: &str) -> Self {
        let mut plan = self.clone();
        plan.firewall
            .retain(|rule| !rule.args.iter().any(|arg| arg == word));
        assert!(plan.firewall.len() < self.firewall.len(), "{word}");
        plan
    }

    pub fn count(&self, family: Family, part: &str) -> usize {
        let rules = self.firewall.iter().filter(|rule| rule.family == family);
        rules
            .filter(|rule| rule.args.join(" ").contains(part))
            .count()
    }

    pub fn network(&self) -> Network<'_> {
        Network {
            firewall: &self.firewall,
            sysctls: &self.sysctls,
            routes: &self.routes,
        }
    }
}
