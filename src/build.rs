//! The build script: says at once what `RocksDB`'s bindings would miss only after minutes of compiling.
//!
//! Cargo may have started `RocksDB` by then, and waits for what it started.

use std::path::{Path, PathBuf};
use std::process::{Command, exit};

/// Where the `clang-sys` crate looks on Linux, `*` standing for any one name.
const PLACES: [&str; 8] = [
    "/usr/lib/llvm-*/lib",
    "/usr/lib/llvm/*/lib64",
    "/usr/lib/*-linux-gnu",
    "/usr/lib64",
    "/usr/lib64/llvm*/lib64",
    "/usr/lib",
    "/usr/local/lib",
    "/usr/local/llvm*/lib",
];

#[expect(clippy::print_stderr, reason = "a build script talks so")]
fn main() {
    println!("cargo:rerun-if-changed=src/build.rs");
    println!("cargo:rerun-if-env-changed=LIBCLANG_PATH");
    if !cfg!(target_os = "linux") || std::env::var_os("CARGO_FEATURE_ROCKSDB").is_none() {
        return;
    }
    let named = std::env::var_os("LIBCLANG_PATH").map(PathBuf::from);
    let told = Command::new("llvm-config")
        .arg("--libdir")
        .output()
        .ok()
        .map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let searched = PLACES.iter().flat_map(|place| expand(place));
    if !named.into_iter().chain(told).chain(searched).any(|place| holds_libclang(&place)) {
        eprintln!("libclang was not found, and RocksDB's bindings cannot be made without it.");
        eprintln!("Install it first: apt-get install -y libclang-dev (Debian, Ubuntu) or dnf install clang-devel (Fedora),");
        eprintln!("or set LIBCLANG_PATH to the directory that holds libclang.so.");
        exit(1);
    }
}

fn is_libclang(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    // libclang-cpp, the C++ library, is of no use here.
    !name.starts_with("libclang-cpp")
        && (name.starts_with("libclang.so") || (name.starts_with("libclang-") && name.contains(".so")))
        && path.is_file()
}

fn holds_libclang(place: &Path) -> bool {
    is_libclang(place)
        || place.read_dir().is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(|entry| is_libclang(&entry.path()))))
}

fn expand(pattern: &str) -> Vec<PathBuf> {
    pattern.split('/').skip(1).fold(vec![PathBuf::from("/")], |found, part| match part.split_once('*') {
        None => found.into_iter().map(|path| path.join(part)).collect(),
        Some((before, after)) => found
            .iter()
            .filter_map(|path| path.read_dir().ok())
            .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
            .filter(|path| {
                path.file_name()
                    .and_then(|name| name.to_str())
                    .is_some_and(|name| name.starts_with(before) && name.ends_with(after))
            })
            .collect(),
    })
}
