//! Files as people and accidents write them, for property tests.

use proptest::prelude::*;

/// Pieces of lines in any order, and a few bytes of any kind.
pub(super) fn file() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&[u8]] = &[
        b"OWN",
        b"ECS_CLUSTER",
        b"ECS_EXTERNAL",
        b"ECS_ENGINE_AUTH_DATA",
        b"A",
        b"=",
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
        b":",
        b"export ",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"v",
        b"{\"a\":",
        b"}",
        b"[\"awslogs\"]",
        b"\xc2\xa0",
        b"http://u:p@h",
        b"\xe2\x80\x9c",
    ];
    let piece = prop_oneof![
        9 => proptest::sample::select(PIECES).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// As many cases as take a second; a failure is told, not written into the source tree.
pub(super) fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}
