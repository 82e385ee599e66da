//! Versions as kernels and Docker write them, compared as numbers.

use std::fmt;

/// The numbers that a version begins with; what follows them is the maker's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number, 0 where there is none.
    pub patch: u32,
}

impl Version {
    /// A version of two numbers.
    pub const fn new(major: u32, minor: u32) -> Self {
        Version {
            major,
            minor,
            patch: 0,
        }
    }

    /// Reads the leading `N.N` or `N.N.N`: `5.10.239-236.958.amzn2.x86_64`, `6.1.0+`, `20.10.24+dfsg1`, `1.44`.
    /// `None` where the text does not begin so.
    pub fn leading(text: &str) -> Option<Self> {
        let (major, rest) = number(text)?;
        let (minor, rest) = number(rest.strip_prefix('.')?)?;
        let patch = rest.strip_prefix('.').and_then(number);
        Some(Version {
            major,
            minor,
            patch: patch.map_or(0, |(patch, _)| patch),
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch > 0 {
            write!(f, ".{}", self.patch)?;
        }
        Ok(())
    }
}

/// The number that a text begins with, and the rest.
fn number(text: &str) -> Option<(u32, &str)> {
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(text: &str) -> Option<(u32, u32, u32)> {
        Version::leading(text).map(|version| (version.major, version.minor, version.patch))
    }

    #[test]
    fn releases_as_distributions_write_them() {
        for (text, wanted) in [
            ("5.10.239-236.958.amzn2.x86_64", Some((5, 10, 239))),
            ("6.1.0+", Some((6, 1, 0))),
            ("3.10.0-1160.el7", Some((3, 10, 0))),
            ("4.9", Some((4, 9, 0))),
            ("6.8.0-1029-aws", Some((6, 8, 0))),
            ("20.10.24+dfsg1", Some((20, 10, 24))),
            ("17.06.2-ce", Some((17, 6, 2))),
            ("1.44", Some((1, 44, 0))),
            ("3.", None),
            ("3", None),
            ("", None),
            ("-4.9", None),
            ("dev", None),
            ("v4.9", None),
            ("99999999999.1", None),
        ] {
            assert_eq!(numbers(text), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in ".*") {
            let _ = Version::leading(&text);
        }

        #[test]
        fn a_suffix_changes_nothing(
            major: u32, minor: u32, patch: u32, suffix in "[-+.a-z_][-+.0-9a-z_]*"
        ) {
            let text = format!("{major}.{minor}.{patch}{suffix}");
            prop_assert_eq!(numbers(&text), Some((major, minor, patch)));
        }

        #[test]
        fn order_is_that_of_the_numbers(one: (u32, u32), other: (u32, u32)) {
            let version = |(major, minor)| Version::leading(&format!("{major}.{minor}-x")).unwrap();
            prop_assert_eq!(version(one).cmp(&version(other)), one.cmp(&other));
        }
    }
}
