//! Leaves the unwind tables out of a program that never unwinds: they are an eighth of it. Cargo.toml has it abort on a
//! panic, but the compiler writes the tables for the standard library's sake, and no option of its own prevents it.

use std::path::Path;
use std::{env, fs, io};

/// For GNU ld and LLVM's linker, in addition to their own script.
const WITHOUT_UNWIND_TABLES: &str = "\
SECTIONS { /DISCARD/ : { *(.eh_frame .eh_frame_hdr .gcc_except_table .gcc_except_table.*) } } INSERT AFTER .text;
";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    // The profiles that come from `release` abort on a panic; CARGO_CFG_PANIC does not know of profiles.
    let aborts = is("PROFILE", "release");
    // Other linkers know no such scripts.
    let another_linker =
        env::var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| flags.contains("-fuse-ld="));
    if aborts && is("CARGO_CFG_TARGET_OS", "linux") && !another_linker {
        let directory = env::var("OUT_DIR").map_err(io::Error::other)?;
        let script = Path::new(&directory).join("without-unwind-tables.ld");
        fs::write(&script, WITHOUT_UNWIND_TABLES)?;
        println!(
            "cargo::rustc-link-arg-bin=ecs-nanny=-Wl,-T,{}",
            script.display()
        );
    }
    Ok(())
}
