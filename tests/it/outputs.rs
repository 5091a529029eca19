//! Output files: regular files are replaced, devices and pipes are written to directly.

use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::harness::Bench;

fn mirror() -> (Bench, String) {
    let bench = Bench::new(60);
    bench.harvest("all", None, &[]);
    let dump = bench.run(&["export"]).ok();
    assert!(dump.lines().count() > 1000);
    (bench, dump)
}

/// Returns the names in a folder, without the mirror.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs_err::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("text"))
        .filter(|name| name != "mirror")
        .collect();
    names.sort();
    names
}

#[test]
fn a_pipe_is_written_through_to() {
    let (bench, dump) = mirror();
    let pipe = bench.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs_err::read_to_string(pipe).expect("what comes through")
    });
    bench.run(&["export", "--format", "nt", "-o", "pipe"]).expect(0);
    assert_eq!(reader.join().expect("it read"), dump);
    assert!(fs_err::metadata(&pipe).expect("there").file_type().is_fifo());

    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs_err::read_to_string(pipe).expect("what comes through")
    });
    bench.run(&bench.harvest_words("all", None, &["--metrics", "pipe"])).expect(0);
    assert!(reader.join().expect("it read").contains("libris_mirror_"));
    assert_eq!(names(bench.path()), ["pipe"]);
}

#[test]
fn a_device_stays_a_device() {
    let (bench, dump) = mirror();
    // Only the superuser can create devices, but anyone can link to one.
    let device = bench.path().join("full");
    let made = Command::new("mknod").arg(&device).args(["c", "1", "7"]).output().expect("mknod").status.success();
    if !made {
        symlink("/dev/full", &device).expect("a link");
    }
    let done = bench.run(&["export", "-o", "full"]).expect(1);
    assert!(done.stderr.contains("full"), "{}", done.stderr);
    assert!(fs_err::metadata(&device).expect("there").file_type().is_char_device());
    assert_eq!(fs_err::symlink_metadata(&device).expect("there").is_symlink(), !made);
    assert_eq!(names(bench.path()), ["full"]);
    let through = bench.run(&["export", "--format", "nt", "-o", "/dev/stdout"]);
    assert_eq!(through.expect(0).stdout, dump);
}

#[test]
fn links_are_followed_and_stay() {
    let (bench, dump) = mirror();
    fs_err::create_dir(bench.path().join("elsewhere")).expect("made");
    fs_err::write(bench.path().join("elsewhere/old.nt"), "old").expect("written");
    symlink("elsewhere/old.nt", bench.path().join("known.nt")).expect("a link");
    symlink("elsewhere/new.nt", bench.path().join("dangling.nt")).expect("a link");
    for name in ["known.nt", "dangling.nt"] {
        bench.run(&["export", "-o", name]).expect(0);
        assert!(fs_err::symlink_metadata(bench.path().join(name)).expect("there").is_symlink(), "{name}");
        assert_eq!(fs_err::read_to_string(bench.path().join(name)).expect("there"), dump, "{name}");
    }
    assert_eq!(names(&bench.path().join("elsewhere")), ["new.nt", "old.nt"]);
    symlink("circle.nt", bench.path().join("circle.nt")).expect("a link");
    assert!(bench.run(&["export", "-o", "circle.nt"]).expect(1).stderr.contains("circle.nt"));
    assert!(bench.run(&["export", "-o", "circle.nt"]).expect(1).stderr.contains("is a circle of symbolic links"));
    for directory in ["elsewhere", "new.nt/"] {
        assert!(bench.run(&["export", "-o", directory]).expect(1).stderr.contains("is a directory"), "{directory}");
    }
    let nowhere = bench.run(&["export", "-o", "nodir/x.nt"]).expect(1);
    assert!(nowhere.stderr.contains("the folder nodir does not exist") && nowhere.stderr.contains("hint:"), "{}", nowhere.stderr);
    assert!(bench.run(&["export", "-o", "/dev/fd/99"]).expect(1).stderr.contains("is not open"));
    assert!(bench.run(&["export", "-o", "dump.nt.bz2"]).expect(2).stderr.contains("--compress"));
}

#[test]
fn a_file_that_is_replaced_keeps_its_mode_and_its_owner() {
    let (bench, dump) = mirror();
    for (name, words) in [
        ("dump.nt", vec!["export", "-o", "dump.nt"]),
        ("figures.prom", bench.harvest_words("all", None, &["--metrics", "figures.prom"])),
    ] {
        let path = bench.path().join(name);
        fs_err::write(&path, "old").expect("written");
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("set");
        // Only the superuser can change the owner of a file.
        let given = std::os::unix::fs::chown(&path, Some(12345), Some(12345)).is_ok();
        let before = fs_err::metadata(&path).expect("there");
        bench.run(&words).expect(0);
        let after = fs_err::metadata(&path).expect("there");
        assert_eq!((after.mode(), after.uid(), after.gid()), (before.mode(), before.uid(), before.gid()), "{name}, {given}");
        assert_ne!(after.ino(), before.ino(), "{name} appears whole");
    }
    assert_eq!(fs_err::read_to_string(bench.path().join("dump.nt")).expect("there"), dump);
}
