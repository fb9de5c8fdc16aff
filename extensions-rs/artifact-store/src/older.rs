//! Blobs as they lay before there were packs, a file each: read once, at the start, and put into packs.
//!
//! `SYMBLOB1`, pieces of one mebibyte, an index (for each piece: offset u64, stored bytes u32, 1 if compressed u8), and a footer:
//! index offset u64, count u32, size u64, `SYMBEND1`. An encrypted one began with `SYMBLOB2` and two slots for a key of its own.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use symphony_protocol::Lineage;

use crate::error::{Error, ErrorKind};
use crate::keyring::{Key, Keyring, NONCE_BYTES, SLOT_BYTES};
use crate::put::Incoming;
use crate::storage::{Storage, locked, parsed};

const PIECE_BYTES: usize = 1024 * 1024;
const HEAD: &[u8; 8] = b"SYMBLOB1";
const HEAD_SEALED: &[u8; 8] = b"SYMBLOB2";
const END: &[u8; 8] = b"SYMBEND1";
const ENTRY_BYTES: u64 = 13;
const FOOTER_BYTES: u64 = 28;

struct Piece {
    offset: u64,
    stored: u32,
    packed: bool,
}

struct Older {
    file: File,
    key: Option<Key>,
    pieces: Vec<Piece>,
}

fn corrupt(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the blob is damaged: {what}"))
}

fn take<const N: usize>(data: &mut &[u8]) -> Result<[u8; N], Error> {
    let (head, rest) = data.split_first_chunk().ok_or_else(|| corrupt("it is cut off"))?;
    *data = rest;
    Ok(*head)
}

fn key_of(file: &File, keyring: &Keyring) -> Result<Option<Key>, Error> {
    let mut head = [0; 8];
    file.read_exact_at(&mut head, 0)
        .map_err(|_| corrupt("it is cut off"))?;
    if &head == HEAD {
        return Ok(None);
    }
    if &head != HEAD_SEALED {
        return Err(corrupt("it does not begin as a blob"));
    }
    for number in 0..2_u64 {
        let mut slot = [0; SLOT_BYTES];
        let at = 8 + number * SLOT_BYTES as u64;
        file.read_exact_at(&mut slot, at)
            .map_err(|_| corrupt("its keys are cut off"))?;
        if let Some(key) = keyring.unwrap(&slot)? {
            return Ok(Some(key));
        }
    }
    let text = "the blob is encrypted under a master key that is not in the key file";
    Err(Error::new(ErrorKind::Unavailable, text))
}

impl Older {
    fn open(path: &Path, keyring: &Keyring) -> Result<Self, Error> {
        let file = File::open(path)?;
        let key = key_of(&file, keyring)?;
        let cut = |_| corrupt("it is cut off");
        let footer_at = file.metadata()?.len().saturating_sub(FOOTER_BYTES);
        let mut footer = [0; FOOTER_BYTES as usize];
        file.read_exact_at(&mut footer, footer_at).map_err(cut)?;
        let mut rest = footer.as_slice();
        let index_at = u64::from_be_bytes(take(&mut rest)?);
        let count = u64::from(u32::from_be_bytes(take(&mut rest)?));
        let _size: [u8; 8] = take(&mut rest)?;
        if rest != END || index_at.checked_add(count * ENTRY_BYTES) != Some(footer_at) {
            return Err(corrupt("its footer is not one"));
        }
        let bytes = usize::try_from(count * ENTRY_BYTES).map_err(|_| corrupt("its index is too large"))?;
        let mut index = vec![0; bytes];
        file.read_exact_at(&mut index, index_at).map_err(cut)?;
        let mut rest = index.as_slice();
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let offset = u64::from_be_bytes(take(&mut rest)?);
            let stored = u32::from_be_bytes(take(&mut rest)?);
            let [packed] = take::<1>(&mut rest)?;
            pieces.push(Piece {
                offset,
                stored,
                packed: packed == 1,
            });
        }
        Ok(Self { file, key, pieces })
    }

    fn piece(&self, number: usize, piece: &Piece) -> Result<Vec<u8>, Error> {
        let mut data = vec![0; piece.stored as usize];
        let read = self.file.read_exact_at(&mut data, piece.offset);
        read.map_err(|_| corrupt("a piece is cut off"))?;
        if let Some(key) = &self.key {
            let mut nonce = [0; NONCE_BYTES];
            let number = (number as u64).to_be_bytes();
            nonce
                .iter_mut()
                .skip(NONCE_BYTES - 8)
                .zip(number)
                .for_each(|(to, from)| *to = from);
            key.open(nonce, &[u8::from(piece.packed)], &mut data)?;
        }
        if piece.packed {
            data = zstd::bulk::decompress(&data, PIECE_BYTES)
                .map_err(|_| corrupt("a piece cannot be decompressed"))?;
        }
        Ok(data)
    }
}

impl Storage {
    /// Put blobs of the older form into packs. Each one's file goes once it is there; one that cannot be read stays, and is told.
    pub(crate) fn carry_over(&self) -> Result<(), Error> {
        let mut carried = 0_u64;
        for folder in fs::read_dir(&self.folder)?.flatten() {
            let first = folder.file_name().to_string_lossy().into_owned();
            if first.len() != 2 || !folder.path().is_dir() {
                continue;
            }
            for file in fs::read_dir(folder.path())?.flatten() {
                let digest = format!("{first}{}", file.file_name().to_string_lossy());
                match self.carry(&file.path(), &digest) {
                    Ok(()) => carried += 1,
                    Err(error) => {
                        tracing::error!(%error, digest, "an artifact of the older form stays where it is")
                    }
                }
            }
            let _ = fs::remove_dir(folder.path()); // not while anything is in it
        }
        if carried > 0 {
            tracing::info!(carried, "artifacts of the older form were put into packs");
        }
        Ok(())
    }

    fn carry(&self, path: &Path, digest: &str) -> Result<(), Error> {
        parsed(digest)?;
        let older = Older::open(path, self.shared.domains.keyring())?;
        let mut writer = self.begin("")?;
        for (number, piece) in older.pieces.iter().enumerate() {
            writer.write(&older.piece(number, piece)?)?;
        }
        let (media_type, created_ms) = {
            let catalogue = locked(&self.shared.catalogue);
            (catalogue.media_type(digest)?, catalogue.created_ms(digest)?)
        };
        let media_type = media_type.unwrap_or_else(|| "application/octet-stream".to_owned());
        let blob = Incoming {
            writer,
            expected: Some(digest),
            media_type: &media_type,
            lineage: &Lineage::default(),
        };
        self.commit(blob, created_ms.unwrap_or_default())?;
        Ok(fs::remove_file(path)?)
    }
}
