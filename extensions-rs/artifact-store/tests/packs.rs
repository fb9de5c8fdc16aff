//! Many small blobs in few files, versions that share chunks, and what is left when most of it is deleted.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a failure is the message

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use symphony_artifact_store::backend::Memory;
use symphony_artifact_store::{Cold, Incoming, Setup, Storage};
use symphony_protocol::Lineage;

fn put(storage: &Storage, data: &[u8], now_ms: u64) -> String {
    let mut writer = storage.begin("").unwrap();
    writer.write(data).unwrap();
    let blob = Incoming {
        writer,
        expected: None,
        media_type: "application/x",
        lineage: &Lineage::default(),
    };
    storage.commit(blob, now_ms).unwrap().digest
}

fn whole(storage: &Storage, digest: &str) -> Vec<u8> {
    storage.get(digest, 0, 64 << 20).unwrap().0
}

fn small_packs(folder: &Path) -> Storage {
    let setup = Setup {
        pack_bytes: 100_000,
        ..Setup::default()
    };
    Storage::open_as(folder, setup).unwrap()
}

fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

fn on_disk(folder: &Path) -> (usize, u64) {
    let entries = std::fs::read_dir(folder.join("artifacts/packs"))
        .unwrap()
        .flatten();
    let sizes: Vec<u64> = entries.map(|entry| entry.metadata().unwrap().len()).collect();
    (sizes.len(), sizes.iter().sum())
}

#[test]
fn ten_thousand_small_blobs_are_a_few_files_and_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path()).unwrap();
    let contents: Vec<Vec<u8>> = (0..10_000_u64).map(|n| noise(200, n)).collect();
    let mut digests = Vec::new();
    let lineage = Lineage::default();
    for some in contents.chunks(500) {
        let blob = |data: &Vec<u8>| {
            let mut writer = storage.begin("").unwrap();
            writer.write(data).unwrap();
            Incoming {
                writer,
                expected: None,
                media_type: "application/x",
                lineage: &lineage,
            }
        };
        let written = storage.commit_all(some.iter().map(blob).collect(), 1).unwrap();
        digests.extend(written.into_iter().map(|one| one.digest));
    }
    drop(storage);
    let storage = Storage::open(folder.path()).unwrap();
    for (digest, content) in digests.iter().zip(&contents) {
        assert_eq!(&whole(&storage, digest), content);
    }
    let (files, bytes) = on_disk(folder.path());
    assert_eq!(files, 1);
    assert!(bytes < 10_000 * 300, "{bytes}");
}

#[test]
fn a_new_version_of_a_large_blob_takes_the_room_of_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path()).unwrap();
    let first = noise(8_000_000, 1);
    let mut second = first.clone();
    second.splice(3_000_000..3_000_000, b"some words in the middle".iter().copied());
    let one = put(&storage, &first, 1);
    let before = storage.show().unwrap().stored_bytes;
    let two = put(&storage, &second, 2);
    let more = storage.show().unwrap().stored_bytes - before;
    assert!(more < 600_000, "{more} bytes for a few words");
    assert_eq!(whole(&storage, &two), second);
    // What the second shares with it outlives the first.
    assert!(storage.delete(&one, 9).unwrap().unwrap() < 1_000_000);
    assert_eq!(whole(&storage, &two), second);
    assert!(storage.delete(&two, 9).unwrap().unwrap() > 7_000_000);
    assert_eq!(storage.show().unwrap().stored_bytes, 0);
}

#[test]
fn what_is_deleted_is_compacted_away_and_the_rest_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let storage = small_packs(folder.path());
    let contents: Vec<Vec<u8>> = (0..400_u64).map(|n| noise(2000, n)).collect();
    let digests: Vec<String> = contents.iter().map(|content| put(&storage, content, 1)).collect();
    let (_, full) = on_disk(folder.path());
    for (number, digest) in digests.iter().enumerate() {
        if number % 5 != 0 {
            storage.delete(digest, 9).unwrap().unwrap();
        }
    }
    while storage.tend(2).unwrap().packs > 0 {}
    let (_, left) = on_disk(folder.path());
    assert!(left < full / 3, "{left} of {full}");
    drop(storage);
    let storage = small_packs(folder.path());
    for (number, digest) in digests.iter().enumerate() {
        assert_eq!(storage.has(digest), number % 5 == 0, "{number}");
    }
    assert_eq!(whole(&storage, &digests[395]), contents[395]);
    let verified = storage.verify(None, false, 3).unwrap();
    assert_eq!(
        (verified.checked, verified.corrupt.len(), verified.missing.len()),
        (80, 0, 0)
    );
}

#[test]
fn a_chunk_that_an_upload_has_found_stays_whatever_is_deleted_and_compacted() {
    let folder = tempfile::tempdir().unwrap();
    let storage = small_packs(folder.path());
    let data = noise(600_000, 3);
    let old = put(&storage, &data, 1);
    let mut writer = storage.begin("").unwrap();
    writer.write(&data).unwrap(); // every chunk of it is there
    writer.write(&noise(600_000, 4)).unwrap();
    storage.delete(&old, 9).unwrap().unwrap();
    while storage.tend(2).unwrap().packs > 0 {}
    let blob = Incoming {
        writer,
        expected: None,
        media_type: "application/x",
        lineage: &Lineage::default(),
    };
    let digest = storage.commit(blob, 3).unwrap().digest;
    assert_eq!(whole(&storage, &digest), [data, noise(600_000, 4)].concat());
    while storage.tend(4).unwrap().packs > 0 {}
    assert!(storage.verify(None, false, 5).unwrap().corrupt.is_empty());
}

#[test]
fn a_damaged_chunk_is_whole_again_for_all_once_one_of_them_is_stored_again() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path()).unwrap();
    let shared = noise(900_000, 5);
    let with = |tail: u64| [shared.clone(), noise(300_000, tail)].concat();
    let (one, two) = (put(&storage, &with(6), 1), put(&storage, &with(7), 1));
    let (path, ..) = storage.lies(&one).unwrap().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[1000] ^= 1; // in the first chunk, which both have
    std::fs::write(&path, bytes).unwrap();
    let found = storage.verify(None, true, 2).unwrap();
    assert_eq!((found.corrupt.len(), found.repaired), (2, 2));
    assert_eq!(put(&storage, &with(6), 3), one);
    assert_eq!(put(&storage, &with(7), 3), two);
    assert_eq!((whole(&storage, &one), whole(&storage, &two)), (with(6), with(7)));
    storage.delete(&one, 9).unwrap().unwrap();
    assert_eq!(whole(&storage, &two), with(7));
}

#[test]
fn what_a_power_failure_took_out_of_the_catalogue_is_found_in_the_packs() {
    let folder = tempfile::tempdir().unwrap();
    let storage = small_packs(folder.path());
    let data = noise(500_000, 1);
    let digest = put(&storage, &data, 1);
    let (_, offset, _) = storage.lies(&digest).unwrap().unwrap();
    drop(storage);
    // Its transaction is gone, while those before it say that the packs of its chunks are closed, and the last one is known
    // up to the list.
    let catalogue = rusqlite::Connection::open(folder.path().join("artifacts/catalogue.sqlite")).unwrap();
    catalogue
        .execute_batch(&format!(
            "DELETE FROM places; DELETE FROM artifacts; UPDATE packs SET live = 0, state = 1;
             UPDATE packs SET state = 0, indexed = {offset} WHERE number = (SELECT MAX(number) FROM packs);"
        ))
        .unwrap();
    drop(catalogue);
    let storage = small_packs(folder.path());
    assert_eq!(whole(&storage, &digest), data);
    assert!(storage.show().unwrap().stored_bytes > 450_000);
    while storage.tend(2).unwrap().packs > 0 {}
    assert!(storage.verify(None, false, 3).unwrap().corrupt.is_empty());
    assert!(storage.delete(&digest, 9).unwrap().unwrap() > 450_000);
    assert_eq!(storage.show().unwrap().stored_bytes, 0);
}

#[test]
fn what_is_damaged_and_counts_is_not_thrown_away_by_compacting() {
    let folder = tempfile::tempdir().unwrap();
    let storage = small_packs(folder.path());
    let digests: Vec<String> = (0..200_u64).map(|n| put(&storage, &noise(2000, n), 1)).collect();
    let (path, offset, _) = storage.lies(&digests[0]).unwrap().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[offset as usize + 500] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    for digest in &digests[1..190] {
        storage.delete(digest, 9).unwrap().unwrap();
    }
    while storage.tend(2).unwrap().packs > 0 {}
    assert!(path.exists(), "the pack of the damaged one is left");
    assert!(on_disk(folder.path()).0 <= 3, "the others were compacted");
    assert_eq!(
        storage.verify(None, true, 3).unwrap().corrupt,
        [digests[0].clone()]
    );
    assert!(folder.path().join("artifacts/bad").join(&digests[0]).exists());
    while storage.tend(4).unwrap().packs > 0 {}
    assert!(!path.exists());
    assert_eq!(whole(&storage, &digests[195]), noise(2000, 195));
}

#[test]
fn old_packs_lie_in_the_cold_place_and_are_read_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup {
        cold: Some(Cold::new(Box::new(Memory::default()), 1000)),
        pack_bytes: 100_000,
        ..Setup::default()
    };
    let storage = Storage::open_as(folder.path(), setup).unwrap();
    let (old, young) = (noise(500_000, 8), noise(500_000, 9));
    let one = put(&storage, &old, 1);
    let two = put(&storage, &young, 5000);
    let (files, _) = on_disk(folder.path());
    for _ in 0..30 {
        storage.tend(5001).unwrap();
    }
    let (left, _) = on_disk(folder.path());
    assert!(left < files && left > 0, "{left} of {files}");
    assert_eq!(
        (whole(&storage, &one), whole(&storage, &two)),
        (old, young.clone())
    );
    assert!(storage.verify(None, false, 1).unwrap().corrupt.is_empty());
    storage.delete(&one, 9999).unwrap().unwrap();
    while storage.tend(5002).unwrap().packs > 0 {}
    assert_eq!(whole(&storage, &two), young);
}

#[test]
fn many_threads_put_the_same_and_other_things_while_packs_are_compacted() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Arc::new(small_packs(folder.path()));
    let threads: Vec<_> = (0..4_u64)
        .map(|thread| {
            let storage = storage.clone();
            std::thread::spawn(move || {
                for n in 0..60_u64 {
                    let data = noise(
                        if n.is_multiple_of(9) { 90_000 } else { 3000 },
                        if n.is_multiple_of(2) { n } else { n * 1000 + thread },
                    );
                    let digest = put(&storage, &data, n);
                    assert_eq!(whole(&storage, &digest), data);
                    if n % 6 == 1 {
                        // its own: no other thread has it
                        storage.delete(&digest, 1000).unwrap();
                    }
                    if n % 10 == thread {
                        storage.tend(n).unwrap();
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    while storage.tend(99).unwrap().packs > 0 {}
    let verified = storage.verify(None, false, 1).unwrap();
    assert_eq!((verified.corrupt.len(), verified.missing.len()), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is put, deleted, compacted and opened again in whatever order: what was put and not deleted is there, and only it.
    #[test]
    fn a_store_is_what_was_put_less_what_was_deleted(steps in prop::collection::vec((0u8..6, 0u64..12), 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        let mut storage = small_packs(folder.path());
        let content = |n: u64| if n < 8 { noise(5000, n) } else { [noise(150_000, 77), noise(90_000, n)].concat() };
        let mut there = std::collections::BTreeSet::new();
        for (step, n) in steps {
            let data = content(n);
            let digest = blake3::hash(&data).to_hex().to_string();
            match step {
                0..=2 => {
                    prop_assert_eq!(put(&storage, &data, 1), digest);
                    there.insert(n);
                }
                3 => {
                    storage.delete(&digest, 9).unwrap();
                    there.remove(&n);
                }
                4 => {
                    storage.tend(1).unwrap();
                }
                _ => {
                    drop(storage);
                    storage = small_packs(folder.path());
                }
            }
            for n in 0..12 {
                prop_assert_eq!(storage.has(blake3::hash(&content(n)).to_hex().as_str()), there.contains(&n));
            }
        }
        for n in &there {
            let data = content(*n);
            prop_assert!(whole(&storage, blake3::hash(&data).to_hex().as_str()) == data);
        }
    }
}
