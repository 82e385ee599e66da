//! Kernel parameters: the old value is kept, and restored only while the kernel still holds ours.

use std::io;

use super::record::RecordedSysctl;
use super::report::{ApplyReport, problem};
use crate::finding::{Finding, Severity};
use crate::host::files::Root;
use crate::host::sysctl;
use crate::plan::PlannedSysctl;

/// Kernel parameters on their way.
pub(super) struct Sysctls<'a> {
    /// Where `/proc/sys` is.
    pub root: &'a Root,
    /// The wanted ones.
    pub wanted: &'a [PlannedSysctl],
}

impl Sysctls<'_> {
    /// The record while they are being set: those recorded before, and those that have another value now.
    pub fn look(
        &self,
        recorded: &[RecordedSysctl],
        report: &mut ApplyReport,
    ) -> Vec<RecordedSysctl> {
        let mut record = recorded.to_vec();
        for wanted in self.wanted {
            let now = match sysctl::read(self.root, &wanted.key) {
                Ok(Some(now)) => now,
                Ok(None) => {
                    if wanted.required {
                        let observed = format!("this kernel has no {}", wanted.key);
                        report.findings.push(not_as_planned(true, observed));
                    }
                    continue;
                }
                Err(error) => {
                    let observed = format!("{} cannot be read: {error}", wanted.key);
                    report
                        .findings
                        .push(not_as_planned(wanted.required, observed));
                    continue;
                }
            };
            match record.iter_mut().find(|entry| entry.key == wanted.key) {
                Some(entry) if entry.asked != wanted.value => {
                    entry.asked.clone_from(&wanted.value);
                    entry.holds = None;
                }
                Some(_) => {}
                None if sysctl::same(&now, &wanted.value) => {}
                None => record.push(RecordedSysctl {
                    key: wanted.key.clone(),
                    asked: wanted.value.clone(),
                    holds: None,
                    previous: now,
                }),
            }
        }
        record
    }

    /// Restores those that are no longer wanted, and takes them out of the record.
    pub fn restore(&self, record: &mut Vec<RecordedSysctl>, report: &mut ApplyReport) {
        record.retain(|entry| {
            if self.wanted(entry).is_some() {
                return true;
            }
            match self.restore_one(entry) {
                Ok(restored) => report.changed += usize::from(restored),
                Err(error) => {
                    let observed = format!("{} is not set back: {error}", entry.key);
                    report.findings.push(not_as_planned(false, observed));
                    return true;
                }
            }
            false
        });
    }

    /// Sets the wanted ones that do not hold our value, and records what the kernel made of it.
    pub fn set(&self, record: &mut [RecordedSysctl], report: &mut ApplyReport) {
        for entry in record {
            let Some(wanted) = self.wanted(entry) else {
                continue;
            };
            let repairing = entry.holds.is_some();
            match self.set_one(entry) {
                Ok(false) => {}
                Ok(true) if repairing => report.repaired += 1,
                Ok(true) => report.changed += 1,
                Err(error) => {
                    let observed =
                        format!("{} cannot be set to {:?}: {error}", entry.key, entry.asked);
                    report
                        .findings
                        .push(not_as_planned(wanted.required, observed));
                }
            }
        }
    }

    fn wanted(&self, entry: &RecordedSysctl) -> Option<&PlannedSysctl> {
        self.wanted.iter().find(|wanted| wanted.key == entry.key)
    }

    fn set_one(&self, entry: &mut RecordedSysctl) -> io::Result<bool> {
        let Some(now) = sysctl::read(self.root, &entry.key)? else {
            return Ok(false);
        };
        let holds_ours = is_ours(entry, &now);
        if !holds_ours {
            sysctl::write(self.root, &entry.key, &entry.asked)?;
        }
        // The kernel may write it in another way, for example a list of ports as ranges.
        entry.holds = sysctl::read(self.root, &entry.key)?;
        Ok(!holds_ours)
    }

    fn restore_one(&self, entry: &RecordedSysctl) -> io::Result<bool> {
        match sysctl::read(self.root, &entry.key)? {
            Some(now) if is_ours(entry, &now) => {
                sysctl::write(self.root, &entry.key, &entry.previous)?;
                Ok(true)
            }
            // It belongs to whoever changed it, or is gone with its interface.
            _ => Ok(false),
        }
    }
}

fn is_ours(entry: &RecordedSysctl, now: &str) -> bool {
    sysctl::same(now, entry.holds.as_ref().unwrap_or(&entry.asked))
}

fn not_as_planned(required: bool, observed: String) -> Finding {
    let severity = if required {
        Severity::Required
    } else {
        Severity::Recommended
    };
    problem(
        "network.sysctl",
        "the kernel parameters of the ECS agent are as planned",
        severity,
        observed,
        "each planned parameter with its value",
        "see that /proc/sys/net can be written and that nothing else sets the parameter",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "net.ipv4.conf.all.route_localnet";

    fn wanted(key: &str, value: &str, required: bool) -> PlannedSysctl {
        PlannedSysctl {
            key: key.to_owned(),
            value: value.to_owned(),
            required,
        }
    }

    fn tree() -> (tempfile::TempDir, Root) {
        let tree = tempfile::tempdir().unwrap();
        let directory = tree.path().join("proc/sys/net/ipv4/conf/all");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("route_localnet"), "0\n").unwrap();
        let root = Root::at(tree.path());
        (tree, root)
    }

    #[test]
    fn only_a_required_parameter_is_missed() {
        let (_tree, root) = tree();
        let absent = "net.ipv6.conf.docker0.accept_ra";
        let mut report = ApplyReport::default();
        for required in [false, true] {
            let sysctls = Sysctls {
                root: &root,
                wanted: &[wanted(absent, "0", required)],
            };
            assert_eq!(sysctls.look(&[], &mut report), []);
            let expected = usize::from(required);
            assert_eq!(report.findings.len(), expected);
        }
        assert_eq!(
            report.findings[0].observed,
            format!("this kernel has no {absent}")
        );
    }

    #[test]
    fn another_value_in_the_plan_keeps_the_first_one_as_the_old_one() {
        let (_tree, root) = tree();
        let mut record = Vec::new();
        let mut report = ApplyReport::default();
        for value in ["1", "2"] {
            let sysctls = Sysctls {
                root: &root,
                wanted: &[wanted(KEY, value, true)],
            };
            record = sysctls.look(&record, &mut report);
            sysctls.set(&mut record, &mut report);
            assert_eq!(sysctl::read(&root, KEY).unwrap().as_deref(), Some(value));
        }
        let nothing = Sysctls {
            root: &root,
            wanted: &[],
        };
        nothing.restore(&mut record, &mut report);
        assert_eq!(sysctl::read(&root, KEY).unwrap().as_deref(), Some("0"));
        assert_eq!(
            (record, report.findings, report.changed),
            (vec![], vec![], 3)
        );
    }
}
