//! Restores: killed at any moment, completed by the next writer, and refused to those who may only read.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::crashes::{KILLS, Numbers, copy};
use crate::harness::{Bench, Done, setting};

#[test]
fn a_restore_that_is_killed_is_completed_or_was_never_begun() {
    let bench = Bench::new(4000);
    bench.harvest("all", None, &[]);
    let (backup, at_backup) = (bench.path().join("backup"), bench.contents());
    let name = backup.to_str().expect("text");
    bench.run(&["backup", name]).expect(0);
    bench.state().with_catalogue(|catalogue| catalogue.update(&(0..50).collect::<Vec<_>>(), chrono::Utc::now()));
    let seed = setting("LIBRIS_MIRROR_SEED").unwrap_or(20_261_125);
    let mut numbers = Numbers(seed);
    let started = std::time::Instant::now();
    bench.run(&["restore", name, "--force"]).expect(0);
    let usual = u64::try_from(started.elapsed().as_millis()).expect("short");
    let (mut killed, mut completed) = (0, 0);
    while killed < setting("LIBRIS_MIRROR_KILLS").unwrap_or(KILLS) {
        // In turn over a mirror, and into an empty directory.
        let empty = killed % 2 == 0;
        if empty {
            fs_err::remove_dir_all(bench.data()).expect("removed");
        }
        let words = [&["restore", name][..], if empty { &[] } else { &["--force"] }].concat();
        let mut child = bench.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(numbers.below(usual)));
        if child.try_wait().expect("a child").is_some() {
            continue;
        }
        child.kill().expect("SIGKILL");
        child.wait().expect("a child");
        killed += 1;
        if numbers.below(2) == 0 {
            let again = bench.run(&words);
            // It may have been killed after it was done.
            assert!(again.code == Some(0) || empty && again.stderr.contains("holds a mirror"), "{}", again.stderr);
            assert_eq!(bench.contents(), at_backup, "seed {seed}, kill {killed}: the same command again");
        } else {
            // A harvest by cron comes first: it completes the restore, or begins a new mirror.
            let ready = bench.data().join("incoming/ready.json").exists();
            let summary = bench.harvest("all", None, &[]);
            completed += u64::from(ready);
            assert!(!ready || summary["created"] == 0, "seed {seed}, kill {killed}: {summary}");
            assert!(empty || summary["created"] == 0, "a mirror that was there is there: {summary}");
        }
        bench.run(&["verify"]).expect(0);
        for entry in fs_err::read_dir(bench.data()).expect("there").flatten() {
            if entry.file_name().to_string_lossy().starts_with("replaced-") {
                fs_err::remove_dir_all(entry.path()).expect("removed");
            }
        }
    }
    eprintln!("seed {seed}: {killed} kills in {usual} ms, {completed} completed by a harvest");
}

#[test]
fn a_restore_that_was_killed_is_completed_by_whatever_writes_next() {
    let bench = Bench::new(400);
    bench.harvest("all", None, &[]);
    let at_backup = bench.contents();
    bench.run(&["backup", "backup"]).expect(0);
    for words in [
        &["publish"][..],
        &["compact"],
        &["rebuild", "search"],
        &["rebuild", "store"],
        &["verify"],
        &["audit"],
        &["quarantine", "--retry"],
    ] {
        bench.state().with_catalogue(|catalogue| catalogue.update(&[1, 2, 3], chrono::Utc::now()));
        bench.harvest("all", None, &[]);
        assert!(bench.contents() != at_backup);
        // The state in which the new parts are ready, and nothing was moved yet.
        let incoming = bench.data().join("incoming");
        fs_err::create_dir(&incoming).expect("made");
        fs_err::copy(bench.path().join("backup/mirror.db"), incoming.join("mirror.db")).expect("copied");
        copy(&bench.path().join("backup/index"), &incoming.join("index"));
        let exchange = format!(r#"{{"from": "/elsewhere", "aside": "replaced-{}"}}"#, words.join("-"));
        fs_err::write(incoming.join("ready.json"), exchange).expect("written");
        let reader = bench.run(&["status"]).expect(1);
        assert!(reader.stderr.contains("was interrupted") && reader.stderr.contains("run it again"), "{}", reader.stderr);
        let done = bench.run(words);
        // An audit finds that the mirror is older than its source.
        assert!(done.code == Some(0) || words == ["audit"] && done.code == Some(1), "{words:?}: {}", done.stderr);
        assert!(done.stderr.contains("the interrupted restore from /elsewhere is now complete"), "{}", done.stderr);
        assert!(!incoming.exists() && bench.data().join(format!("replaced-{}/mirror.db", words.join("-"))).exists());
        assert_eq!(bench.contents(), at_backup, "{words:?}");
    }
    for inside in ["mirror/incoming", "mirror/snapshots/000099"] {
        assert!(bench.run(&["backup", inside]).expect(1).stderr.contains("inside the data directory of the mirror"), "{inside}");
    }
}

#[test]
fn a_backup_is_put_back_by_someone_who_may_only_read_it() {
    let bench = Bench::new(100);
    bench.harvest("all", None, &[]);
    bench.run(&["backup", "backup"]).expect(0);
    let backup = bench.path().join("backup");
    for name in ["mirror.db-wal", "mirror.db-shm"] {
        assert!(!backup.join(name).exists());
    }
    // The superuser may write whatever the modes say: as nobody, if this is the superuser.
    let other = bench.beside();
    let modes = |path: &Path, mode: u32| {
        use std::os::unix::fs::PermissionsExt;
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("set");
    };
    modes(bench.path(), 0o755);
    modes(other.path(), 0o777);
    modes(&backup, 0o555);
    modes(&backup.join("mirror.db"), 0o444);
    let restore = other.command(&["restore", backup.to_str().expect("text")]);
    let output = if std::os::unix::fs::chown(other.path(), Some(65534), Some(65534)).is_ok() {
        let mut as_nobody = Command::new("setpriv");
        as_nobody
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
            .arg(restore.get_program())
            .args(restore.get_args());
        as_nobody.env_clear().envs(restore.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(other.path());
        as_nobody.output().expect("setpriv")
    } else {
        let mut restore = restore;
        restore.output().expect("the binary starts")
    };
    Done::of("restore".into(), &output).expect(0);
    modes(&backup, 0o755);
    assert_eq!(other.contents(), bench.contents());
}
