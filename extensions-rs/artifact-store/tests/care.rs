//! Encryption, repair, search, lineage and the trail.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a failure is the message

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use symphony_artifact_store::{ErrorKind, Incoming, Keyring, Storage};
use symphony_protocol::{Lineage, ListArtifacts};

fn key(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn keyring(text: &str) -> Keyring {
    Keyring::read(text).unwrap()
}

fn put(storage: &Storage, data: &[u8], media_type: &str, lineage: &Lineage) -> String {
    let mut writer = storage.begin("").unwrap();
    writer.write(data).unwrap();
    let blob = Incoming {
        writer,
        expected: None,
        media_type,
        lineage,
    };
    storage.commit(blob, 1).unwrap().digest
}

fn of_run(run: &str, name: Option<&str>, inputs: &[&String]) -> Lineage {
    Lineage {
        run: Some(run.to_owned()),
        task: Some("render".to_owned()),
        name: name.map(str::to_owned),
        inputs: inputs.iter().map(|digest| (*digest).clone()).collect(),
    }
}

/// The bytes of the pack that a blob lies in, changed.
fn change(storage: &Storage, digest: &str, how: impl FnOnce(&mut [u8])) {
    let (path, offset, length) = storage.lies(digest).unwrap().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    how(&mut bytes[offset as usize..][..length as usize]);
    fs::write(&path, bytes).unwrap();
}

fn whole(storage: &Storage, digest: &str) -> Result<Vec<u8>, symphony_artifact_store::Error> {
    storage.get(digest, 0, 8 << 20).map(|(data, ..)| data)
}

#[test]
fn what_is_encrypted_lies_nowhere_in_the_clear_and_is_read_by_its_key_alone() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open_with(folder.path(), keyring(&key('a'))).unwrap();
    let secret = b"the quarterly figures are confidential".repeat(60_000);
    let digest = put(
        &storage,
        &secret,
        "text/plain",
        &of_run("r", Some("figures"), &[]),
    );
    assert_eq!(whole(&storage, &digest).unwrap(), secret);
    assert!(storage.explain(&digest, 1).unwrap().encrypted);
    drop(storage);
    let mut folders = vec![folder.path().to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                let lies = fs::read(entry.path()).unwrap();
                assert!(
                    !lies.windows(12).any(|part| part == b"confidential"),
                    "{}",
                    entry.path().display()
                );
            }
        }
    }
    for other in [
        Storage::open(folder.path()),
        Storage::open_with(folder.path(), keyring(&key('b'))),
    ] {
        let error = whole(&other.unwrap(), &digest).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.to_string().contains("not in the key file"));
    }
}

#[test]
fn a_new_master_key_takes_over_without_a_blob_being_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let plain = Storage::open(folder.path()).unwrap();
    let before = put(
        &plain,
        b"stored before there was a key",
        "application/x",
        &of_run("r", None, &[]),
    );
    drop(plain);
    let old = Storage::open_with(folder.path(), keyring(&key('a'))).unwrap();
    let digest = put(
        &old,
        &vec![7; 3_000_000],
        "application/x",
        &of_run("r", None, &[]),
    );
    drop(old);
    let packs = || -> Vec<(PathBuf, Vec<u8>)> {
        let entries = fs::read_dir(folder.path().join("artifacts/packs"))
            .unwrap()
            .flatten();
        entries
            .map(|entry| (entry.path(), fs::read(entry.path()).unwrap()))
            .collect()
    };
    let sealed: Vec<_> = packs()
        .into_iter()
        .filter(|(_, data)| data.starts_with(b"SYMPACK2"))
        .collect();
    assert_eq!(sealed.len(), 1);
    let both = Storage::open_with(folder.path(), keyring(&format!("{}\n{}", key('a'), key('b')))).unwrap();
    let told = both.rewrap(2).unwrap();
    assert_eq!(
        (told.rewrapped, told.sealed, told.kept, told.failed),
        (1, 1, 0, 0)
    );
    assert_eq!(
        (both.rewrap(3).unwrap().kept, both.rewrap(3).unwrap().sealed),
        (1, 0)
    );
    assert!(
        packs().contains(&sealed[0]),
        "what was sealed is not written anew"
    );
    assert!(packs().iter().all(|(_, data)| data.starts_with(b"SYMPACK2")));
    drop(both);
    let new = Storage::open_with(folder.path(), keyring(&key('b'))).unwrap();
    assert_eq!(whole(&new, &digest).unwrap(), vec![7; 3_000_000]);
    assert_eq!(whole(&new, &before).unwrap(), b"stored before there was a key");
    assert_eq!(new.verify(None, false, 4).unwrap().checked, 2);
    drop(new);
    let old = Storage::open_with(folder.path(), keyring(&key('a'))).unwrap();
    assert!(whole(&old, &digest).is_err(), "nothing is left under the old key");
}

fn key_file(folder: &Path) -> PathBuf {
    let mut entries = fs::read_dir(folder.join("artifacts/keys")).unwrap().flatten();
    entries.next().unwrap().path()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever part of the two slots a cut-off change of keys has written, one of the keys reads the blob.
    #[test]
    fn a_change_of_keys_may_be_cut_off_at_any_byte(cut in 0usize..136, second in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("{}\n{}", key('a'), key('b'));
        let old = Storage::open_with(folder.path(), keyring(&key('a'))).unwrap();
        let digest = put(&old, b"content", "application/x", &of_run("r", None, &[]));
        drop(old);
        let file = key_file(folder.path());
        let before = fs::read(&file).unwrap();
        let both = Storage::open_with(folder.path(), keyring(&text)).unwrap();
        both.rewrap(2).unwrap();
        drop(both);
        let after = fs::read(&file).unwrap();
        // First the new slot is written and synced, then the old one wiped: either may be half done.
        let mut torn = if second { after.clone() } else { before.clone() };
        if second {
            torn[8..76].copy_from_slice(&before[8..76]); // the old slot, not wiped yet
            let upto = 8 + cut.min(68);
            torn[8..upto].copy_from_slice(&after[8..upto]);
        } else {
            let upto = 76 + cut.min(68);
            torn[76..upto].copy_from_slice(&after[76..upto]);
        }
        fs::write(&file, torn).unwrap();
        let both = Storage::open_with(folder.path(), keyring(&text)).unwrap();
        prop_assert_eq!(whole(&both, &digest).unwrap(), b"content");
        both.rewrap(3).unwrap();
        drop(both);
        let new = Storage::open_with(folder.path(), keyring(&key('b'))).unwrap();
        prop_assert_eq!(whole(&new, &digest).unwrap(), b"content");
    }

    /// No byte of an encrypted blob can be changed unseen.
    #[test]
    fn a_flipped_byte_is_found(at in 0usize..300_000, flip in 1u8..=255) {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open_with(folder.path(), keyring(&key('a'))).unwrap();
        let data: Vec<u8> = (0..15_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let digest = put(&storage, &data, "application/x", &of_run("r", None, &[]));
        change(&storage, &digest, |bytes| bytes[at % bytes.len()] ^= flip);
        prop_assert!(whole(&storage, &digest).is_err());
    }
}

#[test]
fn what_is_damaged_is_set_aside_with_who_needs_it_and_can_be_stored_again() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path()).unwrap();
    let (rotten, lost, good) = (
        put(&storage, b"rots", "text/plain", &of_run("r1", None, &[])),
        put(&storage, b"is lost", "text/plain", &of_run("r2", None, &[])),
        put(&storage, b"is well", "text/plain", &of_run("r3", None, &[])),
    );
    put(
        &storage,
        b"made of it",
        "text/plain",
        &of_run("r9", None, &[&rotten]),
    );
    change(&storage, &rotten, |bytes| bytes[92] ^= 1);
    let catalogue = rusqlite::Connection::open(folder.path().join("artifacts/catalogue.sqlite")).unwrap();
    let gone = format!("DELETE FROM places WHERE lower(hex(digest)) = '{lost}'");
    assert_eq!(catalogue.execute(&gone, []).unwrap(), 1);
    let scrubbed = storage.scrub(None, u64::MAX, 5).unwrap();
    assert_eq!((scrubbed.read, scrubbed.damaged.len()), (4, 2));
    let found = storage.verify(None, true, 6).unwrap();
    assert_eq!(
        (found.corrupt, found.missing),
        (vec![rotten.clone()], vec![lost.clone()])
    );
    assert_eq!((found.checked, found.repaired, found.adopted), (4, 2, 0));
    let needed = found
        .needed
        .iter()
        .find(|needed| needed.digest == rotten)
        .unwrap();
    assert_eq!(needed.runs, ["r1", "r9"]);
    assert!(folder.path().join("artifacts/bad").join(&rotten).exists());
    assert_eq!(whole(&storage, &rotten).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(
        put(&storage, b"rots", "text/plain", &of_run("r1", None, &[])),
        rotten
    );
    assert_eq!(whole(&storage, &rotten).unwrap(), b"rots");
    assert_eq!(whole(&storage, &good).unwrap(), b"is well");
    let trail = storage.trail(0, 99).unwrap();
    let what: Vec<&str> = trail.entries.iter().map(|entry| entry.what.as_str()).collect();
    assert_eq!(what, ["damaged", "damaged", "set_aside", "set_aside"]);
    assert_eq!(trail.broken_at, None);
}

#[test]
fn a_lost_catalogue_is_made_again_from_the_blobs() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path()).unwrap();
    let digest = put(&storage, b"still here", "text/plain", &of_run("r", None, &[]));
    let noise: Vec<u8> = (0..500_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let large = put(&storage, &noise, "image/x", &of_run("r", None, &[]));
    drop(storage);
    for entry in fs::read_dir(folder.path().join("artifacts")).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("catalogue") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let storage = Storage::open(folder.path()).unwrap();
    assert_eq!(storage.verify(None, false, 1).unwrap().checked, 2);
    assert_eq!(whole(&storage, &large).unwrap(), noise);
    let all = ListArtifacts {
        limit: 9,
        ..Default::default()
    };
    let views = storage.list(&all).unwrap().0;
    let found = |wanted: &str| views.iter().find(|view| view.digest == wanted).unwrap();
    assert_eq!(
        found(&digest).media_type,
        "text/plain",
        "a record says what it is"
    );
    assert_eq!(
        (found(&large).media_type.as_str(), found(&large).size_bytes),
        ("image/x", 500_000)
    );
}

#[test]
fn artifacts_are_found_by_words_of_their_text_names_and_tags() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path()).unwrap();
    let report = put(
        &storage,
        b"Umsatz der Filiale K\xc3\xb6ln",
        "text/markdown",
        &of_run("r", Some("quarterly report"), &[]),
    );
    let chart = put(
        &storage,
        b"\x89PNG",
        "image/png",
        &of_run("r", Some("quarterly chart"), &[]),
    );
    put(
        &storage,
        b"nothing to see",
        "application/msgpack",
        &of_run("r", None, &[]),
    );
    let found = |words: &str| -> Vec<String> {
        let views = storage.search(words, 9).unwrap();
        let mut digests: Vec<String> = views.into_iter().map(|view| view.digest).collect();
        digests.sort();
        digests
    };
    let mut both = vec![report.clone(), chart.clone()];
    both.sort();
    assert_eq!(found("quarter"), both);
    assert_eq!(found("k\u{f6}ln umsatz"), vec![report.clone()]);
    assert_eq!(found("render png"), vec![chart.clone()]);
    assert!(
        found("\" OR NOT *").is_empty(),
        "what people type is no query language"
    );
    assert_eq!(
        storage
            .tag(&chart, &["board".into(), "q3".into()], &[], 1)
            .unwrap(),
        ["board", "q3"]
    );
    assert_eq!(found("board"), vec![chart.clone()]);
    storage.tag(&chart, &[], &["board".into()], 2).unwrap();
    assert!(found("board").is_empty());
    assert_eq!(
        storage
            .tag(&"0".repeat(64), &["x".into()], &[], 2)
            .unwrap_err()
            .kind(),
        ErrorKind::NotFound
    );
    storage.delete(&report, 99).unwrap();
    assert_eq!(found("quarter"), [chart]);
}

#[test]
fn lineage_is_followed_both_ways_and_round_a_ring() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path()).unwrap();
    let raw = put(&storage, b"raw", "text/plain", &of_run("r1", None, &[]));
    let clean = put(&storage, b"clean", "text/plain", &of_run("r1", None, &[&raw]));
    let chart = put(
        &storage,
        b"chart",
        "text/plain",
        &of_run("r2", None, &[&clean, &raw]),
    );
    put(&storage, b"raw", "text/plain", &of_run("r3", None, &[&chart])); // as a run may claim
    let told = storage.explain(&chart, 8).unwrap();
    let up: Vec<(&String, &String)> = told.up.iter().map(|edge| (&edge.made, &edge.of)).collect();
    assert!(up.contains(&(&chart, &clean)) && up.contains(&(&clean, &raw)) && up.contains(&(&chart, &raw)));
    let down = storage.explain(&raw, 1).unwrap().down;
    let made: Vec<&String> = down.iter().map(|edge| &edge.made).collect();
    assert!(made.contains(&&clean) && made.contains(&&chart) && made.len() == 2);
    assert!(
        storage
            .explain(&raw, 8)
            .unwrap()
            .why
            .contains("runs made or used it")
    );
}

/// A blob as it was written before there were packs.
fn older(content: &[u8]) -> Vec<u8> {
    let mut file = b"SYMBLOB1".to_vec();
    let mut index = Vec::new();
    for piece in content.chunks(1024 * 1024) {
        let packed = zstd::bulk::compress(piece, 3).unwrap();
        index.extend((file.len() as u64).to_be_bytes());
        index.extend((packed.len() as u32).to_be_bytes());
        index.push(1);
        file.extend(packed);
    }
    let index_at = file.len() as u64;
    file.extend(index);
    file.extend(index_at.to_be_bytes());
    file.extend((content.len().div_ceil(1024 * 1024) as u32).to_be_bytes());
    file.extend((content.len() as u64).to_be_bytes());
    file.extend(b"SYMBEND1");
    file
}

#[test]
fn what_was_stored_before_there_were_packs_is_put_into_them() {
    let folder = tempfile::tempdir().unwrap();
    let content = b"stored by an earlier version, ".repeat(80_000);
    let digest = blake3::hash(&content).to_hex().to_string();
    let place = folder.path().join("artifacts").join(&digest[..2]);
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join(&digest[2..]), older(&content)).unwrap();
    let bad = place.join("0".repeat(62));
    fs::write(&bad, b"SYMBLOB1 of nothing").unwrap();
    let storage = Storage::open(folder.path()).unwrap();
    assert_eq!(whole(&storage, &digest).unwrap(), content);
    assert!(!place.join(&digest[2..]).exists());
    assert!(bad.exists(), "what cannot be read stays for whoever can");
}

#[test]
fn a_tenant_is_erased_by_his_key_and_what_others_have_stays() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open_with(folder.path(), keyring(&key('a'))).unwrap();
    let put_for = |tenant: &str, data: &[u8]| {
        let mut writer = storage.begin(tenant).unwrap();
        writer.write(data).unwrap();
        let blob = Incoming {
            writer,
            expected: None,
            media_type: "application/x",
            lineage: &of_run("r", None, &[]),
        };
        storage.commit(blob, 1).unwrap().digest
    };
    let large: Vec<u8> = (0..400_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let own = put_for("acme", b"acme's own");
    let big = put_for("acme", &large);
    let both = put_for("acme", b"what both have");
    assert_eq!(put_for("other", b"what both have"), both);
    let touched = storage.touch("third", &both, "application/x", &of_run("r", None, &[]), 2);
    assert_eq!(touched.unwrap(), None, "somebody else's copy is none of his");
    let (pack, offset, length) = storage.lies(&own).unwrap().unwrap();
    let erased = storage.erase("acme", 5).unwrap();
    assert_eq!((erased.keys, erased.artifacts), (1, 2));
    for digest in [&own, &big] {
        assert_eq!(whole(&storage, digest).unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(whole(&storage, &both).unwrap(), b"what both have");
    // The bytes are there until they are compacted away, and say nothing.
    let bytes = fs::read(&pack).unwrap();
    let record = bytes[offset as usize..][..length as usize].to_vec();
    assert!(!record.windows(6).any(|part| part == b"acme's"));
    drop(storage);
    let storage = Storage::open_with(folder.path(), keyring(&key('a'))).unwrap();
    assert!(!storage.has(&own) && !storage.has(&big) && storage.has(&both));
    assert_eq!(storage.erase("acme", 6).unwrap().keys, 0);
    let trail = storage.trail(0, 9).unwrap();
    assert_eq!(trail.entries.len(), 1);
    assert!(trail.entries[0].what == "erased" && !trail.entries[0].detail.contains("acme"));
    while storage.tend(7).unwrap().packs > 0 {}
    let mut left = fs::read_dir(folder.path().join("artifacts/packs"))
        .unwrap()
        .flatten();
    let found = |data: &[u8]| data.windows(record.len()).any(|part| part == record);
    assert!(!left.any(|entry| found(&fs::read(entry.path()).unwrap())));
}
