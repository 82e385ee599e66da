//! The kernel and the processor.

use std::fs::File;
use std::io::{self, Read};

use crate::facts::Fact;
use crate::facts::kernel::installed;
use crate::host::files::Root;

use super::text;

/// The running kernel's release; in an unbooted tree the newest kernel that is installed.
pub fn kernel_release(root: &Root) -> Fact<String> {
    match text(root, "/proc/sys/kernel/osrelease") {
        Ok(release) => Fact::Known(release.trim().to_owned()),
        Err(why) if root.is_host() => Fact::Unreadable(why),
        Err(_) => installed(root).pop().map_or_else(
            || Fact::Unreadable("no kernel is installed in /lib/modules".to_owned()),
            Fact::Known,
        ),
    }
}

/// The machine in the kernel's words.
pub fn machine(root: &Root) -> Fact<String> {
    if root.is_host() {
        return nix::sys::utsname::uname()
            .map(|names| names.machine().to_string_lossy().into_owned())
            .into();
    }
    // Linux >= 6.1 (Documentation/admin-guide/sysctl/kernel.rst, "arch").
    if let Some(machine) = root.line("/proc/sys/kernel/arch") {
        return Fact::Known(machine);
    }
    machine_of_programs(root)
}

/// Programs of any Linux system, the first that is there is read.
const PROGRAMS: &[&str] = &[
    "/usr/bin/env",
    "/bin/ls",
    "/usr/lib/systemd/systemd",
    "/lib/systemd/systemd",
    "/bin/sh",
];

fn machine_of_programs(root: &Root) -> Fact<String> {
    for program in PROGRAMS {
        match elf_machine(root, program) {
            Ok(machine) => return Fact::Known(machine),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Fact::Unreadable(format!("{program}: {error}")),
        }
    }
    Fact::Unreadable(format!("none of {} is in this tree", PROGRAMS.join(", ")))
}

/// `e_machine` of an ELF header (elf(5)) in the kernel's words.
fn elf_machine(root: &Root, program: &str) -> io::Result<String> {
    let not_elf = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut header = [0_u8; 20];
    File::open(root.path(program))?
        .read_exact(&mut header)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => not_elf("shorter than an ELF header"),
            _ => error,
        })?;
    let [0x7f, b'E', b'L', b'F', class, order, ..] = header else {
        return Err(not_elf("not an ELF program"));
    };
    let field = [header[18], header[19]];
    let machine = match order {
        1 => u16::from_le_bytes(field),
        2 => u16::from_be_bytes(field),
        _ => return Err(not_elf("an ELF program of unknown byte order")),
    };
    Ok(match (machine, class) {
        (62, 2) => "x86_64".to_owned(),
        (183, 2) => "aarch64".to_owned(),
        (3, _) => "i686".to_owned(),
        (40, _) => "armv7l".to_owned(),
        (other, class) => format!("ELF machine {other}, {}-bit", u16::from(class) * 32),
    })
}

/// The `hypervisor` flag of `/proc/cpuinfo`.
pub fn hypervisor_flag(root: &Root) -> Fact<bool> {
    let text = match text(root, "/proc/cpuinfo") {
        Ok(text) => text,
        Err(why) => return Fact::Unreadable(why),
    };
    match text.lines().find(|line| line.starts_with("flags")) {
        Some(flags) => Fact::Known(flags.split_whitespace().any(|flag| flag == "hypervisor")),
        None => Fact::Unreadable("/proc/cpuinfo has no flags: not an x86 processor".to_owned()),
    }
}
