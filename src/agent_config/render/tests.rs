use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::agent_config::{
    Layer, Source, VENDOR_PATH,
    lines::{self, text},
    read,
};

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

/// Files as people and accidents write them: pieces of lines, in any order.
fn file() -> impl Strategy<Value = Vec<u8>> {
    let pieces: &[&[u8]] = &[
        b"OWN",
        b"ECS_CLUSTER",
        b"A",
        b"B",
        b"=",
        b"=",
        b" ",
        b"\t",
        b"\n",
        b"\n",
        b"\r\n",
        b"\r",
        b"\"",
        b"'",
        b"\\",
        b"#",
        b";",
        b"export ",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"v",
        b"{\"a\":",
        b"}",
        b"[\"awslogs\"]",
        b"\xc2\xa0",
    ];
    let piece = prop_oneof![
        9 => proptest::sample::select(pieces).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_readable_setting_is_lost(file in file()) {
        let mut expected = agent(&file);
        expected.extend(WANTED.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let once = render_vendor(Some(&file), WANTED);
        prop_assert_eq!(agent(&once), expected);
        prop_assert_eq!(render_vendor(Some(&once), WANTED), once);
    }

    #[test]
    fn any_bytes_are_read_and_masked(file in file()) {
        let masked = crate::agent_config::mask(&file);
        let count = |bytes: &[u8]| lines::split(bytes).len();
        prop_assert_eq!(count(&masked), count(&file));
    }
}
