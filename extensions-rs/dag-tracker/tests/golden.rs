//! Upgrades: what a program of before wrote, this one reads to exactly the state that stands beside it. `golden/<version>`
//! holds a log, a snapshot and states of each version of the fold; `examples/golden.rs` made them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure is the message"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use support::log::{Logged, replay};
use support::{EPOCH, options, state, states};
use symphony_dag_tracker::core::fold::{FIRST, NEWEST};
use symphony_dag_tracker::core::{Fold, FoldOptions};
use symphony_dag_tracker::snapshot::{self, Place};
use symphony_protocol::{FoldVersion, encode};

/// What one version of the fold left.
struct Golden {
    place: Place,
    log: Vec<Logged>,
    /// The sequence of the snapshot.
    half: u64,
    stated: Json,
}

fn golden(version: u32) -> Golden {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(version.to_string());
    let log = zstd::decode_all(fs::File::open(folder.join("log.msgpack.zst")).unwrap()).unwrap();
    let stated: Json = serde_json::from_slice(&fs::read(folder.join("state.json")).unwrap()).unwrap();
    Golden {
        log: rmp_serde::from_slice(&log).unwrap(),
        half: stated["half"]["sequence"].as_u64().unwrap(),
        stated,
        place: place(folder),
    }
}

fn place(folder: PathBuf) -> Place {
    Place {
        folder,
        partition: 0,
        stream_created_ns: 1,
    }
}

/// Every version that a log or a snapshot may be of.
fn versions() -> std::ops::RangeInclusive<u32> {
    FIRST..=NEWEST
}

/// What a program of that version, or of a later one, makes of the whole log.
fn replayed(golden: &Golden, supports: u32) -> Fold {
    let mut fold = Fold::new(FoldOptions {
        supports,
        ..options()
    });
    replay(&mut fold, &golden.log);
    fold
}

#[test]
fn every_log_is_folded_to_the_state_that_its_own_version_made_of_it() {
    for version in versions() {
        let golden = golden(version);
        let fold = replayed(&golden, NEWEST);
        assert_eq!(fold.version, version);
        states(
            &golden.stated["end"],
            &state(&fold),
            &format!("version {version}"),
        );
        let mut half = Fold::new(options());
        replay(
            &mut half,
            &golden.log[..golden
                .log
                .partition_point(|message| message.sequence <= golden.half)],
        );
        states(
            &golden.stated["half"],
            &state(&half),
            &format!("version {version}, half"),
        );
    }
}

#[test]
fn every_snapshot_is_read_to_the_state_that_was_written_and_goes_on_to_the_same_end() {
    for version in versions() {
        let golden = golden(version);
        let mut fold = snapshot::read_fold(&golden.place, &options()).expect("it can be read");
        assert_eq!((fold.sequence(), fold.version), (golden.half, version));
        states(
            &golden.stated["half"],
            &state(&fold),
            &format!("version {version}"),
        );
        replay(&mut fold, &golden.log); // what lies before the snapshot changes nothing
        let whole = replayed(&golden, NEWEST);
        states(
            &golden.stated["end"],
            &state(&fold),
            &format!("version {version}"),
        );
        assert!(
            snapshot::body(&fold).unwrap() == snapshot::body(&whole).unwrap(),
            "a snapshot and a full replay give the same bytes"
        );
    }
}

#[test]
fn rule_12_programs_of_any_version_make_the_same_bytes_of_a_log_that_both_know() {
    let golden = golden(FIRST);
    let (old, new) = (replayed(&golden, FIRST), replayed(&golden, NEWEST));
    assert!(snapshot::body(&old).unwrap() == snapshot::body(&new).unwrap());
}

/// The log of the first version, in the middle of which a version is announced.
fn upgraded(version: u32, epoch: u64) -> (Vec<Logged>, u64) {
    let mut log = golden(FIRST).log;
    let at = log.len() / 3;
    for message in &mut log[at..] {
        message.sequence += 1;
    }
    let before = log[at - 1].clone();
    let told = FoldVersion {
        epoch,
        version,
        ..Default::default()
    };
    let message = Logged {
        sequence: before.sequence + 1,
        subject: "sym.log.0.version".to_owned(),
        data: encode(&told).unwrap(),
        ..before
    };
    log.insert(at, message);
    (log, before.sequence)
}

#[test]
fn rule_12_a_version_takes_effect_at_its_event_and_never_goes_back() {
    let (log, before) = upgraded(NEWEST, EPOCH);
    let mut fold = Fold::new(options());
    let at = log.partition_point(|message| message.sequence <= before);
    replay(&mut fold, &log[..at]);
    assert_eq!(fold.version, FIRST);
    replay(&mut fold, &log[at..=at]);
    assert_eq!(fold.version, NEWEST);
    let mut back = log[at].clone();
    back.sequence += 1;
    back.data = encode(&FoldVersion {
        epoch: EPOCH,
        version: FIRST,
        ..Default::default()
    })
    .unwrap();
    replay(&mut fold, &[back]);
    assert_eq!(fold.version, NEWEST);
}

#[test]
fn rule_12_a_program_that_does_not_know_a_version_stops_before_it() {
    for (supports, version) in [(FIRST, NEWEST), (NEWEST, NEWEST + 1)] {
        let (log, before) = upgraded(version, EPOCH);
        let mut fold = Fold::new(FoldOptions {
            supports,
            ..options()
        });
        replay(&mut fold, &log);
        assert_eq!(
            (fold.beyond, fold.sequence()),
            (Some(version), before),
            "nothing behind it is folded"
        );
    }
}

#[test]
fn rule_3_an_earlier_owner_announces_no_version() {
    let (log, _) = upgraded(NEWEST + 1, EPOCH - 1);
    let mut fold = Fold::new(options());
    replay(&mut fold, &log);
    assert_eq!((fold.version, fold.beyond), (FIRST, None));
    assert_eq!(fold.sequence(), log.last().unwrap().sequence);
}

/// A folder with a snapshot of this version that a program of another wrote behind it.
fn folder_of(golden: &Golden, other: impl Fn(&Path, u64)) -> (tempfile::TempDir, Place) {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("{:020}.fold", golden.half);
    fs::copy(golden.place.folder.join(&name), folder.path().join(&name)).unwrap();
    other(folder.path(), golden.half + 1);
    let place = place(folder.path().to_path_buf());
    (folder, place)
}

#[test]
fn rule_10_a_snapshot_of_a_version_or_format_that_is_not_known_is_passed_over_for_the_one_before() {
    let golden = golden(NEWEST);
    let of_version = |folder: &Path, sequence: u64| {
        // Written by a program that knows it; its own check of what it wrote passes there.
        let body = snapshot::body(&Fold::new(options())).unwrap();
        let _ = snapshot::write(&place(folder.to_path_buf()), NEWEST + 1, sequence, &body);
    };
    let of_format = |folder: &Path, sequence: u64| {
        let mut data = fs::read(folder.join(format!("{:020}.fold", sequence - 1))).unwrap();
        data[8..12].copy_from_slice(&99u32.to_be_bytes());
        fs::write(folder.join(format!("{sequence:020}.fold")), data).unwrap();
    };
    let unreadable = |folder: &Path, sequence: u64| {
        // Whole by its digest, and no fold.
        snapshot::write(&place(folder.to_path_buf()), NEWEST, sequence, b"no fold").unwrap();
    };
    for other in [&of_version as &dyn Fn(&Path, u64), &of_format, &unreadable] {
        let (folder, place) = folder_of(&golden, other);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        let fold = snapshot::read_fold(&place, &options()).expect("the one before");
        assert_eq!(fold.sequence(), golden.half);
    }
    let (_folder, place) = folder_of(&golden, |folder, _| fs::remove_dir_all(folder).unwrap());
    assert!(
        snapshot::read_fold(&place, &options()).is_none(),
        "then the log is replayed"
    );
}

#[test]
fn rule_10_a_program_of_before_reads_what_is_written_until_the_version_is_announced() {
    let first = golden(FIRST);
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path().to_path_buf());
    let fold = replayed(&first, NEWEST); // a new program, and a log that has not announced its version
    snapshot::write(
        &place,
        fold.version,
        fold.sequence(),
        &snapshot::body(&fold).unwrap(),
    )
    .unwrap();
    let header = fs::read(folder.path().join(format!("{:020}.fold", fold.sequence()))).unwrap();
    let golden_header = fs::read(first.place.folder.join(format!("{:020}.fold", first.half))).unwrap();
    assert_eq!(header[..12], golden_header[..12], "the format of before");
    let old = FoldOptions {
        supports: FIRST,
        ..options()
    };
    assert_eq!(
        snapshot::read_fold(&place, &old).unwrap().sequence(),
        fold.sequence()
    );
}
