//! Puts the parts of a plan on the host: what is there is compared, what is missing is written down and then added, and
//! [`Applier::undo`] removes exactly what was added, with nothing but this record.

pub mod apparmor;
mod files;
mod firewall;
pub mod gpu;
pub mod preparation;
mod record;
mod report;
mod routes;
mod rules;
mod spelling;
mod sysctls;

use std::path::{Path, PathBuf};

use tokio::sync::Mutex;

use crate::finding::{Finding, Severity};
use crate::host::files::{Kind, Root};
use crate::host::lock::{self, LockError};
use crate::host::netfilter::Netfilter;
use crate::plan::{Family, Plan, PlannedRoute, PlannedRule, PlannedSysctl};
pub use files::files;
use firewall::Firewall;
use record::Record;
pub use report::ApplyReport;
use report::problem;
use routes::Routes;
use sysctls::Sysctls;

/// Where the record of what was applied is kept. `/run` forgets it at boot, as the kernel forgets what it tells of.
pub const RECORD: &str = "/run/ecs-nanny/applied.json";

/// The lock that `ecs-nanny run` holds as long as it lives.
pub const LOCK: &str = "/run/ecs-nanny/lock";

/// The network parts of a plan.
#[derive(Debug, Clone, Copy, Default)]
pub struct Network<'a> {
    /// Packet filter rules, in the order in which they are created.
    pub firewall: &'a [PlannedRule],
    /// Kernel parameters.
    pub sysctls: &'a [PlannedSysctl],
    /// Routes.
    pub routes: &'a [PlannedRoute],
}

impl<'a> From<&'a Plan> for Network<'a> {
    fn from(plan: &'a Plan) -> Self {
        Network {
            firewall: &plan.firewall,
            sysctls: &plan.sysctls,
            routes: &plan.routes,
        }
    }
}

/// Puts networks on one host and takes them away again.
#[derive(Debug)]
pub struct Applier {
    root: Root,
    record: PathBuf,
    ipv4: Netfilter,
    ipv6: Netfilter,
    // Two at a time would each add what both miss.
    turn: Mutex<()>,
}

impl Applier {
    /// For the running host: `iptables` and `ip6tables` from `PATH`, the record at [`RECORD`].
    pub fn host() -> Self {
        Applier::new(
            Root::host(),
            RECORD,
            Netfilter::new("iptables"),
            Netfilter::new("ip6tables"),
        )
    }

    /// For another tree, record or other programs.
    pub fn new(root: Root, record: impl Into<PathBuf>, ipv4: Netfilter, ipv6: Netfilter) -> Self {
        Applier {
            root,
            record: record.into(),
            ipv4,
            ipv6,
            turn: Mutex::new(()),
        }
    }

    /// Brings the host to `network`: adds what is missing, and removes what the record has and `network` has not. Called
    /// at the start, when the plan changes, and once a minute, to put back what others removed. Where nothing is to be
    /// done it costs one `iptables-save` a family. What fails is a finding, and is tried again at the next call.
    ///
    /// It ends in bounded time: every call of a program has a deadline of 10 s.
    pub async fn apply(&self, network: &Network<'_>) -> ApplyReport {
        let _turn = self.turn.lock().await;
        let mut report = ApplyReport::default();
        let record = Record::load(&self.record).unwrap_or_else(|error| {
            report.findings.push(record_problem(format!(
                "{error}; what an earlier run put on the network stays there"
            )));
            Record::default()
        });
        self.bring(network, record, &mut report).await;
        report
    }

    /// Removes what the record says was added and restores kernel parameters that still hold our value. Every step is
    /// attempted; what fails stays in the record. Needs neither Docker nor the metadata service nor settings.
    pub async fn undo(&self) -> ApplyReport {
        let _turn = self.turn.lock().await;
        let mut report = ApplyReport::default();
        match Record::load(&self.record) {
            Ok(record) => self.bring(&Network::default(), record, &mut report).await,
            Err(error) => report
                .findings
                .push(record_problem(format!("{error}; nothing was removed"))),
        }
        report
    }

    async fn bring(&self, network: &Network<'_>, mut record: Record, report: &mut ApplyReport) {
        let sysctls = Sysctls {
            root: &self.root,
            wanted: network.sysctls,
        };
        let routes = Routes {
            wanted: network.routes,
        };
        let recorded_routes = record.routes.clone();
        record.sysctls = sysctls.look(&record.sysctls, report);
        record.routes = routes.look(&record.routes, report).await;
        let mut works = Vec::new();
        for firewall in self.firewalls(network, report) {
            let recorded = record.take_rules(firewall.family);
            match firewall.look(&recorded).await {
                Ok(work) => {
                    record.rules.extend(work.meanwhile.iter().cloned());
                    works.push((firewall, work));
                }
                Err(finding) => {
                    report.findings.push(*finding);
                    record.rules.extend(recorded);
                }
            }
        }
        if let Err(error) = record.store(&self.record).await {
            report.findings.push(record_problem(format!(
                "{error}; nothing is changed that could not be undone"
            )));
            return;
        }

        // Loopback addresses are routable only while the rule that drops strangers' packets to them stands.
        sysctls.restore(&mut record.sysctls, report);
        for (firewall, work) in works {
            drop(record.take_rules(firewall.family));
            record.rules.extend(firewall.act(work, report).await);
        }
        sysctls.set(&mut record.sysctls, report);
        record.routes = routes.act(record.routes, &recorded_routes, report).await;
        if let Err(error) = record.store(&self.record).await {
            report.findings.push(record_problem(error.to_string()));
        }
    }

    fn firewalls<'a>(
        &'a self,
        network: &Network<'a>,
        report: &mut ApplyReport,
    ) -> Vec<Firewall<'a>> {
        let (usable, unusable): (Vec<_>, Vec<_>) =
            network.firewall.iter().partition(|rule| one_line(rule));
        for rule in unusable {
            report.findings.push(problem(
                "network.firewall",
                "the ECS agent's packet filter rules are as planned",
                Severity::Required,
                format!("the rule {rule:?} holds a control character and is not applied"),
                "rules of printable text",
                "give the Docker bridge a name of printable text",
            ));
        }
        let families = [(Family::Ipv4, &self.ipv4), (Family::Ipv6, &self.ipv6)];
        families
            .into_iter()
            // A host without IPv6 has no packets to filter; its ip6tables would fail.
            .filter(|(family, _)| *family == Family::Ipv4 || self.has_ipv6())
            .map(|(family, netfilter)| Firewall {
                family,
                netfilter,
                wanted: usable
                    .iter()
                    .copied()
                    .filter(|rule| rule.family == family)
                    .collect(),
            })
            .collect()
    }

    fn has_ipv6(&self) -> bool {
        self.root.kind("/proc/sys/net/ipv6") == Kind::Directory
    }
}

/// Why `ecs-nanny undo` did nothing.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// It would be put back within a minute.
    #[error("ecs-nanny is running ({0}); stop it first: systemctl stop ecs-nanny.service")]
    Running(LockError),
    /// It cannot be told whether it runs.
    #[error(transparent)]
    Lock(LockError),
}

/// `ecs-nanny undo`: undoes, unless `run` holds the lock.
///
/// # Errors
/// [`UndoError`]; nothing was done then.
pub async fn undo_unless_running(applier: &Applier, lock: &Path) -> Result<ApplyReport, UndoError> {
    let _lock = lock::acquire(lock).map_err(|error| match error {
        LockError::Held { .. } => UndoError::Running(error),
        LockError::Io { .. } => UndoError::Lock(error),
    })?;
    Ok(applier.undo().await)
}

fn one_line(rule: &PlannedRule) -> bool {
    let mut words = rule.args.iter().chain([&rule.table, &rule.chain]);
    words.all(|word| !word.contains(char::is_control))
}

fn record_problem(observed: String) -> Finding {
    problem(
        "network.record",
        "what is put on the network is recorded",
        Severity::Required,
        observed,
        "a record that can be read and written",
        "see that /run/ecs-nanny can be written; a reboot removes what was put on the network",
    )
}
