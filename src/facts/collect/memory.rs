//! Memory.

use std::collections::BTreeMap;

use sysinfo::{MemoryRefreshKind, System};

use crate::facts::{Fact, MemoryFacts};
use crate::host::files::Root;

use super::text;

/// Memory; of another tree what its `/proc/meminfo` says.
pub fn memory(root: &Root) -> Fact<MemoryFacts> {
    if root.is_host() {
        Fact::from(memory_of_host())
    } else {
        memory_of_tree(root)
    }
}

fn memory_of_host() -> Result<MemoryFacts, sysinfo::Error> {
    let mut system = System::new()?;
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    Ok(MemoryFacts {
        total_bytes: system.total_memory(),
        available_bytes: system.available_memory(),
    })
}

fn memory_of_tree(root: &Root) -> Fact<MemoryFacts> {
    let text = match text(root, "/proc/meminfo") {
        Ok(text) => text,
        Err(why) => return Fact::Unreadable(why),
    };
    let bytes: BTreeMap<&str, u64> = text.lines().filter_map(meminfo_line).collect();
    let field = |name: &str| bytes.get(name).copied();
    let Some(total_bytes) = field("MemTotal") else {
        return Fact::Unreadable("/proc/meminfo has no MemTotal".to_owned());
    };
    // Linux < 3.14 has no MemAvailable; what is free or cached comes near it.
    let available_bytes = field("MemAvailable").unwrap_or_else(|| {
        ["MemFree", "Buffers", "Cached"]
            .iter()
            .filter_map(|name| field(name))
            .sum()
    });
    Fact::Known(MemoryFacts {
        total_bytes,
        available_bytes,
    })
}

/// `MemTotal:  3976180 kB`; the kernel writes kB and means KiB.
fn meminfo_line(line: &str) -> Option<(&str, u64)> {
    let (name, value) = line.split_once(':')?;
    let kibibytes: u64 = value.split_whitespace().next()?.parse().ok()?;
    Some((name, kibibytes * 1024))
}
