//! The files of snapshots, verified when written and when read.
//!
//! A file is a header and a zstd body. It is written beside its place, synced, renamed, and the folder synced. Two are kept;
//! one that is damaged, or that a newer program wrote, is passed over for the one before, and without any the log is
//! replayed from its beginning.
//!
//! The header, by its format, big-endian: magic; format; the stream's creation time in nanoseconds; partition; sequence; of
//! format 3 the version of the fold; a BLAKE3 digest, of format 2 over the body, of format 3 over all before it and the
//! body. Which format is written follows the version of the fold (rule 12): while a log is folded by the first version,
//! programs of before can read what lies beside it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use symphony_sdk::{Error, ErrorKind};

use crate::core::fold::FIRST;
use crate::core::{Fold, FoldOptions};

const MAGIC: &[u8; 8] = b"SYMFOLD1";
/// The format while a partition is folded by the first version, and after.
const FORMAT_FIRST: u32 = 2;
const FORMAT: u32 = 3;
const DIGEST_BYTES: usize = 32;
const KEPT: usize = 2;

/// Where and of what: a snapshot of another stream, or of another partition, is none of ours.
#[derive(Clone, Debug)]
pub struct Place {
    pub folder: PathBuf,
    pub partition: u32,
    /// The stream's creation time, in nanoseconds.
    pub stream_created_ns: i64,
}

/// Write a snapshot of a fold of this version; gives the sequence of the older of the two kept, below which the log is no
/// longer needed.
pub fn write(place: &Place, version: u32, sequence: u64, body: &[u8]) -> Result<u64, Error> {
    fs::create_dir_all(&place.folder)?;
    let data = packed(place, version, sequence, body)?;
    let path = place.folder.join(format!("{sequence:020}.fold"));
    let beside = place.folder.join(format!("{sequence:020}.part"));
    if let Err(error) = put(&beside, &data) {
        // A full disk must not stay full of what is of no use.
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    fs::rename(&beside, &path)?;
    File::open(&place.folder)?.sync_all()?;
    // Verified as it lies on the disk, before anything older is given up for it.
    read_file(place, &path, version)?;
    let mut kept = files(&place.folder);
    while kept.len() > KEPT {
        fs::remove_file(kept.remove(0))?;
    }
    Ok(floor(&kept))
}

fn put(path: &Path, data: &[u8]) -> Result<(), Error> {
    let mut file = File::create(path)?;
    file.write_all(data)?;
    Ok(file.sync_all()?)
}

/// Header and body as they stand in a file.
fn packed(place: &Place, version: u32, sequence: u64, body: &[u8]) -> Result<Vec<u8>, Error> {
    let packed = zstd::encode_all(body, 1)?;
    let format = if version == FIRST { FORMAT_FIRST } else { FORMAT };
    let mut data = Vec::with_capacity(128 + packed.len());
    data.extend_from_slice(MAGIC);
    data.extend_from_slice(&format.to_be_bytes());
    data.extend_from_slice(&place.stream_created_ns.to_be_bytes());
    data.extend_from_slice(&place.partition.to_be_bytes());
    data.extend_from_slice(&sequence.to_be_bytes());
    if format != FORMAT_FIRST {
        data.extend_from_slice(&version.to_be_bytes());
    }
    let digest = digest(format, &data, &packed);
    data.extend_from_slice(digest.as_bytes());
    data.extend_from_slice(&packed);
    Ok(data)
}

fn digest(format: u32, header: &[u8], packed: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    if format != FORMAT_FIRST {
        hasher.update(header);
    }
    hasher.update(packed).finalize()
}

/// The oldest sequence of two verified snapshots; 0 with fewer.
fn floor(kept: &[PathBuf]) -> u64 {
    let oldest = kept.first().filter(|_| kept.len() >= KEPT);
    oldest.and_then(|path| sequence_of(path)).unwrap_or_default()
}

fn sequence_of(path: &Path) -> Option<u64> {
    path.file_stem()?.to_str()?.parse().ok()
}

/// The sequence below which the log may go, as the files on the disk say it.
pub fn floor_of(place: &Place) -> u64 {
    floor(&files(&place.folder))
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

/// The body of the newest snapshot that is whole and of a version of the fold up to `supports`, with its sequence. Others
/// are told and passed over.
pub fn read(place: &Place, supports: u32) -> Option<(u64, Vec<u8>)> {
    newest(place, u64::MAX, |path| read_file(place, path, supports))
}

/// The fold of the newest snapshot that can be read.
pub fn read_fold(place: &Place, options: &FoldOptions) -> Option<Fold> {
    read_fold_up_to(place, options, u64::MAX)
}

/// That of the newest one that holds nothing behind a sequence.
pub fn read_fold_up_to(place: &Place, options: &FoldOptions, sequence: u64) -> Option<Fold> {
    newest(place, sequence, |path| {
        let (_, body) = read_file(place, path, options.supports)?;
        super::restore(&body, options.clone())
    })
}

fn newest<T>(place: &Place, sequence: u64, take: impl Fn(&Path) -> Result<T, Error>) -> Option<T> {
    let before = |path: &PathBuf| sequence_of(path).is_some_and(|of| of <= sequence);
    for path in files(&place.folder).into_iter().rev().filter(before) {
        match take(&path) {
            Ok(found) => return Some(found),
            Err(error) => tracing::warn!(%error, path = %path.display(), "a snapshot is passed over"),
        }
    }
    None
}

fn read_file(place: &Place, path: &Path, supports: u32) -> Result<(u64, Vec<u8>), Error> {
    let data = fs::read(path)?;
    let refused = |what: &str| Error::new(ErrorKind::Invalid, format!("{}: {what}", path.display()));
    let mut rest: &[u8] = &data;
    let mut take = |count: usize| {
        let (head, tail) = rest.split_at_checked(count).unwrap_or((&[], &[]));
        rest = tail;
        head
    };
    if take(8) != MAGIC {
        return Err(refused("it is no snapshot"));
    }
    let format = number(take(4)).ok_or_else(|| refused("it is cut off"))?;
    if !(u64::from(FORMAT_FIRST)..=u64::from(FORMAT)).contains(&format) {
        return Err(refused(
            "it is of another format, which this program does not know",
        ));
    }
    let format = u32::try_from(format).unwrap_or_default();
    if take(8) != place.stream_created_ns.to_be_bytes() || take(4) != place.partition.to_be_bytes() {
        return Err(refused("it is of another stream or partition"));
    }
    let sequence = number(take(8)).ok_or_else(|| refused("it is cut off"))?;
    let version = match format {
        FORMAT_FIRST => u64::from(FIRST),
        _ => number(take(4)).ok_or_else(|| refused("it is cut off"))?,
    };
    let stated = take(DIGEST_BYTES);
    let header = data.len().saturating_sub(rest.len() + DIGEST_BYTES);
    let header = data.get(..header).unwrap_or_default();
    if stated != digest(format, header, rest).as_bytes() {
        return Err(refused("it is damaged"));
    }
    if version > u64::from(supports) {
        let text =
            format!("it is of version {version} of the fold, this program knows {supports}: upgrade it");
        return Err(refused(&text));
    }
    Ok((sequence, zstd::decode_all(rest)?))
}

/// A big-endian number of four or eight bytes.
fn number(data: &[u8]) -> Option<u64> {
    match data.len() {
        4 => Some(u64::from(u32::from_be_bytes(data.try_into().ok()?))),
        8 => Some(u64::from_be_bytes(data.try_into().ok()?)),
        _ => None,
    }
}
