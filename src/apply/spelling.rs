//! Rules in one spelling, so that a planned rule is found in what `iptables-save` prints.
//!
//! `iptables-save` writes the same rule differently from how it was given: options in another order, `--dst` as `-d`,
//! addresses with their prefix length, `-m tcp` for what `-p tcp` implies.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::plan::PlannedRule;

/// Long names and the short ones that `iptables-save` prints (iptables(8), iptables-extensions(8)).
const SHORT_NAMES: &[(&str, &str)] = &[
    ("--destination", "-d"),
    ("--dst", "-d"),
    ("--source", "-s"),
    ("--src", "-s"),
    ("--in-interface", "-i"),
    ("--out-interface", "-o"),
    ("--protocol", "-p"),
    ("--proto", "-p"),
    ("--jump", "-j"),
    ("--goto", "-g"),
    ("--match", "-m"),
    ("--destination-port", "--dport"),
    ("--source-port", "--sport"),
];

/// The matches and the target of a rule: one text an option, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spelling(Vec<String>);

impl Spelling {
    /// The one spelling of these arguments.
    pub fn of<S: AsRef<str>>(args: &[S]) -> Self {
        let mut options: Vec<(bool, &str, Vec<String>)> = Vec::new();
        let mut negated = false;
        for arg in args.iter().map(AsRef::as_ref) {
            match options.last_mut() {
                _ if arg == "!" => negated = true,
                Some((option_negated, name, values)) if !arg.starts_with('-') => {
                    // `-s ! ADDRESS`, as old programs take it.
                    *option_negated |= std::mem::take(&mut negated);
                    values.push(value(name, arg));
                }
                _ => {
                    let short = SHORT_NAMES.iter().find(|(long, _)| *long == arg);
                    let name = short.map_or(arg, |(_, short)| short);
                    options.push((std::mem::take(&mut negated), name, Vec::new()));
                }
            }
        }
        let protocol = options
            .iter()
            .find(|(_, name, _)| *name == "-p")
            .map(|(_, _, values)| values.clone());
        let mut spelled: Vec<String> = options
            .into_iter()
            .filter(|(_, name, values)| *name != "-m" || Some(values) != protocol.as_ref())
            .map(|(negated, name, values)| {
                let mark = if negated { "! " } else { "" };
                format!("{mark}{name} {}", values.join(" "))
            })
            .collect();
        spelled.sort();
        Spelling(spelled)
    }

    /// Its target, for example `-j DROP`.
    pub fn target(&self) -> Option<&String> {
        self.0.iter().find(|option| option.starts_with("-j "))
    }
}

fn value(option: &str, value: &str) -> String {
    if matches!(option, "-s" | "-d") {
        return match value.parse::<IpAddr>() {
            Ok(address) if address.is_ipv4() => format!("{address}/32"),
            Ok(address) => format!("{address}/128"),
            Err(_) => value.to_owned(),
        };
    }
    let mut members: Vec<&str> = value.split(',').collect();
    members.sort_unstable();
    members.join(",")
}

/// What `iptables-save` printed: the rules of each table and chain, from the top.
#[derive(Debug, Default)]
pub(super) struct Saved {
    chains: HashMap<(String, String), Vec<Spelling>>,
    /// It was printed by the nftables variant of iptables.
    pub in_nftables: bool,
}

impl Saved {
    /// Reads the output of `iptables-save`.
    pub fn parse(text: &str) -> Self {
        let mut saved = Saved::default();
        let mut table = "";
        for line in text.lines() {
            if line.starts_with('#') {
                saved.in_nftables |= line.contains("(nf_tables)");
            } else if let Some(name) = line.strip_prefix('*') {
                table = name.trim();
            } else if let Some(rule) = line.strip_prefix("-A ") {
                let (chain, args) = rule.split_once(' ').unwrap_or((rule, ""));
                // A line that cannot be split is none of ours, but it counts as one.
                let args = shlex::split(args).unwrap_or_default();
                let key = (table.to_owned(), chain.to_owned());
                saved
                    .chains
                    .entry(key)
                    .or_default()
                    .push(Spelling::of(&args));
            }
        }
        saved
    }

    /// Where in its chain the copies of a rule stand, counted from 0.
    pub fn positions(&self, rule: &PlannedRule) -> Vec<usize> {
        let wanted = Spelling::of(&rule.args);
        let chain = self.chain(rule);
        (0..chain.len()).filter(|&at| chain[at] == wanted).collect()
    }

    /// True when the chain has a rule of the same target, which may be this one in a spelling that is not known here.
    pub fn may_hold(&self, rule: &PlannedRule) -> bool {
        let wanted = Spelling::of(&rule.args);
        self.chain(rule)
            .iter()
            .any(|spelling| spelling.target() == wanted.target())
    }

    fn chain(&self, rule: &PlannedRule) -> &[Spelling] {
        self.chains
            .get(&(rule.table.clone(), rule.chain.clone()))
            .map_or(&[], Vec::as_slice)
    }
}

/// One rule as a line for `iptables-restore`, for example `-D INPUT -j DROP`.
pub(super) fn line(command: &str, rule: &PlannedRule) -> String {
    let words = [command, &rule.chain].into_iter();
    let words = words.chain(rule.args.iter().map(String::as_str));
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.,:/!+*@".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Family, Operation};

    fn rule(table: &str, chain: &str, args: &str) -> PlannedRule {
        PlannedRule {
            family: Family::Ipv4,
            table: table.to_owned(),
            chain: chain.to_owned(),
            op: Operation::Append,
            args: args.split(' ').map(str::to_owned).collect(),
        }
    }

    /// As iptables v1.8.9 prints the rules of ecs-init; legacy and nft print them alike.
    const SAVED: &str = r#"# Generated by iptables-save v1.8.9 on Fri Nov 20 21:34:06 2026
*filter
:INPUT ACCEPT [0:0]
-A INPUT -s 10.0.0.1/32 -p tcp -m multiport --dports 80,443 -m comment --comment "a \"q\" b" -j ACCEPT
-A INPUT -i docker0 -p tcp -m tcp --dport 51678 -j ACCEPT
-A INPUT ! -i lo -p tcp -m tcp --dport 51678 -j DROP
-A INPUT ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -d 169.254.170.2/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 127.0.0.1:51679
-A OUTPUT -d 169.254.170.2/32 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 51679
-A OUTPUT -d 169.254.170.2/32 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 51679
COMMIT
"#;

    #[test]
    fn planned_rules_are_found_in_what_iptables_save_prints() {
        let saved = Saved::parse(SAVED);
        for (table, chain, args, positions) in [
            (
                "nat",
                "PREROUTING",
                "-p tcp -d 169.254.170.2 --dport 80 -j DNAT --to-destination 127.0.0.1:51679",
                vec![0],
            ),
            (
                "filter",
                "INPUT",
                "--dst 127.0.0.0/8 ! --src 127.0.0.0/8 -m conntrack ! --ctstate DNAT,RELATED,ESTABLISHED -j DROP",
                vec![3],
            ),
            (
                "filter",
                "INPUT",
                "-p tcp --dport 51678 ! -i lo -j DROP",
                vec![2],
            ),
            (
                "filter",
                "INPUT",
                "-p tcp --dport 51678 -i ! lo -j DROP",
                vec![2],
            ),
            (
                "filter",
                "INPUT",
                "-p tcp --dport 51678 -i lo -j DROP",
                vec![],
            ),
            (
                "filter",
                "INPUT",
                "-p tcp --dport 51678 ! -i lo -j ACCEPT",
                vec![],
            ),
            (
                "filter",
                "OUTPUT",
                "-p tcp --dport 51678 ! -i lo -j DROP",
                vec![],
            ),
            (
                "nat",
                "OUTPUT",
                "-p tcp -d 169.254.170.2 --dport 80 -j REDIRECT --to-ports 51679",
                vec![0, 1],
            ),
        ] {
            assert_eq!(
                saved.positions(&rule(table, chain, args)),
                positions,
                "{args}"
            );
        }
    }

    #[test]
    fn only_a_rule_of_the_same_target_leaves_a_doubt() {
        let saved = Saved::parse(SAVED);
        let strange = "-p 6 --dport 51678 ! -i lo -j DROP";
        assert!(saved.may_hold(&rule("filter", "INPUT", strange)));
        assert!(!saved.may_hold(&rule("filter", "FORWARD", strange)));
        assert!(!saved.may_hold(&rule("filter", "INPUT", "-j REJECT")));
    }

    #[test]
    fn addresses_of_both_families_get_their_prefix_length() {
        assert_eq!(
            Spelling::of(&["-d", "fd00::1"]),
            Spelling::of(&["--dst", "fd00::1/128"])
        );
        assert_ne!(
            Spelling::of(&["-d", "10.0.0.1"]),
            Spelling::of(&["-d", "10.0.0.1/8"])
        );
    }

    #[test]
    fn words_that_iptables_restore_would_split_are_quoted() {
        let rule = rule("filter", "INPUT", "-i br\"0 -j DROP");
        assert_eq!(line("-I", &rule), r#"-I INPUT -i "br\"0" -j DROP"#);
    }
}
