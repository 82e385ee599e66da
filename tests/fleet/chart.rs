//! The fleet as a picture: how many are healthy, and what the services are asked, over time.

use ecs_nanny_lab::picture::{WIDTH, label, page};
use svg::Document;
use svg::node::element::{Line, Path};

use crate::{Outcome, Way};

const LEFT: f64 = 70.0;
const RIGHT: f64 = WIDTH - 20.0;
const PANEL: f64 = 170.0;
const TOP: f64 = 120.0;
/// Between two panels.
const GAP: f64 = 60.0;

const STYLE: &str = "\
.grid { stroke: #d0d7de; }
path { fill: none; stroke-width: 1.5; }
.patient { stroke: #1a7f37; }
.nanny { stroke: #0969da; }
.fixed { stroke: #d4722c; }";

/// The picture.
pub fn picture(outcomes: &[Outcome]) -> String {
    let last = outcomes
        .iter()
        .map(|outcome| outcome.at(1000).as_secs() + 1);
    let seconds = last.max().unwrap_or(1);
    let height = TOP + 3.0 * (PANEL + GAP);
    let mut picture = page(
        "10,000 instances boot within 10 s",
        "simulated time; the metadata service answers from 20 s on, 1000 requests a second; 120 a second are registered",
        height,
        STYLE,
    );
    for (number, outcome) in outcomes.iter().enumerate() {
        let x = 20.0 + 320.0 * number as f64;
        picture = picture
            .add(
                Path::new()
                    .set("d", format!("M{x},72h24"))
                    .set("class", class(outcome.way)),
            )
            .add(label(outcome.way.word(), x + 30.0, 76.0, "small"));
    }
    let healthy = |outcome: &Outcome, second: u64| {
        let by = std::time::Duration::from_secs(second);
        outcome.healthy.partition_point(|at| *at <= by) as f64
    };
    let panels: [(&str, Value); 3] = [
        ("healthy instances", Box::new(healthy)),
        (
            "requests per second at the metadata service",
            Box::new(|outcome, second| asked(&outcome.services.metadata, second)),
        ),
        (
            "requests per second to be registered",
            Box::new(|outcome, second| asked(&outcome.services.registration, second)),
        ),
    ];
    for (number, (name, value)) in panels.iter().enumerate() {
        let top = TOP + number as f64 * (PANEL + GAP);
        picture = panel(picture, name, top, seconds, outcomes, value);
    }
    picture.to_string() + "\n"
}

/// What is drawn of a second.
type Value = Box<dyn Fn(&Outcome, u64) -> f64>;

fn class(way: Way) -> &'static str {
    match way {
        Way::NannyPatientAgent => "patient",
        Way::Nanny => "nanny",
        Way::Fixed => "fixed",
    }
}

fn asked(service: &crate::service::Service, second: u64) -> f64 {
    service.by_second().get(&second).copied().unwrap_or(0) as f64
}

fn panel(
    mut picture: Document,
    name: &str,
    top: f64,
    seconds: u64,
    outcomes: &[Outcome],
    value: &dyn Fn(&Outcome, u64) -> f64,
) -> Document {
    let lines: Vec<Vec<f64>> = outcomes
        .iter()
        .map(|outcome| (0..=seconds).map(|second| value(outcome, second)).collect())
        .collect();
    let most = lines.iter().flatten().copied().fold(1.0, f64::max);
    let bottom = top + PANEL;
    picture = picture
        .add(label(name, LEFT, top - 8.0, "name"))
        .add(label(&format!("{most:.0}"), 20.0, top + 10.0, "small"))
        .add(label("0", 20.0, bottom, "small"))
        .add(grid(LEFT, bottom, RIGHT, bottom));
    for mark in (0..=seconds).step_by(60) {
        let x = LEFT + (RIGHT - LEFT) * mark as f64 / seconds as f64;
        picture = picture.add(grid(x, top, x, bottom)).add(label(
            &format!("{mark} s"),
            x + 3.0,
            bottom + 14.0,
            "small",
        ));
    }
    for (outcome, line) in outcomes.iter().zip(&lines) {
        let class = class(outcome.way);
        let mut data = String::new();
        for (second, value) in line.iter().enumerate() {
            let x = LEFT + (RIGHT - LEFT) * second as f64 / seconds as f64;
            let y = bottom - PANEL * value / most;
            data += &format!("{}{x:.1},{y:.1}", if second == 0 { "M" } else { "L" });
        }
        picture = picture.add(Path::new().set("d", data).set("class", class));
    }
    picture
}

fn grid(x1: f64, y1: f64, x2: f64, y2: f64) -> Line {
    Line::new()
        .set("x1", format!("{x1:.1}"))
        .set("y1", y1)
        .set("x2", format!("{x2:.1}"))
        .set("y2", y2)
        .set("class", "grid")
}
