//! How a release is linked for Linux. Nobody catches a panic there, so what only unwinding reads is left out, and the
//! places that depend on where the program is loaded are kept as a bitmap. Together that is an eighth of the file.

use std::path::Path;
use std::{env, fs, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=release.ld");
    let is = |name: &str, word: &str| {
        env::var(name).is_ok_and(|value| value.split(',').any(|it| it == word))
    };
    let is_static = is("CARGO_CFG_TARGET_FEATURE", "crt-static");
    if !is("PROFILE", "release") || !is("CARGO_CFG_TARGET_OS", "linux") || !is_static {
        return;
    }
    let script = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("release.ld");
    println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr,-T,{}", script.display());
    if is("CARGO_CFG_TARGET_ENV", "gnu") && env::var("HOST") == env::var("TARGET") && knows_relr() {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// Whether a program of this machine's static C library finds its way through such a bitmap when it begins: since 2.36.
fn knows_relr() -> bool {
    let told = Command::new("cc").arg("-print-file-name=libc.a").output();
    let path = told.ok().and_then(|told| String::from_utf8(told.stdout).ok()).unwrap_or_default();
    let library = fs::read(path.trim()).unwrap_or_default();
    let words = b"GNU C Library ";
    let said = library.windows(words.len()).position(|window| window == words);
    let line = said.map(|at| String::from_utf8_lossy(&library[at..library.len().min(at + 120)]));
    let minor =
        line.as_deref().and_then(|line| line.split_once("version 2.")?.1.get(..2)?.parse().ok());
    minor.is_some_and(|minor: u32| minor >= 36)
}
