//! Rules that the source tree keeps.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::arrows::{Arrow, arrows, circle, room};
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
const MAY_USE: [(&str, &[&str]); 31] = [
    ("build", &[]),
    ("pipeline", &[]),
    ("guide", &[]),
    ("oai", &[]),
    ("emm", &["oai"]),
    ("rdf", &["oai"]),
    ("config", &["oai", "rdf"]),
    ("log", &["config", "oai", "rdf"]),
    ("views", &["config", "log", "oai", "pipeline", "rdf"]),
    ("snapshots", &["log", "views"]),
    ("store", &["config", "log", "pipeline", "rdf", "snapshots", "views"]),
    ("index", &["config", "log", "pipeline", "rdf", "snapshots", "views"]),
    ("links", &["log", "rdf", "views"]),
    ("labels", &["log", "rdf", "views"]),
    ("citation", &["labels", "log", "rdf", "search"]),
    ("quarantine", &["log", "views"]),
    ("query", &["index", "labels", "log", "rdf", "snapshots"]),
    ("search", &["links", "log", "rdf", "views"]),
    ("data_dir", &["index", "log", "search", "snapshots", "store"]),
    ("export", &["config", "links", "log", "pipeline", "quarantine", "query", "rdf", "snapshots", "views"]),
    ("mirror", &["config", "data_dir", "index", "labels", "links", "log", "quarantine", "search", "snapshots", "store", "views"]),
    ("figures", &["log", "mirror", "quarantine", "remote", "snapshots", "views"]),
    ("backup", &["data_dir", "index", "log", "search", "snapshots", "store"]),
    ("verify", &["log", "mirror", "pipeline", "views"]),
    ("harvest", &["config", "emm", "log", "mirror", "oai", "quarantine", "rdf", "stop", "views"]),
    ("demo", &["oai", "rdf"]),
    (
        "serve",
        &[
            "citation",
            "config",
            "data_dir",
            "emm",
            "export",
            "figures",
            "guide",
            "harvest",
            "labels",
            "links",
            "log",
            "mirror",
            "oai",
            "quarantine",
            "query",
            "rdf",
            "remote",
            "search",
            "snapshots",
            "stop",
            "views",
        ],
    ),
    ("stop", &[]),
    ("publish", &["config", "data_dir", "export", "log", "snapshots", "stop"]),
    ("remote", &["config", "data_dir", "export", "index", "log", "pipeline", "query", "rdf", "snapshots", "stop", "views"]),
    (
        "cli",
        &[
            "backup",
            "citation",
            "config",
            "data_dir",
            "demo",
            "export",
            "figures",
            "guide",
            "harvest",
            "index",
            "labels",
            "links",
            "log",
            "mirror",
            "oai",
            "publish",
            "quarantine",
            "query",
            "rdf",
            "remote",
            "search",
            "serve",
            "snapshots",
            "stop",
            "store",
            "verify",
            "views",
        ],
    ),
];

/// The files below `src` with their texts, named without `.rs`; without the roots of the two crates.
fn below_src() -> Vec<(String, String)> {
    let source = package().join("src");
    let name = |path: &Path| Some(path.strip_prefix(&source).ok()?.with_extension("").to_str()?.to_owned());
    let files = all().into_iter().filter_map(|(path, text)| Some((name(&path)?, text)));
    files.filter(|(name, _)| !["lib", "main"].contains(&name.as_str())).collect()
}

#[test]
fn no_file_uses_one_that_uses_it() {
    let arrows = arrows(&below_src());
    assert!(arrows.len() > 300, "the arrows were found: {}", arrows.len());
    if let Some(circle) = circle(&arrows) {
        panic!("a circle of files: {}", circle.join(" -> "));
    }
}

#[test]
fn a_room_uses_only_the_rooms_below_it() {
    let files = below_src();
    let rooms: BTreeSet<&str> = files.iter().map(|(name, _)| room(name)).collect();
    let listed: BTreeSet<&str> = MAY_USE.iter().map(|(name, _)| *name).collect();
    assert_eq!(rooms, listed, "every room is listed with the rooms that it may use");
    for (from, to) in arrows(&files) {
        let (_, allowed) = MAY_USE.iter().find(|(name, _)| *name == room(&from)).expect("listed");
        let (from_room, to_room) = (room(&from), room(&to));
        assert!(from_room == to_room || allowed.contains(&to_room), "{from} uses {to}, which is not below it");
    }
    if let Some(circle) = circle(&may_use()) {
        panic!("a circle of rooms: {}", circle.join(" -> "));
    }
}

/// The arrows of `MAY_USE`.
fn may_use() -> BTreeSet<Arrow> {
    MAY_USE.iter().flat_map(|(from, all)| all.iter().map(|to| ((*from).to_owned(), (*to).to_owned()))).collect()
}

/// The rooms of the table in the documentation of the crate, each with its floor, in the order of the table.
fn floors(text: &str) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for line in text.lines() {
        let Some((floor, rooms)) = line.strip_prefix("//! |").and_then(|row| row.split_once('|')) else { continue };
        let Ok(floor) = floor.trim().parse() else { continue };
        // A room is a link: [`log`], or [`config`](mod@config).
        let names = rooms.split("[`").skip(1).filter_map(|rest| rest.split_once("`]").map(|(name, _)| name.to_owned()));
        found.extend(names.map(|name| (name, floor)));
    }
    found
}

#[test]
fn each_room_stands_on_one_floor_and_uses_none_above_it() {
    let text = fs_err::read_to_string(package().join("src/lib.rs")).expect("text");
    let floors = floors(&text);
    let mut standing: Vec<&str> = floors.iter().map(|(name, _)| name.as_str()).collect();
    standing.sort_unstable();
    // `build` is the build script, and no room of the crate.
    let mut rooms: Vec<&str> = MAY_USE.iter().map(|(name, _)| *name).filter(|name| *name != "build").collect();
    rooms.sort_unstable();
    assert_eq!(standing, rooms, "each room stands on exactly one floor of the table in src/lib.rs");
    let floor = |room: &str| floors.iter().find(|(name, _)| name == room).map(|(_, floor)| *floor).expect("a floor");
    let up = may_use().into_iter().filter(|(from, to)| floor(to) > floor(from));
    let up: Vec<String> =
        up.map(|(from, to)| format!("{from} (floor {}) -> {to} (floor {})", floor(&from), floor(&to))).collect();
    assert!(up.is_empty(), "arrows that go up: {}", up.join(", "));
}
