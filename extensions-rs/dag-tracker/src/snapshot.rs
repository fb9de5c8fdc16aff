//! Snapshots: the whole fold in one file, verified when written and when read.
//!
//! A file is a header (magic, version, the stream's creation time, partition, sequence, BLAKE3 of the body) and a zstd body.
//! It is written beside its place, synced, renamed, and the folder synced. Two are kept; a damaged one is passed over for
//! the one before, and without any the log is replayed from its beginning.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use symphony_protocol::{Owner, Payload};
use symphony_sdk::{Error, ErrorKind};

use crate::core::fold::{Tombstone, Word};
use crate::core::run::{Cache, Listeners, Serves, Timer};
use crate::core::{Control, ExecId, Fold, FoldOptions, Run};

const MAGIC: &[u8; 8] = b"SYMFOLD1";
/// Grows with every change of what the body holds.
const VERSION: u32 = 2;
const HEADER_BYTES: usize = 8 + 4 + 8 + 4 + 8 + 32;
const KEPT: usize = 2;

/// Tasks that wait for a workflow of a tenant, by its name and its range of versions.
type Resolving = BTreeMap<(String, String, String), BTreeSet<(ExecId, u32)>>;

/// As it is written: borrowed, since a copy of a hundred thousand runs would hold the beat up for as long again.
#[derive(Serialize)]
struct BodyRef<'a> {
    sequence: u64,
    time_ms: u64,
    timers: &'a BTreeSet<Timer>,
    estimates: &'a BTreeMap<String, (u64, u64)>,
    waiting: &'a BTreeMap<String, BTreeSet<(ExecId, u32)>>,
    resolving: &'a Resolving,
    listening: &'a BTreeMap<String, Listeners>,
    events_sequence: u64,
    cache: &'a Cache,
    owner: &'a Option<Owner>,
    documents: Vec<&'a Payload>,
    runs: Vec<(u32, &'a Run)>,
    ended: Vec<u128>,
    tombstones: Vec<(u128, &'a Tombstone)>,
    parked: &'a BTreeMap<u128, Vec<(String, Word)>>,
    supplied: &'a BTreeMap<String, Vec<Option<Payload>>>,
    recalls: &'a BTreeMap<u128, Vec<(String, Control)>>,
    served: &'a Serves,
}

#[derive(Deserialize)]
struct Body {
    sequence: u64,
    time_ms: u64,
    timers: BTreeSet<Timer>,
    estimates: BTreeMap<String, (u64, u64)>,
    waiting: BTreeMap<String, BTreeSet<(ExecId, u32)>>,
    resolving: Resolving,
    listening: BTreeMap<String, Listeners>,
    events_sequence: u64,
    cache: Cache,
    owner: Option<Owner>,
    /// Each document once: many runs have the same.
    documents: Vec<Payload>,
    runs: Vec<(u32, Run)>,
    ended: Vec<u128>,
    tombstones: Vec<(u128, Tombstone)>,
    parked: BTreeMap<u128, Vec<(String, Word)>>,
    supplied: BTreeMap<String, Vec<Option<Payload>>>,
    #[serde(default)]
    recalls: BTreeMap<u128, Vec<(String, Control)>>,
    #[serde(default)]
    served: Serves,
}

/// Where and of what: a snapshot of another stream, or of another partition, is none of ours.
#[derive(Clone, Debug)]
pub struct Place {
    pub folder: PathBuf,
    pub partition: u32,
    /// The stream's creation time, in nanoseconds.
    pub stream_created_ns: i64,
}

/// The fold as bytes: the same fold gives the same bytes.
pub fn body(fold: &Fold) -> Result<Vec<u8>, Error> {
    let mut sorted: Vec<(&u128, &Run)> = fold.runs.iter().map(|(key, run)| (key, &**run)).collect();
    sorted.sort_unstable_by_key(|(key, _)| **key);
    let (mut documents, mut places) = (Vec::new(), HashMap::new());
    let mut runs = Vec::with_capacity(sorted.len());
    for (_, run) in sorted {
        let place = *places.entry(&*run.document).or_insert_with(|| {
            documents.push(&run.document);
            documents.len() - 1
        });
        runs.push((u32::try_from(place).unwrap_or(u32::MAX), run));
    }
    let tombstones = fold
        .buried
        .iter()
        .filter_map(|key| Some((*key, fold.tombstones.get(key)?)))
        .collect();
    let body = BodyRef {
        sequence: fold.context.sequence,
        time_ms: fold.context.time_ms,
        timers: &fold.context.timers,
        estimates: &fold.context.estimates,
        waiting: &fold.context.waiting,
        resolving: &fold.context.resolving,
        listening: &fold.context.listening,
        events_sequence: fold.context.events_sequence,
        cache: &fold.context.cache,
        owner: &fold.owner,
        documents,
        runs,
        ended: fold.ended.iter().copied().collect(),
        tombstones,
        parked: &fold.parked,
        supplied: &fold.supplied,
        recalls: &fold.recalls,
        served: &fold.context.served,
    };
    rmp_serde::to_vec(&body).map_err(Error::internal)
}

/// The fold that a body holds.
pub fn restore(data: &[u8], options: FoldOptions) -> Result<Fold, Error> {
    let damaged =
        |what: String| Error::new(ErrorKind::Invalid, format!("the snapshot cannot be read: {what}"));
    let body: Body = rmp_serde::from_slice(data).map_err(|error| damaged(error.to_string()))?;
    let mut fold = Fold::new(options);
    fold.context.sequence = body.sequence;
    fold.context.time_ms = body.time_ms;
    fold.context.timers = body.timers;
    fold.context.estimates = body.estimates;
    fold.context.waiting = body.waiting;
    fold.context.resolving = body.resolving;
    fold.context.listening = body.listening;
    fold.context.events_sequence = body.events_sequence;
    fold.context.cache = body.cache;
    fold.owner = body.owner;
    fold.parked = body.parked;
    fold.supplied = body.supplied;
    fold.recalls = body.recalls;
    fold.context.served = body.served;
    for (key, tombstone) in body.tombstones {
        fold.tombstones.insert(key, tombstone);
        fold.buried.push_back(key);
    }
    fold.ended = body.ended.into();
    for (place, mut run) in body.runs {
        let document = usize::try_from(place).ok().and_then(|at| body.documents.get(at));
        run.document = document
            .ok_or_else(|| damaged(format!("the document of run {}", run.id)))?
            .clone();
        fold.replan(&mut run).map_err(damaged)?;
        let key = run.key;
        fold.live += u64::from(!run.status.ended());
        fold.runs.insert(key, Box::new(run));
    }
    Ok(fold)
}

/// Write a snapshot; gives the sequence of the older of the two kept, below which the log is no longer needed.
pub fn write(place: &Place, sequence: u64, body: &[u8]) -> Result<u64, Error> {
    fs::create_dir_all(&place.folder)?;
    let packed = zstd::encode_all(body, 1)?;
    let mut data = Vec::with_capacity(HEADER_BYTES + packed.len());
    data.extend_from_slice(MAGIC);
    data.extend_from_slice(&VERSION.to_be_bytes());
    data.extend_from_slice(&place.stream_created_ns.to_be_bytes());
    data.extend_from_slice(&place.partition.to_be_bytes());
    data.extend_from_slice(&sequence.to_be_bytes());
    data.extend_from_slice(blake3::hash(&packed).as_bytes());
    data.extend_from_slice(&packed);
    let path = place.folder.join(format!("{sequence:020}.fold"));
    let beside = place.folder.join(format!("{sequence:020}.part"));
    let mut file = File::create(&beside)?;
    file.write_all(&data)?;
    file.sync_all()?;
    fs::rename(&beside, &path)?;
    File::open(&place.folder)?.sync_all()?;
    // Verified as it lies on the disk, before anything older is given up for it.
    read_file(place, &path)?;
    let mut kept = files(&place.folder);
    while kept.len() > KEPT {
        fs::remove_file(kept.remove(0))?;
    }
    Ok(floor(&kept))
}

/// The oldest sequence of two verified snapshots; 0 with fewer.
fn floor(kept: &[PathBuf]) -> u64 {
    let oldest = kept.first().filter(|_| kept.len() >= KEPT);
    oldest.and_then(|path| sequence_of(path)).unwrap_or_default()
}

fn sequence_of(path: &Path) -> Option<u64> {
    path.file_stem()?.to_str()?.parse().ok()
}

/// Snapshots in a folder, oldest first.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let mut found: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|e| e == "fold"))
        .collect();
    found.sort();
    found
}

/// The newest snapshot that is whole, with its body. Damaged ones are told and passed over.
pub fn read(place: &Place) -> Option<(u64, Vec<u8>)> {
    read_up_to(place, u64::MAX)
}

/// The newest one that holds nothing behind a sequence.
pub fn read_up_to(place: &Place, sequence: u64) -> Option<(u64, Vec<u8>)> {
    let before = |path: &PathBuf| sequence_of(path).is_some_and(|of| of <= sequence);
    for path in files(&place.folder).into_iter().rev().filter(before) {
        match read_file(place, &path) {
            Ok(found) => return Some(found),
            Err(error) => tracing::warn!(%error, path = %path.display(), "a snapshot is passed over"),
        }
    }
    None
}

fn read_file(place: &Place, path: &Path) -> Result<(u64, Vec<u8>), Error> {
    let data = fs::read(path)?;
    let refused = |what: &str| Error::new(ErrorKind::Invalid, format!("{}: {what}", path.display()));
    let (header, packed) = data
        .split_at_checked(HEADER_BYTES)
        .ok_or_else(|| refused("it is cut off"))?;
    let mut rest = header;
    let mut take = |count: usize| {
        let (head, tail) = rest.split_at_checked(count).unwrap_or((&[], &[]));
        rest = tail;
        head
    };
    if take(8) != MAGIC || take(4) != VERSION.to_be_bytes() {
        return Err(refused("it is of another version"));
    }
    if take(8) != place.stream_created_ns.to_be_bytes() || take(4) != place.partition.to_be_bytes() {
        return Err(refused("it is of another stream or partition"));
    }
    let sequence = take(8)
        .try_into()
        .map(u64::from_be_bytes)
        .map_err(|_| refused("it is cut off"))?;
    if take(32) != blake3::hash(packed).as_bytes() {
        return Err(refused("it is damaged"));
    }
    Ok((sequence, zstd::decode_all(packed)?))
}

/// The sequence below which the log may go, as the files on the disk say it.
pub fn floor_of(place: &Place) -> u64 {
    floor(&files(&place.folder))
}
