use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::agent_config::{Layer, Source, VENDOR_PATH, lines::text, read, samples};

const WANTED: &[(&str, &str)] = &[
    ("ECS_AVAILABLE_LOGGING_DRIVERS", "[\"awslogs\"]"),
    ("OWN", "1"),
];

fn agent(file: &[u8]) -> BTreeMap<String, String> {
    let source = Source {
        layer: Layer::Vendor,
        path: VENDOR_PATH,
        bytes: file,
        mode: None,
    };
    read(&[source])
        .agent
        .into_iter()
        .map(|(name, variable)| (name, variable.value))
        .collect()
}

#[test]
fn ours_go_where_they_stand_and_the_rest_stays() {
    for (existing, rendered) in [
        ("", "OWN=1\n"),
        ("A=1", "A=1\nOWN=1\n"),
        (
            "# note\n\nOWN='0' \nA=\"2\"\r\nodd\n",
            "# note\n\nOWN=1\nA=\"2\"\r\nodd\n",
        ),
        ("OWN=0\nA=1\nOWN = 2\nOWN=3\nB=1\n", "A=1\nOWN=1\nB=1\n"),
        ("OWN='0\n0'\nA=1\n", "OWN=1\nA=1\n"),
        ("A=\"x\nOWN=0\n y\"\nOWN=2\n", "A=\"x\nOWN=1\n y\"\nOWN=1\n"),
        ("\u{feff}A=1\n", "A=1\nOWN=1\n"),
        ("A=1\rOWN=0\rB=1\r", "A=1\r\nOWN=1\nB=1\r\n"),
        ("A=1\\\n", "A=1\\\n\nOWN=1\n"),
        ("# a\\", "# a\\\n\nOWN=1\n"),
        ("export OWN=0\n", "export OWN=0\nOWN=1\n"),
    ] {
        let told = render_vendor(Some(existing.as_bytes()), &[("OWN", "1")]);
        assert_eq!(text(&told), rendered, "{existing:?}");
    }
    assert_eq!(
        render_vendor(None, &[("A", "1\n2"), ("B", "1"), ("B", "2")]),
        b"A=1 2\nB=2\n"
    );
    assert_eq!(render_vendor(Some(b"A=\xff\n"), &[]), b"A=\xff\n");
}

#[test]
fn what_is_already_so_does_not_change() {
    let file = render_vendor(Some(b"# note\nA=1\n"), WANTED);
    assert_eq!(render_vendor(Some(&file), WANTED), file);
}

proptest! {
    #![proptest_config(samples::config())]

    #[test]
    fn no_readable_setting_is_lost(file in samples::file()) {
        let mut expected = agent(&file);
        expected.extend(WANTED.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let once = render_vendor(Some(&file), WANTED);
        prop_assert_eq!(agent(&once), expected);
        prop_assert_eq!(render_vendor(Some(&once), WANTED), once);
    }
}
