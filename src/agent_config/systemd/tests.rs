use super::*;

/// A file, and the variables read from it.
type Row<'a> = (&'a [u8], &'a [(&'a str, &'a str)]);

fn read(file: &[u8]) -> Vec<(String, String)> {
    environment(file)
        .unwrap()
        .into_iter()
        .map(|(name, (value, _))| (name, value))
        .collect()
}

/// What `load_env_file` and `strv_env_clean` of systemd 252 made of each file.
#[test]
fn reads_as_systemd_252_does() {
    let table: &[Row] = &[
        (b"K=v", &[("K", "v")]),
        (b"K=", &[("K", "")]),
        (b"K", &[]),
        (b"  K=v  ", &[("K", "v")]),
        (b"K = v", &[("K", "v")]),
        (b"export K=v\nZ=1", &[("Z", "1")]),
        (b"K=\"v\"", &[("K", "v")]),
        (b"K='[\"a\"]'", &[("K", "[\"a\"]")]),
        (b"K=[\"a\"]", &[("K", "[\"a\"]")]),
        (b"K=v # note", &[("K", "v # note")]),
        (b"K=\"v\" # note", &[("K", "v# note")]),
        (b"K=a\"b\"", &[("K", "a\"b\"")]),
        (b"K='a' \"b\"", &[("K", "ab")]),
        (b"K=\"a\\\"b\\$c\\n\"", &[("K", "a\"b$c\\n")]),
        (b"K=a\\b\\\\c", &[("K", "ab\\c")]),
        (b"K=a\\ ", &[("K", "a ")]),
        (b"K=a \\\n  ", &[("K", "a ")]),
        (b"# K=v\n; K=v\nZ=1", &[("Z", "1")]),
        (b"#x\\\nK=v\nZ=1", &[("Z", "1")]),
        (b"#x\\\r\nK=v\nZ=1", &[("K", "v"), ("Z", "1")]),
        (b"K=tr\\\nue\nZ=1", &[("K", "true"), ("Z", "1")]),
        (b"K='a'\\\nZ=1\nY=2", &[("K", "aZ=1"), ("Y", "2")]),
        (b"K=a\rZ=b\r", &[("K", "a"), ("Z", "b")]),
        (b"K=a\r\nZ=b\r\n", &[("K", "a"), ("Z", "b")]),
        (b"K=\"abc\nZ=1\n", &[("K", "abc\nZ=1\n")]),
        (b"K='a\n\nb'\nZ=1", &[("K", "a\n\nb"), ("Z", "1")]),
        (b"\xef\xbb\xbfK=1\nZ=2", &[("Z", "2")]),
        (b"=foo\n=foo=bar\nZ=1", &[("Z", "1")]),
        (b"1K=2\nK-1=2\nZ=1", &[("Z", "1")]),
        (b"K=1\nK=2", &[("K", "2")]),
        (b"K=\x01", &[("K", "\x01")]),
        (b"#\xff\nZ=1", &[("Z", "1")]),
        (b"$HOME=1\nZ=$HOME ~", &[("Z", "$HOME ~")]),
    ];
    for (file, wanted) in table {
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(read(file), wanted, "{:?}", file.escape_ascii().to_string());
    }
}

#[test]
fn one_bad_byte_drops_the_whole_file() {
    for (file, refused) in [
        (&b"Z=1\nK=\xff"[..], Refused::NotUtf8 { at: 4 }),
        (b"Z=1\nK=\xef\xbf\xbe", Refused::NotUtf8 { at: 4 }),
        (b"Z=1\nK\xff=1", Refused::NotUtf8 { at: 4 }),
        (b"Z=1\n#\0", Refused::Nul { at: 5 }),
    ] {
        assert_eq!(environment(file), Err(refused));
    }
}
