//! Any bytes as ecs.config: all three grammars read them, nothing panics, and rendering loses no readable setting.
//!
//! `cargo fuzz run --sanitizer none agent_config -- -max_total_time=300`, with `RUSTC_BOOTSTRAP=1` on a stable toolchain.

#![no_main]

use std::collections::BTreeMap;

use ecs_nanny::agent_config::{Layer, Source, VENDOR_PATH, lint, mask, read, render_vendor};
use libfuzzer_sys::fuzz_target;

const WANTED: &[(&str, &str)] = &[
    ("ECS_AVAILABLE_LOGGING_DRIVERS", "[\"awslogs\"]"),
    ("K", "v"),
];

fn source(bytes: &[u8]) -> Source<'_> {
    Source {
        layer: Layer::Vendor,
        path: VENDOR_PATH,
        bytes,
        mode: Some(0o644),
    }
}

fn agent(bytes: &[u8]) -> BTreeMap<String, String> {
    let config = read(&[source(bytes)]);
    let variables = config.agent.into_iter();
    variables
        .map(|(name, variable)| (name, variable.value))
        .collect()
}

fuzz_target!(|bytes: &[u8]| {
    let mut expected = agent(bytes);
    let wanted = WANTED
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    expected.extend(wanted);
    let rendered = render_vendor(Some(bytes), WANTED);
    assert_eq!(agent(&rendered), expected, "a setting was lost");
    assert_eq!(
        render_vendor(Some(&rendered), WANTED),
        rendered,
        "rendering again changed the file"
    );

    let findings = lint(&[source(bytes)]);
    let _ = ecs_nanny::cli::lint::text(&findings, false);
    let masked = mask(bytes);
    assert_eq!(mask(&masked), masked, "masking again changed the file");
});
