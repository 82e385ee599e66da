//! Names of volumes, and what a volume is created with. Names become directories, so they must not lead anywhere else.

use std::collections::BTreeMap;

use super::{DIRECTORY, TYPES};

/// The longest name of a directory, in bytes (`NAME_MAX`).
const LONGEST: usize = 255;

/// Where a volume is mounted.
///
/// # Errors
/// Why the name can't be a volume's.
pub fn target(name: &str) -> Result<String, String> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let mut bytes = name.bytes();
    let fits = bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric() || first == b'_')
        && bytes.all(word);
    if !fits {
        return Err(format!(
            "a volume's name has letters, digits and _ . - and does not begin with . or -; found {name:?}"
        ));
    }
    if name.len() > LONGEST {
        return Err(format!(
            "a volume's name has at most {LONGEST} bytes; found {}",
            name.len()
        ));
    }
    Ok(format!("{DIRECTORY}/{name}"))
}

/// What is mounted, from the options of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device<'a> {
    /// `efs` or `s3files`.
    pub fs_type: &'a str,
    /// For `mount -o`.
    pub options: Option<&'a str>,
    /// For example `fs-0123456789abcdef0:/`.
    pub device: &'a str,
}

/// Reads the options `type`, `o` and `device`, as the agent gives them; others are for nobody.
///
/// # Errors
/// What is missing or not known.
pub fn device(options: &BTreeMap<String, String>) -> Result<Device<'_>, String> {
    let option = |key: &str| {
        options
            .get(key)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    };
    let fs_type = option("type").unwrap_or(TYPES[0]);
    if !TYPES.contains(&fs_type) {
        return Err(format!(
            "the option type is one of {}; found {fs_type:?}",
            TYPES.join(", ")
        ));
    }
    let Some(device) = option("device") else {
        return Err("the option device is missing, for example fs-0123456789abcdef0:/".to_owned());
    };
    if device.starts_with('-') {
        return Err(format!(
            "the option device does not begin with -; found {device:?}"
        ));
    }
    Ok(Device {
        fs_type,
        options: option("o"),
        device,
    })
}

/// The target that a volume is created with: the one of its name. Another can't be asked for: whoever may talk to Docker
/// could mount over any directory of the host.
///
/// # Errors
/// Why it can't be had.
pub fn target_for(name: &str, options: &BTreeMap<String, String>) -> Result<String, String> {
    let own = target(name)?;
    match options.get("target").map(String::as_str) {
        None | Some("") => Ok(own),
        Some(asked) if asked == own => Ok(own),
        Some(asked) => Err(format!(
            "a volume is mounted at {own}; leave out the option target, found {asked:?}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let long = "x".repeat(256);
        for name in [
            "", ".", "..", "../x", "a/b", "/etc", "a/../b", "a\0b", "a\nb", "-x", ".x", "a b", "ä",
            &long, "..\\x", "%2e%2e", "a/", "~",
        ] {
            assert!(target(name).is_err(), "{name:?}");
        }
        for name in [
            "a",
            "ecs-web-3-my_files-8cf7c7a5ee86b2c4f101",
            "_x",
            "a..b",
            &"x".repeat(255),
        ] {
            assert_eq!(target(name).unwrap(), format!("{DIRECTORY}/{name}"));
        }
    }

    #[test]
    fn options_are_those_of_the_agent() {
        let options = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let owned = pairs
                .iter()
                .map(|(key, value)| (String::from(*key), String::from(*value)));
            owned.collect()
        };
        let all = options(&[("type", "s3files"), ("o", "tls,iam"), ("device", "fs-1:/")]);
        assert_eq!(
            device(&all).unwrap(),
            Device {
                fs_type: "s3files",
                options: Some("tls,iam"),
                device: "fs-1:/"
            }
        );
        let least = options(&[("device", "fs-1:/"), ("o", "")]);
        let found = device(&least).unwrap();
        assert_eq!((found.fs_type, found.options), ("efs", None));
        for bad in [
            options(&[]),
            options(&[("device", "")]),
            options(&[("device", "--bind")]),
            options(&[("device", "fs-1:/"), ("type", "ext4")]),
            options(&[("device", "fs-1:/"), ("type", "../efs")]),
        ] {
            assert!(device(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_target_is_that_of_the_name() {
        let with = |target: &str| BTreeMap::from([("target".to_owned(), target.to_owned())]);
        let own = format!("{DIRECTORY}/a");
        for options in [BTreeMap::new(), with(""), with(&own)] {
            assert_eq!(target_for("a", &options).unwrap(), own);
        }
        for elsewhere in ["/etc", &format!("{DIRECTORY}/b"), &format!("{own}/../b")] {
            assert!(target_for("a", &with(elsewhere)).is_err());
        }
    }
}
