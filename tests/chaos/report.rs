//! What is printed.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::judge::Outcome;
use crate::table::{Agent, Fault, From};

/// One line for each fault: what it is and what is expected.
pub fn list<'a>(faults: impl Iterator<Item = &'a Fault>) -> String {
    let mut rows = vec![row([
        "fault",
        "what",
        "told within",
        "agent",
        "well within",
    ])];
    for fault in faults {
        let within = match fault.unhurt() {
            true => "unhurt".to_owned(),
            false => format!("{} s", fault.within.as_secs()),
        };
        let agent = match fault.agent {
            Agent::Same => "runs on".to_owned(),
            Agent::Either => "-".to_owned(),
            Agent::Again(from, within) => {
                let from = match from {
                    From::Begin => "the fault",
                    From::End => "its end",
                    From::Engine => "dockerd",
                };
                format!("{} s after {from}", within.as_secs())
            }
        };
        let well = format!("{} s", fault.back.as_secs());
        rows.push(row([fault.name, fault.what, &within, &agent, &well]));
    }
    columns(&rows)
}

/// The table at the end of a run.
pub fn table(outcomes: &[Outcome]) -> String {
    let mut rows = vec![row([
        "fault",
        "told after",
        "as",
        "running after",
        "well after",
        "containers",
        "rules",
        "verdict",
    ])];
    for outcome in outcomes {
        let (told, told_as) = match &outcome.told {
            Some((after, words)) => (seconds(Some(*after)), words.as_str()),
            None => ("-".to_owned(), "-"),
        };
        let count = |count: Option<usize>| count.map_or("?".to_owned(), |count| count.to_string());
        let rules = outcome
            .rules
            .map_or("?".to_owned(), |(now, healthy)| format!("{now}/{healthy}"));
        let verdict = match outcome.wrong.len() {
            0 => "as expected",
            _ => "WRONG",
        };
        rows.push(row([
            outcome.name,
            &told,
            told_as,
            &seconds(outcome.running),
            &seconds(outcome.well),
            &count(outcome.containers),
            &rules,
            verdict,
        ]));
    }
    columns(&rows)
}

/// The table at the end of random faults: one line for each kind.
pub fn summary(outcomes: &[Outcome]) -> String {
    let mut kinds: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        kinds.entry(outcome.name).or_default().push(outcome);
    }
    let mut rows = vec![row(["fault", "times", "well after at the most", "wrong"])];
    for (name, outcomes) in kinds {
        let longest = outcomes.iter().filter_map(|outcome| outcome.well).max();
        let wrong = outcomes.iter().filter(|outcome| !outcome.wrong.is_empty());
        rows.push(row([
            name,
            &outcomes.len().to_string(),
            &seconds(longest),
            &wrong.count().to_string(),
        ]));
    }
    columns(&rows)
}

/// One line on a fault that is over.
pub fn progress(outcome: &Outcome) -> String {
    let verdict = match outcome.wrong.as_slice() {
        [] => "as expected".to_owned(),
        wrong => format!("WRONG: {}", wrong.join("; ")),
    };
    let told = match &outcome.told {
        Some((after, words)) => format!("told after {after:.1?} ({words}), "),
        None => String::new(),
    };
    let running = match outcome.running {
        Some(after) => format!("running after {after:.1?}, "),
        None => String::new(),
    };
    let well = match outcome.well {
        Some(after) => format!("well after {after:.1?}: "),
        None => String::new(),
    };
    format!("{}: {told}{running}{well}{verdict}", outcome.name)
}

fn seconds(span: Option<Duration>) -> String {
    span.map_or("-".to_owned(), |span| {
        format!("{:.1} s", span.as_secs_f64())
    })
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// Cells under each other, two spaces apart.
fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let line: String = cells
            .map(|(cell, width)| format!("{cell:<width$}  "))
            .collect();
        line.trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
