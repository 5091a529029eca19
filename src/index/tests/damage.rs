//! Files that were altered, cut off, or written wrongly.

use super::super::{IndexError, mapped, segment, soundness};
use super::*;

/// All that a reader of a directory sees, or why it cannot.
fn read_all(directory: &std::path::Path, names: &[NamedNode]) -> Result<Vec<Quad>, IndexError> {
    let index = Index::open(directory)?;
    let mut quads = Vec::new();
    for graph in names {
        quads.extend(index.quads(graph)?);
    }
    // Every other way to the rows.
    for found in Scan::new(&index, Pattern::default())? {
        let found = found?;
        for pattern in [
            Pattern { object: Some(found.object), ..Pattern::default() },
            Pattern { predicate: Some(found.predicate), ..Pattern::default() },
            Pattern { subject: Some(found.subject), predicate: Some(found.predicate), object: Some(found.object), graph: None },
        ] {
            Scan::new(&index, pattern)?.try_for_each(|found| found.map(|_| ()))?;
        }
        index.node(found.object)?;
    }
    for (term, _) in index.predicates()? {
        index.code(term.as_ref())?;
    }
    index.graph_names().try_for_each(|name| name.map(|_| ()))?;
    quads.sort_by_key(ToString::to_string);
    Ok(quads)
}

/// The files of an index of two segments, one of them with a mask.
fn files() -> (tempfile::TempDir, Vec<NamedNode>) {
    let directory = tempfile::tempdir().expect("a directory");
    let log = log(directory.path());
    let path = directory.path().join("index");
    let mut view = IndexView::open_at(&path, &log, &SETTINGS).expect("open");
    let mut apply = |records: std::ops::Range<u8>| {
        let parts = records.map(|record| part(record, record));
        view.apply(vec![Batch { parts: parts.collect(), mark: Some(MARK) }]).expect("applied");
        view.flush().expect("flushed");
    };
    apply(0..40);
    apply(38..42);
    (directory, (0..42).map(|record| graph_name(&format!("https://libris.kb.se/{record}"))).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A file that was altered or cut off is an error that names a file, or nobody can tell.
    #[test]
    fn damage_is_an_error_and_never_a_wrong_answer(file in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), what in 0_u8..12) {
        let (directory, names) = files();
        let path = directory.path().join("index");
        let whole = read_all(&path, &names).expect("readable");
        prop_assert!(whole.len() > 1000);
        let mut all: Vec<_> = fs_err::read_dir(&path)?.map(|entry| entry.expect("an entry").path()).collect();
        all.sort();
        let file = file.get(&all);
        let mut bytes = fs_err::read(file)?;
        let place = place.index(bytes.len());
        match what {
            0..=7 => bytes[place] ^= 1 << what,
            8 => bytes.truncate(place),
            9 => bytes[place..].fill(0),
            10 => bytes.extend_from_slice(b"more"),
            _ => bytes.clear(),
        }
        fs_err::write(file, bytes)?;
        match read_all(&path, &names) {
            Ok(read) => prop_assert_eq!(read, whole),
            Err(error) => prop_assert!(error.to_string().contains("index"), "{}", error),
        }
    }
}

/// A manifest names files of its own directory, and no others.
#[test]
fn a_manifest_that_names_other_files_is_refused() {
    let (directory, _) = files();
    let path = directory.path().join("index/manifest");
    let text = fs_err::read_to_string(&path).expect("a manifest");
    let (json, _) = text.trim_end().rsplit_once('\n').expect("a seal");
    for name in ["/etc/passwd", "../00000001.segment", "00000001", "00000001.segment/..", ""] {
        let named: serde_json::Value = serde_json::from_str(json).expect("JSON");
        let first = named["segments"][0]["file"].as_str().expect("a name");
        let changed = json.replacen(first, name, 1);
        let sealed = format!("{changed}\n{:08x}\n", crc32fast::hash(changed.as_bytes()));
        fs_err::write(&path, sealed).expect("written");
        let refused = Index::open(&directory.path().join("index")).expect_err("refused").to_string();
        assert!(refused.contains("is no name of a file of the index"), "{name}: {refused}");
    }
}

/// The bytes of a segment with one of a column changed, and checksums that fit.
fn altered(path: &std::path::Path, column: &str, place: usize) -> Vec<u8> {
    const BLOCK: usize = 16 << 10;
    let mut bytes = fs_err::read(path).expect("a segment");
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
    let numbers = bytes.len() - mapped::TAIL.len() - 8;
    let footer = numbers - number(numbers + 4)..numbers;
    let form: serde_json::Value = serde_json::from_slice(&bytes[footer.clone()]).expect("a footer");
    let (start, _): (usize, usize) = serde_json::from_value(form.pointer(column).expect("a column").clone()).expect("a place");
    let (all, at) = (footer.start, start + place);
    let mut blocks = all / (BLOCK + 4);
    while blocks * BLOCK + blocks * 4 < all {
        blocks += 1;
    }
    bytes[at] ^= 1;
    let (block, columns) = (at / BLOCK, all - blocks * 4);
    let sum = crc32fast::hash(&bytes[block * BLOCK..((block + 1) * BLOCK).min(columns)]);
    bytes[columns + block * 4..columns + block * 4 + 4].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// What no checksum tells, since it was written so.
#[test]
fn parts_of_a_segment_that_do_not_fit_one_another_are_found() {
    let (directory, _) = files();
    let path = directory.path().join("index/00000001.segment");
    let of = |path: &std::path::Path| {
        let segment = segment::Segment::open(path).expect("a segment");
        soundness::unsound(&segment)
    };
    assert_eq!(of(&path).expect("readable"), Vec::<&str>::new());
    for (column, place) in [("/ops/1", 8), ("/ops/0", 4), ("/spo/1", 40), ("/predicates/objects", 4), ("/graphs/by_name", 8)] {
        let other = directory.path().join("other.segment");
        fs_err::write(&other, altered(&path, column, place)).expect("written");
        segment::Segment::open(&other).expect("a segment").file.check_all().expect("its checksums fit");
        assert!(of(&other).map_or(true, |wrong| !wrong.is_empty()), "{column}");
    }
}
