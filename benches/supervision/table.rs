//! What was measured: medians with their spread, and ratios to the floor of the same run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::machine::Machine;
use crate::subject::Subject;

/// How a figure is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Milliseconds,
    Count,
    Kilobytes,
    Megabytes,
}

impl Unit {
    pub fn word(self) -> &'static str {
        match self {
            Unit::Milliseconds => "ms",
            Unit::Count => "",
            Unit::Kilobytes => "kB",
            Unit::Megabytes => "MB",
        }
    }

    pub fn figure(self, value: f64) -> String {
        match self {
            Unit::Milliseconds if value < 10.0 => format!("{value:.2}"),
            Unit::Megabytes => format!("{value:.2}"),
            _ => format!("{value:.0}"),
        }
    }
}

/// What is aimed at for ecs-nanny.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    None,
    /// At most so many times the floor.
    Ratio(f64),
    /// At most so much, in the line's unit.
    Most(f64),
}

/// One line.
#[derive(Debug)]
pub struct Row {
    pub name: String,
    pub unit: Unit,
    pub target: Target,
    pub samples: BTreeMap<Subject, Vec<f64>>,
}

/// The whole run.
#[derive(Debug)]
pub struct Table {
    pub machine: Machine,
    pub rows: Vec<Row>,
    took: Duration,
    load_at_end: String,
}

/// Median and spread.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
    pub runs: usize,
}

impl Spread {
    fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = match sorted.len() {
            0 => return None,
            odd if odd % 2 == 1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        };
        Some(Spread {
            median,
            least: sorted[0],
            most: sorted[sorted.len() - 1],
            runs: sorted.len(),
        })
    }
}

impl Row {
    pub fn spread(&self, subject: Subject) -> Option<Spread> {
        Spread::of(self.samples.get(&subject)?)
    }

    /// How many times the floor a subject takes.
    pub fn ratio(&self, subject: Subject) -> Option<f64> {
        let floor = self.spread(Subject::Floor)?.median;
        (floor > 0.0 && subject != Subject::Floor)
            .then(|| self.spread(subject).map(|spread| spread.median / floor))?
    }

    /// Whether ecs-nanny is where it is to be; `None` where nothing is aimed at.
    fn met(&self) -> Option<bool> {
        match self.target {
            Target::None => None,
            Target::Ratio(most) => Some(self.ratio(Subject::Nanny)? <= most),
            Target::Most(most) => Some(self.spread(Subject::Nanny)?.median <= most),
        }
    }

    fn target_words(&self) -> String {
        let most = match self.target {
            Target::None => return String::new(),
            Target::Ratio(most) => format!("{most:.2} ×"),
            Target::Most(most) => format!("{} {}", self.unit.figure(most), self.unit.word()),
        };
        let met = match self.met() {
            Some(true) => "met",
            Some(false) => "missed",
            None => "",
        };
        format!("{} {met}", most.trim())
    }

    fn cell(&self, subject: Subject) -> String {
        let Some(spread) = self.spread(subject) else {
            return String::new();
        };
        let figure = |value| self.unit.figure(value);
        let mut cell = format!("{} {}", figure(spread.median), self.unit.word());
        if spread.runs > 1 {
            let _ = write!(cell, " [{}..{}]", figure(spread.least), figure(spread.most));
        }
        if let Some(ratio) = self.ratio(subject) {
            let _ = write!(cell, " {ratio:.2} ×");
        }
        cell.replace("  ", " ").trim().to_owned()
    }
}

impl Table {
    pub fn new(machine: Machine) -> Self {
        Table {
            machine,
            rows: Vec::new(),
            took: Duration::ZERO,
            load_at_end: String::new(),
        }
    }

    /// A line, to which samples are added by its name.
    pub fn row(&mut self, name: &str, unit: Unit, target: Target) -> &mut Row {
        let at = self.rows.iter().position(|row| row.name == name);
        let at = at.unwrap_or_else(|| {
            self.rows.push(Row {
                name: name.to_owned(),
                unit,
                target,
                samples: BTreeMap::new(),
            });
            self.rows.len() - 1
        });
        &mut self.rows[at]
    }

    pub fn took(&mut self, took: Duration, load: &str) {
        self.took = took;
        load.clone_into(&mut self.load_at_end);
    }

    /// What the run stood on, a line each.
    pub fn about(&self) -> Vec<String> {
        let mut about = self.machine.lines();
        about.push(format!(
            "took {} s; load at its beginning {}, at its end {}",
            self.took.as_secs(),
            self.machine.load,
            self.load_at_end
        ));
        about
    }

    /// The subjects that have a column.
    pub fn columns(&self) -> Vec<Subject> {
        let all = [
            Subject::Floor,
            Subject::Docker,
            Subject::Nanny,
            Subject::Peer,
        ];
        all.into_iter()
            .filter(|subject| {
                self.rows
                    .iter()
                    .any(|row| row.samples.contains_key(subject))
            })
            .collect()
    }

    /// What it stood on, and the table.
    pub fn text(&self) -> String {
        format!("{}\n\n{}", self.about().join("\n"), self.lines())
    }

    /// The table in Markdown, with columns that stand below each other.
    fn lines(&self) -> String {
        let subjects = self.columns();
        let mut lines = vec![Vec::from(["".to_owned()])];
        lines[0].extend(subjects.iter().map(|subject| subject.word().to_owned()));
        lines[0].push("target".to_owned());
        for row in &self.rows {
            let mut line = vec![row.name.clone()];
            line.extend(subjects.iter().map(|subject| row.cell(*subject)));
            line.push(row.target_words());
            lines.push(line);
        }
        let widths: Vec<usize> = (0..lines[0].len())
            .map(|at| {
                lines
                    .iter()
                    .map(|line| line[at].chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for (number, line) in lines.iter().enumerate() {
            for (cell, width) in line.iter().zip(&widths) {
                let _ = write!(text, "| {cell:<width$} ");
            }
            text.push_str("|\n");
            if number == 0 {
                for width in &widths {
                    let _ = write!(text, "|{}", "-".repeat(width + 2));
                }
                text.push_str("|\n");
            }
        }
        text
    }

    fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let subjects: serde_json::Map<String, Value> = row
                .samples
                .iter()
                .map(|(subject, samples)| {
                    let spread = row.spread(*subject);
                    let value = json!({
                        "median": spread.map(|spread| spread.median),
                        "min": spread.map(|spread| spread.least),
                        "max": spread.map(|spread| spread.most),
                        "ratio": row.ratio(*subject),
                        "samples": samples,
                    });
                    (subject.word().to_owned(), value)
                })
                .collect();
            json!({
                "measure": row.name,
                "unit": row.unit.word(),
                "subjects": subjects,
                "target_met": row.met(),
            })
        });
        json!({ "schema": 1, "about": self.about(), "rows": rows.collect::<Vec<_>>() })
    }

    /// Writes it as text and as JSON.
    pub fn write(&self, directory: &Path) -> Result<()> {
        std::fs::create_dir_all(directory)?;
        for (file, content) in [
            ("bench.txt", self.text()),
            ("bench.json", format!("{:#}\n", self.json())),
        ] {
            let path = directory.join(file);
            std::fs::write(&path, content).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }
}

/// Between these the table stands in a page.
const BEGIN: &str = "<!-- The table of the last full run. -->\n";
const END: &str = "<!-- End of the table. -->";

impl Table {
    /// Puts it into a page, in place of the one that is there.
    pub fn put_into(&self, page: &Path) -> Result<()> {
        let text = std::fs::read_to_string(page).with_context(|| page.display().to_string())?;
        let parts = text
            .split_once(BEGIN)
            .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
        let (before, after) =
            parts.with_context(|| format!("{} has no place for the table", page.display()))?;
        let about = self.about().join("  \n");
        let table = self.lines();
        let text = format!(
            "{before}{BEGIN}\n{about}\n\n{table}\n![Times beside the floor](performance.svg)\n\n{END}{after}"
        );
        std::fs::write(page, text).with_context(|| page.display().to_string())
    }
}

impl Row {
    /// Adds a sample.
    pub fn add(&mut self, subject: Subject, value: f64) {
        self.samples.entry(subject).or_default().push(value);
    }
}
