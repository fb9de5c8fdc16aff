//! The file of a blob: pieces of one mebibyte, each compressed where that pays, and an index behind them.
//!
//! `SYMBLOB1`, the pieces, the index (for each piece: offset u64, stored bytes u32, 1 if compressed u8), and a footer:
//! index offset u64, count u32, size u64, `SYMBEND1`. Integers are big-endian. A range is read without its neighbours.
//!
//! An encrypted blob begins with `SYMBLOB2` and two slots for its wrapped key (`keyring.rs`), of which one may be empty: a new
//! master key's wrapping is written and synced beside the old one before that is wiped. Each piece has its tag behind it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

use crate::error::{Error, ErrorKind};
use crate::keyring::{BlobKey, Keyring, SLOT_BYTES, Slot};

pub const PIECE_BYTES: usize = 1024 * 1024;
const HEAD: &[u8; 8] = b"SYMBLOB1";
const HEAD_SEALED: &[u8; 8] = b"SYMBLOB2";
const END: &[u8; 8] = b"SYMBEND1";
const ENTRY_BYTES: usize = 13;
const FOOTER_BYTES: usize = 28;
/// A piece is stored compressed only if that saves at least an eighth.
const SAVING: usize = 8;
const LEVEL: i32 = 3;

#[derive(Clone, Copy, Debug)]
struct Entry {
    offset: u64,
    stored: u32,
    packed: bool,
}

/// Writes a blob from beginning to end.
pub struct Writer {
    file: File,
    key: Option<BlobKey>,
    hasher: blake3::Hasher,
    entries: Vec<Entry>,
    pending: Vec<u8>,
    offset: u64,
    size: u64,
}

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    pub digest: String,
    pub size: u64,
    pub stored: u64,
}

impl Writer {
    /// Encrypted where there are master keys.
    pub fn new(mut file: File, keyring: &Keyring) -> Result<Self, Error> {
        let (key, head) = match keyring.make()? {
            Some((key, slot)) => (
                Some(key),
                [HEAD_SEALED.as_slice(), &slot, &[0; SLOT_BYTES]].concat(),
            ),
            None => (None, HEAD.to_vec()),
        };
        file.write_all(&head)?;
        let offset = head.len() as u64;
        Ok(Self {
            file,
            key,
            hasher: blake3::Hasher::new(),
            entries: Vec::new(),
            pending: Vec::new(),
            offset,
            size: 0,
        })
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn write(&mut self, mut data: &[u8]) -> Result<(), Error> {
        self.hasher.update(data);
        self.size += data.len() as u64;
        while !data.is_empty() {
            let room = PIECE_BYTES - self.pending.len();
            let (now, later) = data.split_at(room.min(data.len()));
            self.pending.extend_from_slice(now);
            data = later;
            if self.pending.len() == PIECE_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let plain = std::mem::take(&mut self.pending);
        let packed = zstd::bulk::compress(&plain, LEVEL)?;
        let pays = packed.len() + plain.len() / SAVING <= plain.len();
        let mut data = if pays { packed } else { plain };
        if let Some(key) = &self.key {
            key.seal(self.entries.len() as u64, pays, &mut data)?;
        }
        self.file.write_all(&data)?;
        let stored =
            u32::try_from(data.len()).map_err(|_| Error::new(ErrorKind::TooLarge, "a piece is too large"))?;
        self.entries.push(Entry {
            offset: self.offset,
            stored,
            packed: pays,
        });
        self.offset += u64::from(stored);
        Ok(())
    }

    /// Write index and footer, and see that all of it is on the disk.
    pub fn finish(mut self) -> Result<Written, Error> {
        if !self.pending.is_empty() {
            self.flush()?;
        }
        let mut tail = Vec::with_capacity(self.entries.len() * ENTRY_BYTES + FOOTER_BYTES);
        for entry in &self.entries {
            tail.extend_from_slice(&entry.offset.to_be_bytes());
            tail.extend_from_slice(&entry.stored.to_be_bytes());
            tail.push(u8::from(entry.packed));
        }
        let count = u32::try_from(self.entries.len())
            .map_err(|_| Error::new(ErrorKind::TooLarge, "too many pieces"))?;
        tail.extend_from_slice(&self.offset.to_be_bytes());
        tail.extend_from_slice(&count.to_be_bytes());
        tail.extend_from_slice(&self.size.to_be_bytes());
        tail.extend_from_slice(END);
        self.file.write_all(&tail)?;
        self.file.sync_all()?;
        let stored = self.offset + tail.len() as u64;
        Ok(Written {
            digest: self.hasher.finalize().to_hex().to_string(),
            size: self.size,
            stored,
        })
    }
}

/// Reads ranges of a blob.
pub struct Reader {
    file: File,
    key: Option<BlobKey>,
    entries: Vec<Entry>,
    size: u64,
}

fn corrupt(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the blob is damaged: {what}"))
}

fn take<const N: usize>(data: &mut &[u8]) -> Result<[u8; N], Error> {
    let (head, rest) = data
        .split_first_chunk()
        .ok_or_else(|| corrupt("its index is cut off"))?;
    *data = rest;
    Ok(*head)
}

/// The two slots of an encrypted blob; none where it is plain.
fn slots(file: &mut File) -> Result<Option<[Slot; 2]>, Error> {
    let mut head = [0; HEAD.len()];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut head).map_err(|_| corrupt("it is cut off"))?;
    if &head == HEAD {
        return Ok(None);
    }
    if &head != HEAD_SEALED {
        return Err(corrupt("it does not begin as a blob"));
    }
    let mut slots = [[0; SLOT_BYTES]; 2];
    for slot in &mut slots {
        file.read_exact(slot)
            .map_err(|_| corrupt("its keys are cut off"))?;
    }
    Ok(Some(slots))
}

fn key_of(slots: &[Slot; 2], keyring: &Keyring) -> Result<BlobKey, Error> {
    for slot in slots {
        if let Some(key) = keyring.unwrap(slot)? {
            return Ok(key);
        }
    }
    let text = "the blob is encrypted under a master key that is not in the key file";
    Err(Error::new(ErrorKind::Unavailable, text))
}

/// What came of a blob's key when it was to be put under the current master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewrapped {
    Done,
    AsItWas,
    /// It is not encrypted.
    Plain,
}

/// Put a blob's key under the current master key, and nothing of it under another. Whenever this is cut off, the blob can be
/// read by the old key or by the new one.
pub fn rewrap(file: &mut File, keyring: &Keyring) -> Result<Rewrapped, Error> {
    let Some(slots) = slots(file)? else {
        return Ok(Rewrapped::Plain);
    };
    let empty = [0; SLOT_BYTES];
    let of = |slot: &Slot| keyring.is_current(slot) && matches!(keyring.unwrap(slot), Ok(Some(_)));
    let current = slots.iter().position(of);
    if current.is_some() && slots.contains(&empty) {
        return Ok(Rewrapped::AsItWas);
    }
    let mut write = |at: usize, slot: &Slot| -> Result<(), Error> {
        file.seek(SeekFrom::Start((HEAD.len() + at * SLOT_BYTES) as u64))?;
        file.write_all(slot)?;
        Ok(file.sync_all()?)
    };
    let current = match current {
        Some(at) => at,
        None => {
            let key = key_of(&slots, keyring)?;
            // Not over the one that it was read from.
            let first = slots
                .first()
                .map(|slot| keyring.unwrap(slot))
                .transpose()?
                .flatten();
            let at = usize::from(first.is_some());
            write(at, &keyring.wrap(&key)?)?;
            at
        }
    };
    write(1 - current, &empty)?;
    Ok(Rewrapped::Done)
}

impl Reader {
    pub fn open(mut file: File, keyring: &Keyring) -> Result<Self, Error> {
        let key = match slots(&mut file)? {
            Some(slots) => Some(key_of(&slots, keyring)?),
            None => None,
        };
        let length = file.metadata()?.len();
        let footer_at = length
            .checked_sub(FOOTER_BYTES as u64)
            .ok_or_else(|| corrupt("it is cut off"))?;
        let mut footer = [0; FOOTER_BYTES];
        file.seek(SeekFrom::Start(footer_at))?;
        file.read_exact(&mut footer)?;
        let mut rest = footer.as_slice();
        let index_at = u64::from_be_bytes(take(&mut rest)?);
        let count = u32::from_be_bytes(take(&mut rest)?);
        let size = u64::from_be_bytes(take(&mut rest)?);
        let index_bytes = u64::from(count) * ENTRY_BYTES as u64;
        if rest != END || index_at.checked_add(index_bytes) != Some(footer_at) {
            return Err(corrupt("its footer is not one"));
        }
        let mut index = vec![0; usize::try_from(index_bytes).map_err(|_| corrupt("its index is too large"))?];
        file.seek(SeekFrom::Start(index_at))?;
        file.read_exact(&mut index)?;
        let mut rest = index.as_slice();
        let mut entries = Vec::with_capacity(index.len() / ENTRY_BYTES);
        while !rest.is_empty() {
            let offset = u64::from_be_bytes(take(&mut rest)?);
            let stored = u32::from_be_bytes(take(&mut rest)?);
            let [packed] = take::<1>(&mut rest)?;
            entries.push(Entry {
                offset,
                stored,
                packed: packed == 1,
            });
        }
        Ok(Self {
            file,
            key,
            entries,
            size,
        })
    }

    pub fn is_encrypted(&self) -> bool {
        self.key.is_some()
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn pieces(&self) -> usize {
        self.entries.len()
    }

    pub fn piece(&mut self, index: usize) -> Result<Vec<u8>, Error> {
        let entry = *self
            .entries
            .get(index)
            .ok_or_else(|| corrupt("a piece is missing"))?;
        let mut data = vec![0; usize::try_from(entry.stored).map_err(|_| corrupt("a piece is too large"))?];
        self.file.seek(SeekFrom::Start(entry.offset))?;
        self.file
            .read_exact(&mut data)
            .map_err(|_| corrupt("a piece is cut off"))?;
        if let Some(key) = &self.key {
            key.open(index as u64, entry.packed, &mut data)?;
        }
        if entry.packed {
            data = zstd::bulk::decompress(&data, PIECE_BYTES)
                .map_err(|_| corrupt("a piece cannot be decompressed"))?;
        }
        Ok(data)
    }

    /// Bytes from `offset` on, at most `length`.
    pub fn range(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        let end = offset.saturating_add(length as u64).min(self.size);
        let mut made = Vec::with_capacity(usize::try_from(end.saturating_sub(offset)).unwrap_or_default());
        let mut at = offset;
        while at < end {
            let index = usize::try_from(at / PIECE_BYTES as u64).map_err(|_| corrupt("out of range"))?;
            let inside = usize::try_from(at % PIECE_BYTES as u64).unwrap_or_default();
            let piece = self.piece(index)?;
            let wanted = usize::try_from(end - at)
                .unwrap_or(usize::MAX)
                .min(piece.len().saturating_sub(inside));
            let part = piece.get(inside..inside + wanted).filter(|part| !part.is_empty());
            made.extend_from_slice(part.ok_or_else(|| corrupt("a piece is short"))?);
            at += wanted as u64;
        }
        Ok(made)
    }

    /// The digest of what is there.
    pub fn digest(&mut self) -> Result<String, Error> {
        let mut hasher = blake3::Hasher::new();
        let mut size = 0_u64;
        for index in 0..self.pieces() {
            let piece = self.piece(index)?;
            size += piece.len() as u64;
            hasher.update(&piece);
        }
        if size != self.size {
            return Err(corrupt("its size is another"));
        }
        Ok(hasher.finalize().to_hex().to_string())
    }
}
