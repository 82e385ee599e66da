//! Packet filter rules, kernel parameters and routes.

use ecs_nanny::plan::Plan;

use crate::fixture::plan;
use crate::rules as noticed;

/// The rules as the commands that would make them.
fn commands(plan: &Plan) -> Vec<String> {
    plan.firewall.iter().map(ToString::to_string).collect()
}

const CREDENTIALS: [&str; 2] = [
    "iptables -t nat -A PREROUTING -p tcp -d 169.254.170.2 --dport 80 -j DNAT --to-destination 127.0.0.1:51679",
    "iptables -t nat -A OUTPUT -p tcp -d 169.254.170.2 --dport 80 -j REDIRECT --to-ports 51679",
];
const LOCALHOST: &str = "iptables -t filter -I INPUT --dst 127.0.0.0/8 ! --src 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP";

/// An introspection rule.
fn introspection(program: &str, interface: &str, target: &str) -> String {
    format!("{program} -t filter -I INPUT -p tcp --dport 51678 {interface} -j {target}")
}

#[test]
fn rules_are_ecs_inits_in_its_order() {
    let wanted = [
        CREDENTIALS[0].to_owned(),
        LOCALHOST.to_owned(),
        introspection("iptables", "! -i lo", "DROP"),
        introspection("ip6tables", "! -i lo", "DROP"),
        introspection("iptables", "-i docker0", "ACCEPT"),
        introspection("ip6tables", "-i docker0", "ACCEPT"),
        CREDENTIALS[1].to_owned(),
    ];
    assert_eq!(commands(&plan("family-al2023")), wanted);
    assert_eq!(commands(&plan("unbooted-image")), wanted);
}

#[test]
fn switches_take_filters_away() {
    assert_eq!(commands(&plan("firewall-switches")), CREDENTIALS);
    assert_eq!(commands(&plan("switches-not-parsed")).len(), 7);
}

#[test]
fn interfaces_have_their_real_names() {
    let renamed = commands(&plan("engine-bridge-renamed"));
    assert!(
        renamed.contains(&introspection("iptables", "-i br.ecs", "ACCEPT")),
        "{renamed:?}"
    );
    let renamed = commands(&plan("loopback-renamed"));
    assert!(
        renamed.contains(&introspection("ip6tables", "! -i loop0", "DROP")),
        "{renamed:?}"
    );
    let without = commands(&plan("engine-no-bridge"));
    assert!(
        !without.iter().any(|command| command.ends_with("ACCEPT")),
        "{without:?}"
    );
    assert_eq!(without.len(), 5);
}

#[test]
fn ipv6_needs_a_kernel_and_a_program() {
    for fixture in ["no-ipv6", "no-ip6tables"] {
        let commands = commands(&plan(fixture));
        assert!(
            commands
                .iter()
                .all(|command| command.starts_with("iptables")),
            "{fixture}: {commands:?}"
        );
        assert_eq!(commands.len(), 5, "{fixture}");
    }
    assert!(noticed(&plan("no-ipv6")).is_empty());
    assert_eq!(noticed(&plan("no-ip6tables")), ["host.ip6tables"]);
}

#[test]
fn sysctls_follow_the_bridge_and_the_ports() {
    let sysctls = |fixture| -> Vec<(String, bool)> {
        let sysctls = plan(fixture).sysctls.into_iter();
        sysctls
            .map(|it| (format!("{}={}", it.key, it.value), it.required))
            .collect()
    };
    let lines = |bridge: &str, ports: &str| {
        vec![
            ("net.ipv4.conf.all.route_localnet=1".to_owned(), true),
            (format!("net.ipv6.conf.{bridge}.accept_ra=0"), false),
            (format!("net.ipv4.ip_local_reserved_ports={ports}"), false),
        ]
    };
    assert_eq!(
        sysctls("family-al2023"),
        lines("docker0", "51678-51680,51682")
    );
    assert_eq!(
        sysctls("engine-bridge-renamed"),
        lines("br/ecs", "51678-51680,51682")
    );
    assert_eq!(
        sysctls("reserved-ports-setting"),
        lines("docker0", "8080,9000,9148-9150,51678-51680")
    );
    assert_eq!(sysctls("health-off"), lines("docker0", "51678-51680"));
    assert_eq!(sysctls("engine-no-bridge").len(), 2);
}

#[test]
fn an_ipv6_only_host_gets_a_route_to_the_credentials() {
    let routes = plan("ipv6-only").routes;
    assert_eq!(routes.len(), 1);
    assert_eq!(routes[0].destination, "169.254.170.2/32");
    assert_eq!(
        (routes[0].device.as_str(), routes[0].scope.as_str()),
        ("lo", "link")
    );
    assert!(plan("family-al2023").routes.is_empty());
    assert!(plan("unbooted-image").routes.is_empty());
}
