//! Rules that the source tree keeps.

use std::path::{Path, PathBuf};

use crate::harness::package;

fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(directory).expect("readable").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

fn all() -> Vec<(PathBuf, String)> {
    let root = package();
    let files: Vec<PathBuf> =
        ["src", "tests/it", "tests/fuzz/targets", "benches"].iter().flat_map(|part| sources(&root.join(part))).collect();
    assert!(files.len() > 50, "the tree was found");
    files.into_iter().map(|path| (path.clone(), fs_err::read_to_string(path).expect("text"))).collect()
}

#[test]
fn every_file_says_what_it_is_for_and_has_one_job() {
    for (path, text) in all() {
        let name = path.display();
        assert!(text.starts_with("//! "), "{name} does not open with its purpose");
        assert!(text.lines().count() <= 500, "{name} has outgrown one job");
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        assert!(!["utils", "util", "helpers", "common", "imp", "misc"].contains(&stem), "{name} says nothing by its name");
    }
}

#[test]
fn only_the_command_line_prints_or_reads_the_environment() {
    for (path, text) in all() {
        let inside = path.components().any(|part| part.as_os_str() == "src");
        let free = path.components().any(|part| part.as_os_str() == "cli") || path.ends_with("src/build.rs");
        if inside && !free {
            for word in ["println!(", "print!(", "std::env::", "process::exit", "io::stdout()", "io::stderr()"] {
                assert!(!text.contains(word), "{} uses {word}", path.display());
            }
        }
    }
}

/// Each room with the rooms that it may use: those on its own floor or below, without circles.
const MAY_USE: [(&str, &[&str]); 20] = [
    ("pipeline", &[]),
    ("guide", &[]),
    ("oai", &[]),
    ("rdf", &["oai"]),
    ("config", &["oai", "rdf"]),
    ("log", &["config", "oai", "rdf"]),
    ("data_dir", &["log", "store"]),
    ("views", &["log", "oai", "pipeline", "rdf", "store"]),
    ("store", &["config", "log", "pipeline", "views"]),
    ("links", &["log", "rdf", "views"]),
    ("quarantine", &["log", "views"]),
    ("query", &["rdf", "store"]),
    ("search", &["log", "rdf", "views"]),
    ("export", &["log", "pipeline", "quarantine", "query", "rdf", "views"]),
    ("mirror", &["config", "data_dir", "links", "log", "pipeline", "quarantine", "search", "store", "views"]),
    ("figures", &["log", "quarantine", "store"]),
    ("backup", &["data_dir", "log", "store"]),
    ("verify", &["links", "log", "mirror", "pipeline", "quarantine", "rdf", "search", "store", "views"]),
    ("harvest", &["config", "log", "mirror", "oai", "quarantine", "rdf"]),
    (
        "serve",
        &[
            "config",
            "data_dir",
            "export",
            "figures",
            "guide",
            "harvest",
            "links",
            "log",
            "mirror",
            "quarantine",
            "query",
            "rdf",
            "search",
            "store",
            "views",
        ],
    ),
];

#[test]
fn a_room_uses_only_the_rooms_below_it() {
    let source = package().join("src");
    for (path, text) in all() {
        let Ok(inner) = path.strip_prefix(&source) else { continue };
        let room = inner.components().next().and_then(|part| part.as_os_str().to_str()).expect("a name").trim_end_matches(".rs");
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == room) else { continue };
        for line in text.lines().filter(|line| line.contains("crate::")) {
            for used in line.split("crate::").skip(1) {
                let used: String = used.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                assert!(
                    used.is_empty() || used == room || allowed.contains(&used.as_str()),
                    "{} uses {used}: {line}",
                    path.display()
                );
            }
        }
    }
}
