//! Kernel parameters, read and written as files under `/proc/sys`.

use std::fs::OpenOptions;
use std::io::{self, Write};

use super::files::Root;

/// Directories of one directory an interface, whose names may hold dots.
const INTERFACES: [&str; 4] = [
    "net.ipv4.conf.",
    "net.ipv4.neigh.",
    "net.ipv6.conf.",
    "net.ipv6.neigh.",
];

/// The value of a parameter; `None` where the kernel has no such parameter.
///
/// # Errors
/// `InvalidInput` for a key that names no file, otherwise those of reading.
pub fn read(root: &Root, key: &str) -> io::Result<Option<String>> {
    let file = root.read_if_present(&path(key)?)?;
    Ok(file.map(|file| String::from_utf8_lossy(&file.bytes).trim().to_owned()))
}

/// Sets a parameter that exists.
///
/// # Errors
/// `InvalidInput` for a key that names no file, otherwise those of opening and writing.
pub fn write(root: &Root, key: &str, value: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(root.path(&path(key)?))?;
    // One write: the kernel takes each write as a value.
    file.write_all(format!("{value}\n").as_bytes())
}

/// True when two values are the same to the kernel, which separates fields by tabs or spaces.
pub fn same(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

/// The file of a key. Dots separate, and `/` stands for a dot inside a name, as in sysctl(8); the dots in the name of an
/// interface are its own however they are written.
fn path(key: &str) -> io::Result<String> {
    let key = slash_interface(key).unwrap_or_else(|| key.to_owned());
    let parts: Vec<String> = key.split('.').map(|part| part.replace('/', ".")).collect();
    let names_a_file = |part: &String| !matches!(part.as_str(), "" | "." | "..");
    if parts.len() < 2 || !parts.iter().all(names_a_file) || key.contains('\0') {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{key:?} is not the name of a kernel parameter"),
        ));
    }
    Ok(format!("/proc/sys/{}", parts.join("/")))
}

fn slash_interface(key: &str) -> Option<String> {
    let prefix = INTERFACES.iter().find(|prefix| key.starts_with(*prefix))?;
    let (name, parameter) = key.strip_prefix(prefix)?.rsplit_once('.')?;
    Some(format!("{prefix}{}.{parameter}", name.replace('.', "/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_in_the_name_of_an_interface_are_kept() {
        for (key, file) in [
            ("vm.swappiness", "/proc/sys/vm/swappiness"),
            (
                "net.ipv4.conf.eth0.100.route_localnet",
                "/proc/sys/net/ipv4/conf/eth0.100/route_localnet",
            ),
            (
                "net.ipv6.conf.eth0/100.accept_ra",
                "/proc/sys/net/ipv6/conf/eth0.100/accept_ra",
            ),
            (
                "net.ipv4.ip_local_reserved_ports",
                "/proc/sys/net/ipv4/ip_local_reserved_ports",
            ),
        ] {
            assert_eq!(path(key).unwrap(), file);
        }
    }

    #[test]
    fn no_key_leaves_the_directory() {
        for key in [
            "",
            "vm",
            "vm..swappiness",
            "net.//.passwd",
            "net.ipv4.conf.//.x",
        ] {
            let error = path(key).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{key}");
        }
    }

    #[test]
    fn an_absent_parameter_is_not_made() {
        let tree = tempfile::tempdir().unwrap();
        let root = Root::at(tree.path());
        let error = write(&root, "vm.swappiness", "1").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(read(&root, "vm.swappiness").unwrap(), None);
    }

    #[test]
    fn written_values_are_read_back() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tree.path().join("proc/sys/vm")).unwrap();
        std::fs::write(tree.path().join("proc/sys/vm/swappiness"), "100\n").unwrap();
        let root = Root::at(tree.path());
        write(&root, "vm.swappiness", "7").unwrap();
        assert_eq!(read(&root, "vm.swappiness").unwrap().as_deref(), Some("7"));
    }

    #[test]
    fn white_space_does_not_make_a_difference() {
        assert!(same("32768\t60999", "32768 60999"));
        assert!(!same("0", "1"));
    }
}
