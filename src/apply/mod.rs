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

use futures_util::future::join_all;
use tokio::sync::Mutex;

use crate::finding::{Finding, Severity};
use crate::host::files::{Kind, Root};
use crate::host::lock::{self, LockError};
use crate::host::netfilter::Netfilter;
use crate::host::nftables;
use crate::plan::{Family, Plan, PlannedRoute, PlannedRule, PlannedSysctl};
pub use files::files;
use firewall::Firewall;
use record::Record;
pub use report::ApplyReport;
use report::problem;
use routes::Routes;
use rules::Work;
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
    turn: Mutex<Option<Standing>>,
}

/// Rules that all stood as planned, and the generation of the kernel's rules in which they did.
#[derive(Debug)]
struct Standing {
    generation: u32,
    rules: Vec<PlannedRule>,
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
            turn: Mutex::new(None),
        }
    }

    /// Brings the host to `network`: adds what is missing, and removes what the record has and `network` has not. Called
    /// at the start, when the plan changes, and once a minute, to put back what others removed. Where nothing is to be
    /// done it costs one `iptables-save` a family, and less where the kernel says that no rule has changed since. What
    /// fails is a finding, and is tried again at the next call.
    ///
    /// It ends in bounded time: every call of a program has a deadline of 10 s.
    pub async fn apply(&self, network: &Network<'_>) -> ApplyReport {
        let mut standing = self.turn.lock().await;
        let mut report = ApplyReport::default();
        let record = Record::load(&self.record);
        let record = record.map_err(|error| {
            report.findings.push(record_problem(format!(
                "{error}; what an earlier run put on the network stays there"
            )));
        });
        self.bring(network, record.ok(), &mut standing, &mut report)
            .await;
        report
    }

    /// Removes what the record says was added and restores kernel parameters that still hold our value. Every step is
    /// attempted; what fails stays in the record. Needs neither Docker nor the metadata service nor settings.
    pub async fn undo(&self) -> ApplyReport {
        let mut standing = self.turn.lock().await;
        *standing = None;
        let mut report = ApplyReport::default();
        match Record::load(&self.record) {
            Ok(record) => {
                self.bring(
                    &Network::default(),
                    Some(record),
                    &mut standing,
                    &mut report,
                )
                .await;
            }
            Err(error) => report
                .findings
                .push(record_problem(format!("{error}; nothing was removed"))),
        }
        report
    }

    /// `recorded` is `None` where the record could not be read.
    async fn bring(
        &self,
        network: &Network<'_>,
        recorded: Option<Record>,
        standing: &mut Option<Standing>,
        report: &mut ApplyReport,
    ) {
        let sysctls = Sysctls {
            root: &self.root,
            wanted: network.sysctls,
        };
        let routes = Routes {
            wanted: network.routes,
        };
        let mut record = recorded.clone().unwrap_or_default();
        let recorded_routes = record.routes.clone();
        record.sysctls = sysctls.look(&record.sysctls, report);
        record.routes = routes.look(&record.routes, report).await;
        let works = self.look(network, &mut record, standing, report).await;
        if recorded.as_ref() != Some(&record)
            && let Err(error) = record.store(&self.record).await
        {
            report.findings.push(record_problem(format!(
                "{error}; nothing is changed that could not be undone"
            )));
            return;
        }

        // Loopback addresses are routable only while the rule that drops strangers' packets to them stands.
        let written = record.clone();
        sysctls.restore(&mut record.sysctls, report);
        let acts = works.into_iter().map(|(firewall, work)| {
            drop(record.take_rules(firewall.family));
            firewall.act(work)
        });
        for (rules, told) in join_all(acts).await {
            record.rules.extend(rules);
            report.add(told);
        }
        sysctls.set(&mut record.sysctls, report);
        record.routes = routes.act(record.routes, &recorded_routes, report).await;
        if record != written
            && let Err(error) = record.store(&self.record).await
        {
            report.findings.push(record_problem(error.to_string()));
        }
    }

    /// What is to be done with the packet filter, and into the record what is about to be done. Nothing where the kernel
    /// says that all stands as it did.
    async fn look<'a>(
        &'a self,
        network: &Network<'a>,
        record: &mut Record,
        standing: &mut Option<Standing>,
        report: &mut ApplyReport,
    ) -> Vec<(Firewall<'a>, Work)> {
        let generation = nftables::generation();
        if let (Some(known), Some(now)) = (&standing, generation)
            && known.generation == now
            && known.rules == network.firewall
        {
            return Vec::new();
        }
        *standing = None;
        let told = report.findings.len();
        let looks = self.firewalls(network, report).into_iter().map(|firewall| {
            let recorded = record.take_rules(firewall.family);
            async move {
                let found = firewall.look(&recorded).await;
                (firewall, recorded, found)
            }
        });
        let mut works = Vec::new();
        let mut stands = true;
        // Both families at once: each look waits for a program.
        for (firewall, recorded, found) in join_all(looks).await {
            match found {
                Ok((work, in_nftables)) => {
                    stands &= in_nftables && work.is_nothing();
                    record.rules.extend(work.meanwhile.iter().cloned());
                    works.push((firewall, work));
                }
                Err(finding) => {
                    report.findings.push(*finding);
                    record.rules.extend(recorded);
                }
            }
        }
        // As it was before the look: a change during it is looked at the next time.
        if stands && report.findings.len() == told {
            *standing = generation.map(|generation| Standing {
                generation,
                rules: network.firewall.to_vec(),
            });
        }
        works
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
