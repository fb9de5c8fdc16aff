//! The Artifact Store: a blob of 1 KiB written, synced, named by its digest and catalogued; read and checked again; and many
//! small ones with one sync.

use std::path::Path;

use symphony_artifact_store::{Incoming, Storage};
use symphony_protocol::Lineage;
use symphony_sdk::{Error, ErrorKind};

use super::{spread, timed};
use crate::floors::DISK;
use crate::report::Row;

const ROUNDS: usize = 100;
const BYTES: usize = 1024;
/// Small blobs: so many batches, of so many each, of so many bytes.
const BATCHES: usize = 20;
const BATCH: usize = 500;
const SMALL_BYTES: usize = 200;
const MEDIA_TYPE: &str = "application/octet-stream";

/// The folder is left as it was.
pub fn put_and_get(folder: &Path) -> Result<Vec<Row>, Error> {
    let place = folder.join(format!("store-{}", std::process::id()));
    let measured = measure(&place);
    std::fs::remove_dir_all(&place)?;
    measured
}

fn measure(place: &Path) -> Result<Vec<Row>, Error> {
    let storage = Storage::open(place).map_err(failed)?;
    let (mut puts, mut gets) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let data: Vec<u8> = (0..BYTES)
            .map(|at| (at * 31 + round * 7 + at * round) as u8)
            .collect();
        let (seconds, digest) = timed(|| put(&storage, &data, round));
        puts.push(seconds);
        let digest = digest?;
        let (seconds, back) = timed(|| storage.get(&digest, 0, BYTES).map_err(failed));
        gets.push(seconds);
        if back?.0 != data {
            return Err(Error::new(
                ErrorKind::Internal,
                "an artifact came back as something else",
            ));
        }
    }
    let mut batches = Vec::new();
    for round in 0..BATCHES {
        let (seconds, stored) = timed(|| put_many(&storage, round));
        stored?;
        batches.push(seconds);
    }
    Ok(vec![
        spread("core_artifact_put_1kib", "ms", 1e3, 1, puts).beside(DISK),
        spread("core_artifact_get_1kib", "ms", 1e3, 1, gets),
        spread("core_artifact_put_many", "us", 1e6, BATCH, batches),
    ])
}

fn put_many(storage: &Storage, round: usize) -> Result<(), Error> {
    let lineage = Lineage::default();
    let mut blobs = Vec::with_capacity(BATCH);
    for number in 0..BATCH {
        let seed = (round * BATCH + number) as u64;
        let words = (0..SMALL_BYTES as u64 / 8)
            .flat_map(|at| (seed * 31 + at).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        let mut writer = storage.begin("").map_err(failed)?;
        writer.write(&words.collect::<Vec<u8>>()).map_err(failed)?;
        blobs.push(Incoming {
            writer,
            expected: None,
            media_type: MEDIA_TYPE,
            lineage: &lineage,
        });
    }
    storage.commit_all(blobs, 1).map_err(failed)?;
    Ok(())
}

fn put(storage: &Storage, data: &[u8], round: usize) -> Result<String, Error> {
    let mut writer = storage.begin("").map_err(failed)?;
    writer.write(data).map_err(failed)?;
    let blob = Incoming {
        writer,
        expected: None,
        media_type: MEDIA_TYPE,
        lineage: &Lineage::default(),
    };
    Ok(storage.commit(blob, round as u64).map_err(failed)?.digest)
}

fn failed(error: symphony_artifact_store::Error) -> Error {
    Error::new(ErrorKind::Io, error.to_string())
}
