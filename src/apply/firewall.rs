//! Brings the packet filter rules of one family to what is wanted: one save to compare, one restore to mend.

use super::record::RecordedRule;
use super::report::{ApplyReport, problem};
use super::rules::{self, Copies, Work, same_rule};
use super::spelling::{self, Saved};
use crate::finding::{Finding, Severity};
use crate::host::netfilter::{LOCKED, Netfilter};
use crate::host::program::ProgramError;
use crate::plan::{Family, Operation, PlannedRule};

/// One family's rules on their way.
pub(super) struct Firewall<'a> {
    /// The family.
    pub family: Family,
    /// Its programs.
    pub netfilter: &'a Netfilter,
    /// Its wanted rules, in the order in which they are created.
    pub wanted: Vec<&'a PlannedRule>,
}

impl Firewall<'_> {
    /// Compares with what is there, and tells whether all of it is nftables'. Where that cannot be told, a finding, and
    /// nothing to do.
    pub async fn look(&self, recorded: &[RecordedRule]) -> Result<(Work, bool), Box<Finding>> {
        if self.wanted.is_empty() && recorded.is_empty() {
            return Ok((Work::default(), true));
        }
        self.compare(recorded)
            .await
            .map_err(|error| Box::new(self.problem(None, &error)))
    }

    /// Does the work; the record that is then true, and what is to be told.
    pub async fn act(self, work: Work) -> (Vec<RecordedRule>, ApplyReport) {
        let mut report = ApplyReport::default();
        let record = self.act_telling(work, &mut report).await;
        (record, report)
    }

    async fn act_telling(&self, work: Work, report: &mut ApplyReport) -> Vec<RecordedRule> {
        if work.is_nothing() {
            return work.done;
        }
        match self.netfilter.restore(&restore_text(&work)).await {
            Ok(()) => {
                report.changed += work.changed;
                report.repaired += work.repaired;
                work.done
            }
            // One rule may be refused by this kernel: the others are still wanted.
            Err(ProgramError::Failed { status, .. }) if status.code() != Some(LOCKED) => {
                self.act_singly(work.meanwhile, report).await
            }
            Err(error) => {
                report.findings.push(self.problem(None, &error));
                work.meanwhile
            }
        }
    }

    /// Does what is left of the work, rule by rule, since some tables may have been changed already.
    async fn act_singly(
        &self,
        recorded: Vec<RecordedRule>,
        report: &mut ApplyReport,
    ) -> Vec<RecordedRule> {
        let work = match self.compare(&recorded).await {
            Ok((work, _)) => work,
            Err(error) => {
                report.findings.push(self.problem(None, &error));
                return recorded;
            }
        };
        let mut failed = Vec::new();
        let deletes = work.deletes.iter().map(|rule| ("-D", rule));
        let adds = work.adds.iter().map(|rule| (command(rule.op), rule));
        for (command, rule) in deletes.chain(adds) {
            let mut args = vec![command, &rule.chain];
            args.extend(rule.args.iter().map(String::as_str));
            match self.netfilter.command(&rule.table, &args).await {
                Ok(()) => report.changed += 1,
                Err(error) => {
                    report.findings.push(self.problem(Some(rule), &error));
                    failed.push(rule);
                }
            }
        }
        let mut record = work.meanwhile;
        record.retain(|entry| {
            let mut kept = work
                .done
                .iter()
                .map(|done| &done.rule)
                .chain(failed.iter().copied());
            kept.any(|rule| same_rule(rule, &entry.rule))
        });
        record
    }

    async fn compare(&self, recorded: &[RecordedRule]) -> Result<(Work, bool), ProgramError> {
        let saved = Saved::parse(&self.netfilter.save().await?);
        let mut known: Vec<(&PlannedRule, Copies)> = Vec::new();
        for rule in self
            .wanted
            .iter()
            .copied()
            .chain(recorded.iter().map(|entry| &entry.rule))
        {
            known.push((rule, self.copies(&saved, rule).await?));
        }
        let copies = |rule: &PlannedRule| {
            let found = known.iter().find(|(other, _)| *other == rule);
            found.map(|(_, copies)| copies.clone()).unwrap_or_default()
        };
        let work = rules::work(&self.wanted, recorded, copies);
        Ok((work, saved.in_nftables))
    }

    async fn copies(&self, saved: &Saved, rule: &PlannedRule) -> Result<Copies, ProgramError> {
        let positions = saved.positions(rule);
        let mut copies = Copies {
            count: positions.len(),
            first: positions.first().copied(),
        };
        // An iptables that spells the rule in a way unknown here must not get another copy every minute.
        if positions.is_empty() && saved.may_hold(rule) {
            let args: Vec<&str> = rule.args.iter().map(String::as_str).collect();
            let has = self.netfilter.has(&rule.table, &rule.chain, &args).await?;
            copies.count = usize::from(has);
        }
        Ok(copies)
    }

    fn problem(&self, rule: Option<&PlannedRule>, error: &ProgramError) -> Finding {
        let program = self.netfilter.program();
        let observed = match rule {
            Some(rule) => format!(
                "the rule {:?} of table {} of {program}: {error}",
                spelling::line(command(rule.op), rule),
                rule.table
            ),
            None => format!("the packet filter rules of {program}: {error}"),
        };
        let severity = match self.family {
            Family::Ipv4 => Severity::Required,
            // Tasks work without; but strangers reach the agent's introspection port.
            Family::Ipv6 => Severity::Recommended,
        };
        let remedy = match error {
            ProgramError::Absent { .. } => "install the package iptables",
            _ => "correct what it names; ecs-nanny tries again every minute while it runs",
        };
        problem(
            "network.firewall",
            "the ECS agent's packet filter rules are as planned",
            severity,
            observed,
            "each planned rule once, and none that is no longer planned",
            remedy,
        )
    }
}

fn command(op: Operation) -> &'static str {
    match op {
        Operation::Append => "-A",
        Operation::Insert => "-I",
    }
}

/// The input of `iptables-restore`, table by table.
fn restore_text(work: &Work) -> String {
    let mut tables: Vec<&str> = Vec::new();
    for rule in work.deletes.iter().chain(&work.adds) {
        if !tables.contains(&rule.table.as_str()) {
            tables.push(&rule.table);
        }
    }
    let mut text = String::new();
    for table in tables {
        let of_table = |rule: &&PlannedRule| rule.table == table;
        let deletes = work.deletes.iter().filter(of_table);
        let adds = work.adds.iter().filter(of_table);
        let lines = deletes
            .map(|rule| spelling::line("-D", rule))
            .chain(adds.map(|rule| spelling::line(command(rule.op), rule)));
        let lines: Vec<String> = lines.collect();
        text.push_str(&format!("*{table}\n{}\nCOMMIT\n", lines.join("\n")));
    }
    text
}
