//! What is to be done so that each wanted rule is in force once, above the rules it must be above. Pure.

use std::collections::HashMap;

use super::record::RecordedRule;
use super::spelling::Spelling;
use crate::plan::{Operation, PlannedRule};

/// The copies of a rule that the packet filter holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Copies {
    /// How many.
    pub count: usize,
    /// Where in its chain the first one stands, from 0; `None` where only `iptables` itself knows it.
    pub first: Option<usize>,
}

/// What is to be done with the rules of one family.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Work {
    /// One copy of each is removed first.
    pub deletes: Vec<PlannedRule>,
    /// These are then added in this order.
    pub adds: Vec<PlannedRule>,
    /// The record while this is being done.
    pub meanwhile: Vec<RecordedRule>,
    /// The record when it is done.
    pub done: Vec<RecordedRule>,
    /// Rules that are new, and rules that are no longer wanted.
    pub changed: usize,
    /// Rules of ours that were missing, doubled or out of place.
    pub repaired: usize,
}

impl Work {
    /// True when everything is as it should be.
    pub fn is_nothing(&self) -> bool {
        self.deletes.is_empty() && self.adds.is_empty()
    }
}

/// True for two spellings of one rule.
pub(super) fn same_rule(one: &PlannedRule, other: &PlannedRule) -> bool {
    (one.family, &one.table, &one.chain) == (other.family, &other.table, &other.chain)
        && Spelling::of(&one.args) == Spelling::of(&other.args)
}

/// Compares wanted rules of one family, in the order in which they are created, with the record and with what is there.
///
/// A rule that is there without us counts as present and is neither removed nor added again, unless it stands too low:
/// the first match decides, so an inserted rule must be above those inserted earlier that have another target.
pub(super) fn work(
    wanted: &[&PlannedRule],
    recorded: &[RecordedRule],
    copies: impl Fn(&PlannedRule) -> Copies,
) -> Work {
    let mut work = Work::default();
    let mut chains: HashMap<(&str, &str), Placed> = HashMap::new();
    let wanted = without_doubles(wanted);
    for &rule in &wanted {
        let record = recorded.iter().find(|entry| same_rule(&entry.rule, rule));
        let there = copies(rule);
        // What was there before us and has gone is not put back under its old owner's name.
        let before = record.map_or(there.count, |entry| entry.before.min(there.count));
        let own = there.count - before;
        let placed = chains.entry((&rule.table, &rule.chain)).or_default();
        let stays = there.count > 0 && own <= 1 && placed.allow(rule, there.first);
        // What is added goes to the top.
        placed.add(rule, if stays { there.first } else { Some(0) });
        let entry = || RecordedRule {
            rule: rule.clone(),
            before,
        };
        if !stays {
            work.deletes.extend(std::iter::repeat_n(rule.clone(), own));
            work.adds.push(rule.clone());
            match record {
                Some(_) => work.repaired += 1,
                None => work.changed += 1,
            }
        }
        if !stays || own > 0 {
            work.done.push(entry());
        }
        if !stays || record.is_some() {
            work.meanwhile.push(entry());
        }
    }
    for entry in recorded {
        if wanted.iter().any(|rule| same_rule(rule, &entry.rule)) {
            continue;
        }
        if copies(&entry.rule).count > entry.before {
            work.deletes.push(entry.rule.clone());
            work.changed += 1;
        }
        work.meanwhile.push(entry.clone());
    }
    work
}

fn without_doubles<'a>(rules: &[&'a PlannedRule]) -> Vec<&'a PlannedRule> {
    let mut once: Vec<&PlannedRule> = Vec::new();
    for rule in rules {
        if !once.iter().any(|other| same_rule(other, rule)) {
            once.push(rule);
        }
    }
    once
}

/// The inserted rules of one chain so far: the target of each, and where from the top it stands.
#[derive(Default)]
struct Placed(Vec<(Option<String>, usize)>);

impl Placed {
    /// True when a rule may stand there. A place that is not known is not objected to.
    fn allow(&self, rule: &PlannedRule, at: Option<usize>) -> bool {
        let target = Spelling::of(&rule.args).target().cloned();
        let above_others = |at| {
            let mut others = self.0.iter().filter(|(other, _)| *other != target);
            others.all(|(_, other_at)| at < *other_at)
        };
        rule.op == Operation::Append || at.is_none_or(above_others)
    }

    fn add(&mut self, rule: &PlannedRule, at: Option<usize>) {
        let target = Spelling::of(&rule.args).target().cloned();
        if rule.op == Operation::Insert {
            self.0.extend(at.map(|at| (target, at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::Family;

    /// A chain from the top, its rules by number; those from 0 to 3 can be planned, the others are strangers'. Even ones
    /// have another target than odd ones.
    type Chain = Vec<u8>;

    fn rule(number: u8) -> PlannedRule {
        PlannedRule {
            family: Family::Ipv4,
            table: "filter".to_owned(),
            chain: "INPUT".to_owned(),
            op: Operation::Insert,
            args: [
                "--dport",
                &number.to_string(),
                "-j",
                ["DROP", "ACCEPT"][usize::from(number % 2)],
            ]
            .map(str::to_owned)
            .to_vec(),
        }
    }

    fn number(rule: &PlannedRule) -> u8 {
        rule.args[1].parse().unwrap()
    }

    fn first(chain: &Chain, number: u8) -> Option<usize> {
        chain.iter().position(|&other| other == number)
    }

    /// One call of `apply` on the model.
    fn apply(chain: &mut Chain, record: &mut Vec<RecordedRule>, wanted: &[u8]) -> Work {
        let rules: Vec<PlannedRule> = wanted.iter().copied().map(rule).collect();
        let work = work(&rules.iter().collect::<Vec<_>>(), record, |rule| Copies {
            count: chain.iter().filter(|&&at| at == number(rule)).count(),
            first: first(chain, number(rule)),
        });
        for rule in &work.deletes {
            chain.remove(first(chain, number(rule)).unwrap());
        }
        for rule in &work.adds {
            chain.insert(0, number(rule));
        }
        record.clone_from(&work.done);
        work
    }

    fn assert_in_force(chain: &Chain, wanted: &[u8]) {
        for (at, low) in wanted.iter().enumerate() {
            assert!(chain.contains(low), "{chain:?}");
            for high in wanted[at..].iter().filter(|high| *high % 2 != low % 2) {
                assert!(first(chain, *high) < first(chain, *low), "{chain:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn plans_are_in_force_and_undone_exactly(
            there in prop::collection::vec(0..7_u8, 0..12),
            plans in prop::collection::vec(prop::sample::subsequence(vec![0_u8, 1, 2, 3], 0..=4), 1..6),
        ) {
            let (mut chain, mut record) = (there.clone(), Vec::new());
            for wanted in &plans {
                apply(&mut chain, &mut record, wanted);
                assert_in_force(&chain, wanted);
                prop_assert!(apply(&mut chain, &mut record, wanted).is_nothing());
            }
            apply(&mut chain, &mut record, &[]);
            prop_assert_eq!(chain, there);
            prop_assert!(record.is_empty());
        }

        #[test]
        fn whatever_others_do_the_plan_is_in_force_again(
            there in prop::collection::vec(0..7_u8, 0..12),
            later in prop::collection::vec(0..7_u8, 0..12),
        ) {
            let (mut chain, mut record) = (there, Vec::new());
            let wanted = [0, 1, 2, 3];
            apply(&mut chain, &mut record, &wanted);
            chain = later;
            apply(&mut chain, &mut record, &wanted);
            assert_in_force(&chain, &wanted);
            prop_assert!(apply(&mut chain, &mut record, &wanted).is_nothing());
        }
    }

    #[test]
    fn what_is_missing_is_counted_as_new_or_as_repaired() {
        let (mut chain, mut record) = (vec![6], Vec::new());
        let work = apply(&mut chain, &mut record, &[0, 1, 2]);
        assert_eq!((work.changed, work.repaired), (3, 0));
        assert_eq!(chain, [2, 1, 0, 6]);
        chain.clear();
        let work = apply(&mut chain, &mut record, &[0, 1, 2]);
        assert_eq!((work.changed, work.repaired), (0, 3));
        let work = apply(&mut chain, &mut record, &[0]);
        assert_eq!((work.changed, work.repaired), (2, 0));
        assert_eq!(chain, [0]);
    }

    #[test]
    fn rules_of_one_target_need_no_order() {
        let (mut chain, mut record) = (vec![2, 0], Vec::new());
        assert!(apply(&mut chain, &mut record, &[0, 2]).is_nothing());
        assert!(apply(&mut chain, &mut record, &[2, 0]).is_nothing());
        apply(&mut chain, &mut record, &[0, 2, 1]);
        assert_eq!(chain, [1, 2, 0]);
    }

    #[test]
    fn a_rule_that_was_there_is_neither_added_nor_removed() {
        let (mut chain, mut record) = (vec![0, 0, 6], Vec::new());
        assert!(apply(&mut chain, &mut record, &[0]).is_nothing());
        assert!(apply(&mut chain, &mut record, &[]).is_nothing());
    }

    #[test]
    fn a_crash_before_acting_leaves_nothing_to_remove() {
        let mut record = vec![RecordedRule {
            rule: rule(0),
            before: 1,
        }];
        let mut chain = vec![0];
        assert!(apply(&mut chain, &mut record, &[]).is_nothing());
        assert!(record.is_empty());
    }

    #[test]
    fn doubled_copies_of_ours_are_removed() {
        let (mut chain, mut record) = (vec![], Vec::new());
        apply(&mut chain, &mut record, &[0]);
        chain = vec![0, 0, 0];
        let work = apply(&mut chain, &mut record, &[0]);
        assert_eq!((chain, work.repaired), (vec![0], 1));
    }
}
