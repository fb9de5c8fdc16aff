//! What the store promises of blobs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a failure is the message

use proptest::prelude::*;
use symphony_artifact_store::{ErrorKind, Incoming, Storage};
use symphony_protocol::{Lineage, ListArtifacts, Value, values};

fn put(storage: &Storage, data: &[u8], run: &str, now_ms: u64) -> String {
    put_as(storage, data, run, now_ms, "text/plain")
}

fn put_value(storage: &Storage, value: &Value) -> String {
    put_as(storage, &value.pack(), "r", 1, "application/msgpack")
}

/// A value that names an artifact deep inside, after more than one piece of other content.
fn holding(digest: &str) -> Value {
    let noise = (0..400_000).map(Value::Int).collect();
    let mark = values::reference(digest, 1, "application/msgpack");
    let inner = Value::Map(vec![("deep".to_owned(), Value::Array(vec![Value::Nil, mark]))]);
    Value::Map(vec![
        ("before".to_owned(), Value::Array(noise)),
        ("inner".to_owned(), inner),
    ])
}

fn put_as(storage: &Storage, data: &[u8], run: &str, now_ms: u64, media_type: &str) -> String {
    let mut writer = storage.begin("").unwrap();
    writer.write(data).unwrap();
    let lineage = Lineage {
        run: Some(run.to_owned()),
        task: Some("t".to_owned()),
        ..Default::default()
    };
    let blob = Incoming {
        writer,
        expected: None,
        media_type,
        lineage: &lineage,
    };
    storage.commit(blob, now_ms).unwrap().digest
}

#[test]
fn the_same_content_is_one_blob_with_two_lineages() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path()).unwrap();
    let (first, second) = (put(&storage, b"hello", "r1", 1), put(&storage, b"hello", "r2", 2));
    assert_eq!(first, second);
    let (views, next) = storage
        .list(&ListArtifacts {
            limit: 10,
            ..Default::default()
        })
        .unwrap();
    assert_eq!((views.len(), next), (1, None));
    assert_eq!(views[0].lineage.len(), 2);
    let of = |run: &str| ListArtifacts {
        run: Some(run.to_owned()),
        limit: 10,
        ..Default::default()
    };
    assert_eq!(storage.list(&of("r2")).unwrap().0.len(), 1);
    assert_eq!(storage.list(&of("r3")).unwrap().0.len(), 0);
}

#[test]
fn a_blob_survives_a_restart_and_half_a_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path()).unwrap();
    let digest = put(&storage, &vec![7; 3_000_000], "r", 1);
    let mut writer = storage.begin("").unwrap();
    let half = vec![9; 3_000_000];
    writer.write(&half).unwrap();
    drop((storage, writer));
    let storage = Storage::open(folder.path()).unwrap();
    let (views, _) = storage
        .list(&ListArtifacts {
            limit: 9,
            ..Default::default()
        })
        .unwrap();
    assert_eq!(views.len(), 1);
    assert!(!storage.has(blake3::hash(&half).to_hex().as_str()));
    assert_eq!(storage.get(&digest, 2_999_999, 10).unwrap().0, [7]);
    assert_eq!(
        storage.get(&"0".repeat(64), 0, 1).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(
        storage.get("../../etc/passwd", 0, 1).unwrap_err().kind(),
        ErrorKind::Invalid
    );
}

#[test]
fn a_flipped_bit_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path()).unwrap();
    let noise: Vec<u8> = (0..100_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let digest = put(&storage, &noise, "r", 1);
    assert!(storage.verify(None, false, 1).unwrap().corrupt.is_empty());
    let (path, offset, length) = storage.lies(&digest).unwrap().unwrap();
    let mut data = std::fs::read(&path).unwrap();
    data[offset as usize - 5000] ^= 1; // in a chunk: its list lies behind it
    std::fs::write(&path, &data).unwrap();
    assert_eq!(
        storage.verify(None, false, 1).unwrap().corrupt,
        std::slice::from_ref(&digest)
    );
    data[offset as usize - 5000] ^= 1;
    data[offset as usize + length as usize - 1] ^= 1; // in the list
    std::fs::write(&path, data).unwrap();
    assert_eq!(
        storage.verify(None, false, 1).unwrap().corrupt,
        std::slice::from_ref(&digest)
    );
    std::fs::remove_file(path).unwrap();
    drop(storage);
    let storage = Storage::open(folder.path()).unwrap();
    assert_eq!(storage.verify(Some(&digest), false, 1).unwrap().missing, [digest]);
}

#[test]
fn what_was_stored_again_is_not_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path()).unwrap();
    let digest = put(&storage, b"x", "r", 10);
    assert_eq!(storage.delete(&digest, 10).unwrap(), None);
    put(&storage, b"x", "r", 20);
    assert_eq!(storage.delete(&digest, 15).unwrap(), None);
    assert!(
        storage
            .delete(&digest, 21)
            .unwrap()
            .is_some_and(|bytes| bytes > 0)
    );
    assert!(!storage.has(&digest));
}

#[test]
fn what_a_stored_value_names_stays_as_long_as_the_value() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path()).unwrap();
    let leaf = put(&storage, b"leaf", "r", 1);
    let middle = put_value(&storage, &holding(&leaf));
    let top = put_value(&storage, &holding(&middle));
    drop(storage);
    let storage = Storage::open(folder.path()).unwrap();
    assert_eq!(storage.delete(&leaf, 10).unwrap(), None);
    assert_eq!(storage.delete(&middle, 10).unwrap(), None);
    for digest in [&top, &middle, &leaf] {
        assert!(storage.delete(digest, 10).unwrap().is_some());
        assert!(!storage.has(digest));
    }
}

#[test]
fn a_value_stored_before_references_were_noted_is_read_before_anything_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path()).unwrap();
    let leaf = put(&storage, b"leaf", "r", 1);
    let top = put_value(&storage, &holding(&leaf));
    drop(storage);
    let catalogue = folder.path().join("artifacts/catalogue.sqlite");
    let old = rusqlite::Connection::open(catalogue).unwrap();
    old.execute_batch("DROP TABLE edges; DROP TABLE walked;").unwrap();
    drop(old);
    let storage = Storage::open(folder.path()).unwrap();
    assert!(storage.walk_rest().unwrap());
    assert_eq!(storage.delete(&leaf, 10).unwrap(), None);
    assert!(storage.delete(&top, 10).unwrap().is_some());
}

#[test]
fn a_blob_that_is_no_value_is_stored_and_names_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path()).unwrap();
    let leaf = put(&storage, b"leaf", "r", 1);
    let mark = values::reference(&leaf, 1, "text/plain").pack();
    let cut = put_as(&storage, &mark[..mark.len() - 1], "r", 1, "application/msgpack");
    let text = put_as(&storage, &mark, "r", 1, "text/plain");
    assert!(storage.has(&cut) && storage.has(&text));
    assert!(storage.delete(&leaf, 10).unwrap().is_some());
}

#[test]
fn content_that_compresses_is_stored_smaller() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path()).unwrap();
    put(&storage, &b"words ".repeat(100_000), "r", 1);
    let shown = storage.show().unwrap();
    assert!(shown.stored_bytes < shown.size_bytes / 10);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn every_range_is_what_was_written(size in 0usize..2_500_000, at in 0u64..2_600_000, length in 0usize..1_100_000, seed in any::<u32>()) {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(folder.path()).unwrap();
        let data: Vec<u8> = (0..size as u32).map(|n| (n.wrapping_mul(seed | 1) >> 11) as u8).collect();
        let digest = put(&storage, &data, "r", 1);
        let (read, whole, _) = storage.get(&digest, at, length).unwrap();
        let from = (at as usize).min(size);
        prop_assert_eq!(whole, size as u64);
        prop_assert!(read == data[from..from.saturating_add(length).min(size)]);
    }
}
