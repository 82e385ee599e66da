//! Has the optimised program laid out by `link.ld`, which says why.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=link.ld");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    // The profiles that come from `release` abort on a panic; CARGO_CFG_PANIC does not know of profiles.
    let aborts = is("PROFILE", "release");
    // Linkers other than the usual ones know no such scripts.
    let another_linker =
        env::var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| flags.contains("-fuse-ld="));
    if aborts && is("CARGO_CFG_TARGET_OS", "linux") && !another_linker {
        println!(
            "cargo::rustc-link-arg-bin=ecs-nanny=-Wl,-T,{}/link.ld",
            env!("CARGO_MANIFEST_DIR")
        );
    }
}
