//! The store dies, as by `kill -9`, at each of its fault points and at any moment: nothing acknowledged is lost, nothing half is visible.
//!
//! `cargo test -p symphony-artifact-store --features faults --test crash`

#![cfg(feature = "faults")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a failure is the message

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use symphony_artifact_store::backend::Folder;
use symphony_artifact_store::{Cold, Incoming, Keyring, Setup, Storage, faults};
use symphony_protocol::{Lineage, ListArtifacts};

const PACK_BYTES: u64 = 60_000;
/// Puts of a child that nothing ends; one that a point ends comes to it long before.
const PUTS: u64 = 48;

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

/// Small ones, and large ones that share their first half.
fn content(n: u64) -> Vec<u8> {
    if n.is_multiple_of(7) {
        [noise(120_000, 1), noise(60_000, n)].concat()
    } else {
        noise(2500, n)
    }
}

fn digest(n: u64) -> String {
    blake3::hash(&content(n)).to_hex().to_string()
}

fn open(folder: &Path, sealed: bool) -> Storage {
    let keyring = if sealed {
        Keyring::read(&"a".repeat(64)).unwrap()
    } else {
        Keyring::default()
    };
    let setup = Setup {
        keyring,
        cold: Some(Cold::new(
            Box::new(Folder::open(&folder.join("cold")).unwrap()),
            100,
        )),
        pack_bytes: PACK_BYTES,
    };
    Storage::open_as(folder, setup).unwrap()
}

/// What the child does until it ends or is ended. Its diary says what it was told.
fn work(folder: &Path, first: u64, puts: u64, sealed: bool) {
    let mut diary = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("diary"))
        .unwrap();
    let storage = open(folder, sealed);
    for n in first..first.saturating_add(puts) {
        let mut writer = storage.begin("").unwrap();
        writer.write(&content(n)).unwrap();
        let blob = Incoming {
            writer,
            expected: None,
            media_type: "application/x",
            lineage: &Lineage::default(),
        };
        storage.commit(blob, n).unwrap();
        writeln!(diary, "put {n}").unwrap();
        if let Some(old) = n
            .checked_sub(8)
            .filter(|old| *old >= first && !old.is_multiple_of(4))
        {
            writeln!(diary, "deleting {old}").unwrap();
            storage.delete(&digest(old), u64::MAX).unwrap();
            writeln!(diary, "deleted {old}").unwrap();
        }
        if sealed && n == first + 30 {
            let mut writer = storage.begin("leaver").unwrap();
            writer.write(b"somebody's own").unwrap();
            let blob = Incoming {
                writer,
                expected: None,
                media_type: "application/x",
                lineage: &Lineage::default(),
            };
            storage.commit(blob, n).unwrap();
            assert!(storage.erase("leaver", n).unwrap().keys > 0);
        }
        if n.is_multiple_of(5) {
            storage.tend(n + 90).unwrap();
        }
    }
}

#[test]
#[ignore = "the child of the others"]
fn child() {
    let told = |name: &str| std::env::var(name).unwrap();
    let folder = told("SYMPHONY_CRASH_FOLDER");
    let (first, puts) = (told("SYMPHONY_CRASH_FIRST"), told("SYMPHONY_CRASH_PUTS"));
    let sealed = told("SYMPHONY_CRASH_SEALED") == "1";
    work(
        folder.as_ref(),
        first.parse().unwrap(),
        puts.parse().unwrap(),
        sealed,
    );
}

fn start(folder: &Path, first: u64, puts: u64, sealed: bool, fault: Option<&str>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "child", "--ignored"])
        .env("SYMPHONY_CRASH_FOLDER", folder)
        .env("SYMPHONY_CRASH_FIRST", first.to_string())
        .env("SYMPHONY_CRASH_PUTS", puts.to_string())
        .env("SYMPHONY_CRASH_SEALED", if sealed { "1" } else { "0" })
        .env_remove("SYMPHONY_FAULT")
        .stdout(Stdio::null())
        .stderr(File::create(folder.join("stderr")).unwrap());
    if let Some(fault) = fault {
        command.env("SYMPHONY_FAULT", fault);
    }
    command.spawn().unwrap()
}

/// Hold the store against the diary. Gives how many blobs are there.
fn judge(folder: &Path, sealed: bool, what: &str) -> u64 {
    let diary = fs::read_to_string(folder.join("diary")).unwrap_or_default();
    let mut there = BTreeMap::new();
    for line in diary.lines() {
        let (word, n) = line.split_once(' ').unwrap();
        let n: u64 = n.parse().unwrap();
        match word {
            "put" => there.insert(n, true),
            "deleting" => there.insert(n, false), // it may be there and may not
            _ => there.remove(&n),
        };
    }
    let storage = open(folder, sealed);
    for (n, sure) in &there {
        let read = storage.get(&digest(*n), 0, 1 << 20).map(|(data, ..)| data);
        if *sure {
            assert!(
                read.as_ref().is_ok_and(|data| data == &content(*n)),
                "{what}: {n} is lost: {read:?}"
            );
        }
    }
    let all = ListArtifacts {
        limit: 1000,
        ..Default::default()
    };
    let listed: BTreeSet<String> = storage
        .list(&all)
        .unwrap()
        .0
        .into_iter()
        .map(|view| view.digest)
        .collect();
    let gone = diary.lines().filter_map(|line| line.strip_prefix("deleted "));
    for n in gone {
        assert!(
            !listed.contains(&digest(n.parse().unwrap())),
            "{what}: {n} is back"
        );
    }
    let verified = storage.verify(None, false, 1).unwrap();
    assert_eq!((verified.corrupt.len(), verified.missing.len()), (0, 0), "{what}");
    for digest in &listed {
        assert!(storage.has(digest), "{what}: {digest} is listed and not there");
    }
    listed.len() as u64
}

#[test]
fn whatever_point_it_dies_at_nothing_acknowledged_is_lost_and_nothing_half_is_seen() {
    for point in faults::POINTS {
        for (round, count) in [1, 2, 5].into_iter().enumerate() {
            let folder = tempfile::tempdir().unwrap();
            let of_keys = point == "key.written" || point == "erase.destroyed";
            let sealed = round == 1 || of_keys;
            let count = if of_keys { 1 } else { count };
            let fault = format!("{point}:{count}");
            let ended = start(folder.path(), 0, PUTS, sealed, Some(&fault))
                .wait()
                .unwrap();
            let said = fs::read_to_string(folder.path().join("stderr")).unwrap();
            assert!(
                ended.code().is_none(),
                "{fault} was never come to: {ended} {said}"
            );
            judge(folder.path(), sealed, &fault);
            // And it works on.
            let ended = start(folder.path(), 1000, PUTS, sealed, None).wait().unwrap();
            let said = fs::read_to_string(folder.path().join("stderr")).unwrap();
            assert!(ended.success(), "{fault}: {said}");
            assert!(judge(folder.path(), sealed, &fault) > 10, "{fault}");
        }
    }
}

#[test]
fn whenever_it_is_killed_nothing_acknowledged_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut most = 0;
    for round in 0..12_u64 {
        let mut child = start(folder.path(), round * 100_000, u64::MAX, false, None);
        // Moments by chance are what is meant: between 60 and 350 ms after the start.
        std::thread::sleep(Duration::from_millis(60 + (round * 7919) % 290));
        child.kill().unwrap();
        child.wait().unwrap();
        most = most.max(judge(folder.path(), false, &format!("kill {round}")));
    }
    assert!(most > 5, "it was given no time to work");
}
