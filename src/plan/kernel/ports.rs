//! The list of `net.ipv4.ip_local_reserved_ports`: ports and ranges, separated by commas.

use std::collections::BTreeSet;

/// The agent's introspection, credentials and Prometheus ports.
const AGENT: std::ops::RangeInclusive<u16> = 51678..=51680;

/// The list with the agent's ports and our own, written as the kernel writes it: sorted, neighbours as ranges.
pub(super) fn reserve(list: &str, own: Option<u16>) -> String {
    let mut ports: BTreeSet<u16> = list.split(',').filter_map(range).flatten().collect();
    ports.extend(AGENT);
    ports.extend(own);
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for port in ports {
        match ranges.last_mut() {
            Some((_, last)) if port - *last == 1 => *last = port,
            _ => ranges.push((port, port)),
        }
    }
    let written: Vec<String> = ranges.into_iter().map(write).collect();
    written.join(",")
}

fn range(text: &str) -> Option<std::ops::RangeInclusive<u16>> {
    let (first, last) = text.trim().split_once('-').unwrap_or((text, text));
    Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
}

fn write((first, last): (u16, u16)) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first}-{last}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_join_what_is_reserved() {
        assert_eq!(reserve("", Some(51682)), "51678-51680,51682");
        assert_eq!(reserve("", None), "51678-51680");
        assert_eq!(reserve("8080,9148\n", Some(51681)), "8080,9148,51678-51681");
        assert_eq!(reserve("51000-52000", Some(51682)), "51000-52000");
        assert_eq!(
            reserve("0-3,65535", Some(9000)),
            "0-3,9000,51678-51680,65535"
        );
    }

    #[test]
    fn reserving_again_changes_nothing() {
        let once = reserve("8080", Some(51682));
        assert_eq!(reserve(&once, Some(51682)), once);
    }
}
