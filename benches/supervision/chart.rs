//! The times of a run as bars beside the floor.

use std::path::Path;

use anyhow::{Context, Result};
use ecs_nanny_lab::picture::{WIDTH, label, page};
use svg::Document;
use svg::node::element::{Line, Rectangle};

use crate::subject::Subject;
use crate::table::{Row, Table, Unit};

const MARGIN: f64 = 20.0;
/// Where the names end and the bars begin.
const LEFT: f64 = 330.0;
/// Where the longest bar ends; its figure stands behind it.
const RIGHT: f64 = WIDTH - 180.0;
const TOP: f64 = 92.0;
const BAR: f64 = 16.0;
/// Between two measures.
const GAP: f64 = 14.0;

const STYLE: &str = "\
.spread { stroke: #24292f; }
.floor { fill: #c8d1dc; }
.docker { fill: #9cb4cc; }
.nanny { fill: #1a7f37; }
.peer { fill: #d4722c; }";

/// Writes it.
pub fn write(table: &Table, path: &Path) -> Result<()> {
    std::fs::write(path, picture(table)).with_context(|| path.display().to_string())
}

/// Lines that have a floor: each to its own scale, since only its ratio means something.
fn picture(table: &Table) -> String {
    let rows: Vec<&Row> = table
        .rows
        .iter()
        .filter(|row| row.unit == Unit::Milliseconds && row.ratio(Subject::Nanny).is_some())
        .collect();
    let bars: usize = rows.iter().map(|row| row.samples.len()).sum();
    let height = TOP + bars as f64 * BAR + rows.len() as f64 * GAP + MARGIN;
    let mut picture = page(
        "ecs-nanny beside the floor",
        "medians, least and most, of one run; each measure to its own scale",
        height,
        STYLE,
    );
    picture = legend(picture, table);
    let mut y = TOP;
    for row in rows {
        picture = picture.add(label(&row.name, MARGIN, y + BAR - 3.0, "name"));
        let most = row
            .samples
            .keys()
            .filter_map(|subject| row.spread(*subject));
        let most = most.map(|spread| spread.most).fold(0.0, f64::max);
        for subject in row.samples.keys() {
            picture = bar(picture, row, *subject, most, y);
            y += BAR;
        }
        y += GAP;
    }
    picture.to_string() + "\n"
}

fn bar(picture: Document, row: &Row, subject: Subject, most: f64, y: f64) -> Document {
    let Some(spread) = row.spread(subject) else {
        return picture;
    };
    let place = |value: f64| LEFT + (RIGHT - LEFT) * value / most;
    let ratio = row
        .ratio(subject)
        .map_or_else(String::new, |ratio| format!(" · {ratio:.2} ×"));
    let figure = format!(
        "{} {}{ratio}",
        row.unit.figure(spread.median),
        row.unit.word()
    );
    let middle = y + BAR / 2.0 - 1.0;
    picture
        .add(
            Rectangle::new()
                .set("x", LEFT)
                .set("y", y)
                .set("width", format!("{:.1}", place(spread.median) - LEFT))
                .set("height", BAR - 2.0)
                .set("class", class(subject)),
        )
        .add(
            Line::new()
                .set("x1", format!("{:.1}", place(spread.least)))
                .set("x2", format!("{:.1}", place(spread.most)))
                .set("y1", middle)
                .set("y2", middle)
                .set("class", "spread"),
        )
        .add(label(
            &figure,
            place(spread.most) + 8.0,
            y + BAR - 4.0,
            "small",
        ))
}

fn legend(mut picture: Document, table: &Table) -> Document {
    let mut x = LEFT;
    for subject in table.columns() {
        picture = picture
            .add(
                Rectangle::new()
                    .set("x", x)
                    .set("y", 68.0)
                    .set("width", 12.0)
                    .set("height", 12.0)
                    .set("class", class(subject)),
            )
            .add(label(subject.word(), x + 18.0, 78.0, "small"));
        x += 130.0;
    }
    picture
}

fn class(subject: Subject) -> &'static str {
    match subject {
        Subject::Floor => "floor",
        Subject::Docker => "docker",
        Subject::Nanny => "nanny",
        Subject::Peer => "peer",
    }
}
