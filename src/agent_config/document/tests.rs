use super::*;

#[test]
fn a_value_closed_on_a_later_line_takes_its_lines() {
    let entries = parse(b"A='1\n\n2'\nB=1\n");
    let meanings: Vec<_> = entries.iter().map(|entry| &entry.meaning).collect();
    assert!(
        matches!(
            meanings[..],
            [
                Meaning::Setting(_),
                Meaning::Continuation,
                Meaning::Continuation,
                Meaning::Setting(_)
            ]
        ),
        "{meanings:?}"
    );
}
