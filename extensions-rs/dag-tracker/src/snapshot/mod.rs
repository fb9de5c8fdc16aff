//! Snapshots: the whole fold as bytes, and the fold that they say. The files are in `file.rs`.
//!
//! Structs are written as arrays of their fields, so that one may only be added at the end of a struct, with
//! `#[serde(default)]`: an old snapshot reads as if it were absent. `tests/golden` holds snapshots of each format.

mod file;

pub use file::{Place, floor_of, read, read_fold, read_fold_up_to, write};

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use symphony_protocol::{Owner, Payload};
use symphony_sdk::{Error, ErrorKind};

use crate::core::fold::{FIRST, Tombstone, Word};
use crate::core::run::{Cache, Listeners, Serves, Timer};
use crate::core::{Control, ExecId, Fold, FoldOptions, Run};

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
    version: u32,
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
    #[serde(default = "first")]
    version: u32,
}

fn first() -> u32 {
    FIRST
}

/// The fold as bytes: the same fold gives the same bytes.
pub fn body(fold: &Fold) -> Result<Vec<u8>, Error> {
    let mut sorted: Vec<(&u128, &Run)> = fold.runs.iter().collect();
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
        version: fold.version,
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
    fold.version = body.version;
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
        fold.runs.insert(key, run);
    }
    Ok(fold)
}
