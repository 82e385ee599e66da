//! The time line as a picture, as `systemd-analyze plot` draws it.

use svg::Document;
use svg::node::element::{Line, Rectangle, Style, Text};

use crate::snapshot::{BootView, Span};

use super::{Range, end, headline, seconds, waited_for};

const WIDTH: f64 = 1000.0;
/// Around the picture.
const MARGIN: f64 = 20.0;
/// Where the names end and the bars begin.
const LEFT: f64 = 250.0;
/// Where the bars end: the last one's length is written behind it.
const RIGHT: f64 = WIDTH - 90.0;
/// Where the first bar is.
const TOP: f64 = 100.0;
const ROW: f64 = 30.0;
const BAR: f64 = 18.0;

const STYLE: &str = "\
svg { background: #ffffff; }
text { font-family: system-ui, sans-serif; font-size: 14px; fill: #24292f; }
.title { font-size: 18px; font-weight: 600; }
.small { font-size: 12px; fill: #57606a; }
.grid { stroke: #d0d7de; }
.mark { stroke: #1a7f37; stroke-width: 2; }
.waited { fill: #d4722c; }
.beside { fill: #9cb4cc; }
.before { fill: #eaeef2; }";

/// The picture. `host` names the host in its title.
pub fn svg(boot: &BootView, host: &str) -> String {
    let range = Range::of(boot);
    let rows = boot.spans.len() as f64;
    let bottom = TOP + rows * ROW;
    let height = bottom + 100.0;
    let mut picture = Document::new()
        .set("viewBox", (0, 0, WIDTH as i64, height as i64))
        .set("role", "img")
        .add(Style::new(STYLE))
        .add(label(&format!("Boot of {host}"), MARGIN, 34.0, "title"))
        .add(label(&headline(boot), MARGIN, 58.0, "small"));
    picture = before_exec(picture, &range, bottom);
    picture = grid(picture, &range, bottom);
    for (row, span) in boot.spans.iter().enumerate() {
        picture = bar(picture, span, &range, TOP + row as f64 * ROW);
    }
    if let Some(healthy) = boot.healthy_ms {
        let x = place(&range, healthy);
        picture = picture.add(line(x, TOP - 12.0, bottom, "mark")).add(label(
            "healthy",
            x + 4.0,
            TOP - 16.0,
            "small",
        ));
    }
    legend(picture, boot, bottom + 44.0).to_string() + "\n"
}

/// The time until exec: kernel, initial RAM disk and whatever systemd started before.
fn before_exec(picture: Document, range: &Range, bottom: f64) -> Document {
    if range.start == 0 {
        return picture;
    }
    let exec = place(range, 0);
    picture
        .add(
            Rectangle::new()
                .set("x", LEFT)
                .set("y", TOP - 12.0)
                .set("width", exec - LEFT)
                .set("height", bottom - TOP + 12.0)
                .set("class", "before"),
        )
        .add(label("kernel, systemd", LEFT + 4.0, TOP - 16.0, "small"))
        .add(label("exec", exec + 4.0, TOP - 16.0, "small"))
}

/// Lines at round numbers of seconds after exec.
fn grid(mut picture: Document, range: &Range, bottom: f64) -> Document {
    let step = step(range.length());
    let mut moment = range.start.div_euclid(step) * step;
    while moment <= range.end {
        if moment >= range.start {
            let x = place(range, moment);
            picture = picture.add(line(x, TOP - 12.0, bottom, "grid")).add(label(
                &seconds(moment),
                x - 12.0,
                bottom + 16.0,
                "small",
            ));
        }
        moment += step;
    }
    picture
}

/// 1, 2 or 5 times a power of ten, so that there are about six lines; in milliseconds.
fn step(length: i64) -> i64 {
    let mut step = 10;
    loop {
        for factor in [1, 2, 5] {
            if length / (step * factor) <= 8 {
                return step * factor;
            }
        }
        step *= 10;
    }
}

fn bar(picture: Document, span: &Span, range: &Range, top: f64) -> Document {
    let (begin, end_at) = (place(range, span.start_ms), place(range, end(span, range)));
    let length = end(span, range) - span.start_ms;
    let class = if span.critical { "waited" } else { "beside" };
    let open = if span.end_ms.is_none() { " …" } else { "" };
    picture
        .add(label(span.name.words(), MARGIN, top + 14.0, ""))
        .add(
            Rectangle::new()
                .set("x", begin)
                .set("y", top)
                // A bar of no length would be seen by nobody.
                .set("width", (end_at - begin).max(2.0))
                .set("height", BAR)
                .set("rx", 2)
                .set("class", class),
        )
        .add(label(
            &format!("{}{open}", seconds(length)),
            end_at.max(begin + 2.0) + 6.0,
            top + 13.0,
            "small",
        ))
}

fn legend(picture: Document, boot: &BootView, top: f64) -> Document {
    let sample = |x: f64, class: &str| {
        Rectangle::new()
            .set("x", x)
            .set("y", top - 10.0)
            .set("width", 14)
            .set("height", 12)
            .set("rx", 2)
            .set("class", class)
    };
    let mut picture = picture
        .add(sample(MARGIN, "waited"))
        .add(label(
            "the boot waited for this",
            MARGIN + 20.0,
            top,
            "small",
        ))
        .add(sample(MARGIN + 190.0, "beside"))
        .add(label("went on beside it", MARGIN + 210.0, top, "small"))
        .add(label(
            "Times count from exec.",
            MARGIN + 340.0,
            top,
            "small",
        ));
    let waited = waited_for(boot);
    if !waited.is_empty() {
        picture = picture.add(label(
            &format!("Waited for: {waited}."),
            MARGIN,
            top + 26.0,
            "small",
        ));
    }
    picture
}

fn place(range: &Range, moment: i64) -> f64 {
    let x = LEFT + range.place(moment) * (RIGHT - LEFT);
    (x * 10.0).round() / 10.0
}

fn line(x: f64, top: f64, bottom: f64, class: &str) -> Line {
    Line::new()
        .set("x1", x)
        .set("x2", x)
        .set("y1", top)
        .set("y2", bottom)
        .set("class", class)
}

fn label(words: &str, x: f64, y: f64, class: &str) -> Text {
    let label = Text::new(words).set("x", x).set("y", y);
    if class.is_empty() {
        label
    } else {
        label.set("class", class)
    }
}
