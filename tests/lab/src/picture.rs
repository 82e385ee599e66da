//! What the pictures of benchmarks and simulations have in common.

use svg::Document;
use svg::node::element::{Style, Text};

/// The width of a picture.
pub const WIDTH: f64 = 1000.0;

const STYLE: &str = "\
svg { background: #ffffff; }
text { font-family: system-ui, sans-serif; font-size: 13px; fill: #24292f; }
.title { font-size: 18px; font-weight: 600; }
.small { font-size: 12px; fill: #57606a; }
";

/// A picture with its title, a line below it, and styles beside the common ones.
pub fn page(title: &str, below: &str, height: f64, style: &str) -> Document {
    Document::new()
        .set("viewBox", (0, 0, WIDTH as i64, height as i64))
        .set("role", "img")
        .add(Style::new(format!("{STYLE}{style}")))
        .add(label(title, 20.0, 34.0, "title"))
        .add(label(below, 20.0, 56.0, "small"))
}

/// Words at a place.
pub fn label(words: &str, x: f64, y: f64, class: &str) -> Text {
    Text::new(words)
        .set("x", format!("{x:.1}"))
        .set("y", y)
        .set("class", class)
}
