//! The machine that is measured on.

use std::process::Command;

/// What a reader has to know of it.
#[derive(Debug)]
pub struct Machine {
    cpu: String,
    cpus: usize,
    memory_gib: u64,
    kernel: String,
    docker: String,
    commit: String,
    /// Load when the run began.
    pub load: String,
}

impl Machine {
    /// The same in lines.
    pub fn lines(&self) -> Vec<String> {
        vec![
            format!("ecs-nanny {} ({})", env!("CARGO_PKG_VERSION"), self.commit),
            format!(
                "{} × {}, {} GiB, Linux {}, {}",
                self.cpus, self.cpu, self.memory_gib, self.kernel, self.docker
            ),
        ]
    }
}

/// This machine.
pub fn described() -> Machine {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key));
        let value = line.and_then(|line| line.split_once(':'));
        value.map_or_else(String::new, |(_, value)| value.trim().to_owned())
    };
    let memory = value(&read("/proc/meminfo"), "MemTotal");
    let kilobytes = memory
        .split(' ')
        .next()
        .and_then(|word| word.parse::<u64>().ok());
    Machine {
        cpu: value(&read("/proc/cpuinfo"), "model name"),
        cpus: std::thread::available_parallelism().map_or(1, usize::from),
        memory_gib: kilobytes.unwrap_or_default() / 1024 / 1024,
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        docker: said("dockerd", &["--version"]),
        commit: said("git", &["describe", "--always", "--dirty"]),
        load: load(),
    }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|_| format!("no {program}"))
}

/// Processes that run or wait to, on average over the last minute.
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}
