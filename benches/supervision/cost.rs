//! What processes cost, from /proc and from a control group of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::unistd::Pid;

/// What a process group costs over a while.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// CPU time of the processes that were there, in milliseconds.
    pub cpu_ms: f64,
    /// The same with all children that came and went; `None` where no control group counts it.
    pub cpu_with_children_ms: Option<f64>,
    /// How often they went to sleep by themselves.
    pub voluntary_switches: f64,
    /// At the end, in kB.
    pub resident_kb: f64,
    pub proportional_kb: f64,
    pub anonymous_kb: f64,
    /// At the end.
    pub threads: f64,
    pub descriptors: f64,
}

/// Looks at a process group for a while.
pub async fn over(group: Pid, while_: Duration) -> Result<Cost> {
    let counted = CpuGroup::around(group).ok();
    let (_, before) = sum(group)?;
    let counted_before = counted.as_ref().map(CpuGroup::milliseconds).transpose()?;
    tokio::time::sleep(while_).await;
    let (after, spent) = sum(group)?;
    let counted_after = counted.as_ref().map(CpuGroup::milliseconds).transpose()?;
    // A thread that has ended takes its counts along; those of one that began are all of this while.
    let mut since = Spent::default();
    for (thread, now) in &spent {
        let then = before.get(thread).copied().unwrap_or_default();
        since.cpu_ms += now.cpu_ms - then.cpu_ms;
        since.voluntary_switches += now.voluntary_switches - then.voluntary_switches;
    }
    Ok(Cost {
        cpu_ms: since.cpu_ms,
        voluntary_switches: since.voluntary_switches,
        cpu_with_children_ms: counted_after
            .zip(counted_before)
            .map(|(after, before)| after - before),
        ..after
    })
}

/// What one thread has cost up to now.
#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    cpu_ms: f64,
    voluntary_switches: f64,
}

/// What the processes of a group hold, and what each thread has cost up to now.
fn sum(group: Pid) -> Result<(Cost, BTreeMap<String, Spent>)> {
    let mut sum = Cost::default();
    let mut spent = BTreeMap::new();
    for pid in members(group)? {
        let process = PathBuf::from(format!("/proc/{pid}"));
        for task in std::fs::read_dir(process.join("task"))?.flatten() {
            let schedule = read(&task.path().join("schedstat"))?;
            let nanoseconds: f64 = schedule.split(' ').next().unwrap_or_default().parse()?;
            let thread = Spent {
                cpu_ms: nanoseconds / 1e6,
                voluntary_switches: number(
                    &read(&task.path().join("status"))?,
                    "voluntary_ctxt_switches",
                )?,
            };
            spent.insert(task.file_name().to_string_lossy().into_owned(), thread);
            sum.threads += 1.0;
        }
        let memory = read(&process.join("smaps_rollup"))?;
        sum.resident_kb += number(&memory, "Rss")?;
        sum.proportional_kb += number(&memory, "Pss")?;
        sum.anonymous_kb += number(&memory, "Anonymous")?;
        sum.descriptors += std::fs::read_dir(process.join("fd"))?.count() as f64;
    }
    Ok((sum, spent))
}

/// The processes of a group.
fn members(group: Pid) -> Result<Vec<i32>> {
    let mut members = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else {
            continue;
        };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // After the name, which may hold anything: state, parent, group.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        if fields.split_whitespace().nth(2) == Some(group.to_string().as_str()) {
            members.push(pid);
        }
    }
    Ok(members)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn number(text: &str, key: &str) -> Result<f64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let word = line.and_then(|line| line.split_whitespace().next());
    Ok(word.with_context(|| format!("no {key}"))?.parse()?)
}

/// A control group that counts the CPU time of a process and of all that it starts from now on. Removed when dropped.
struct CpuGroup {
    directory: PathBuf,
    counter: &'static str,
}

impl CpuGroup {
    fn around(group: Pid) -> Result<Self> {
        let version_1 = Path::new("/sys/fs/cgroup/cpuacct");
        let (parent, counter) = if version_1.is_dir() {
            (version_1, "cpuacct.usage")
        } else {
            (Path::new("/sys/fs/cgroup"), "cpu.stat")
        };
        let directory = parent.join(format!("ecs-nanny-bench.{group}"));
        std::fs::create_dir(&directory)?;
        let counting = CpuGroup { directory, counter };
        for pid in members(group)? {
            std::fs::write(counting.directory.join("cgroup.procs"), pid.to_string())?;
        }
        Ok(counting)
    }

    fn milliseconds(&self) -> Result<f64> {
        let text = read(&self.directory.join(self.counter))?;
        if self.counter == "cpuacct.usage" {
            return Ok(text.trim().parse::<f64>()? / 1e6);
        }
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("usage_usec "));
        Ok(line.context("no usage_usec in cpu.stat")?.parse::<f64>()? / 1e3)
    }
}

impl Drop for CpuGroup {
    fn drop(&mut self) {
        // Its processes go where they can do no harm; a group that isn't empty stays.
        let procs = read(&self.directory.join("cgroup.procs")).unwrap_or_default();
        let parent = self.directory.parent().unwrap_or(Path::new("/"));
        for pid in procs.lines() {
            let _ = std::fs::write(parent.join("cgroup.procs"), pid);
        }
        let _ = std::fs::remove_dir(&self.directory);
    }
}
