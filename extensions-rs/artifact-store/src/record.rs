//! One record of a pack: a header, a media type, and the content: compressed where that pays, sealed where there is a key.
//!
//! The header has 80 bytes, integers big-endian: `SREC`, kind u8, flags u8 (1: compressed), length of the media type u16,
//! digest of the content, key u64 (0: not sealed), time in ms u64, size u32, stored bytes behind the header u32, 8 bytes of
//! the BLAKE3 of these, 8 bytes of the BLAKE3 of the header. Sealed content has its nonce before it and its tag behind it.

use std::cell::RefCell;

use crate::domains::Domain;
use crate::error::{Error, ErrorKind};

pub const HEADER_BYTES: usize = 80;
pub const MARK: &[u8; 4] = b"SREC";
const PACKED: u8 = 1;
/// Content is stored compressed only if that saves at least an eighth.
const SAVING: usize = 8;
const LEVEL: i32 = 3;
/// Below this nothing is won by compressing.
const TRIED_BYTES: usize = 128;
/// What is looked at to tell whether compressing is worth a try: so many windows of so many bytes, spread evenly.
const WINDOWS: usize = 16;
const WINDOW_BYTES: usize = 256;
/// Bits a byte from which on nothing is tried: what is encrypted or compressed already has 7.9 and more in such a sample,
/// text some 4 to 5.
const ENTROPY_MAX: f64 = 7.2;

pub type Digest = [u8; 32];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A small blob.
    Blob = 1,
    /// A part of large ones.
    Chunk = 2,
    /// A large blob: the digests and sizes of its chunks.
    Manifest = 3,
}

impl Kind {
    pub fn of(number: u8) -> Option<Self> {
        [Self::Blob, Self::Chunk, Self::Manifest]
            .into_iter()
            .find(|kind| *kind as u8 == number)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub kind: Kind,
    pub packed: bool,
    pub media_bytes: u16,
    pub digest: Digest,
    /// The key that it is sealed under; 0: none.
    pub domain: u64,
    pub created_ms: u64,
    pub size: u32,
    /// Bytes behind the header.
    pub stored: u32,
    check: [u8; 8],
}

fn corrupt(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the blob is damaged: {what}"))
}

fn check_of(data: &[u8]) -> [u8; 8] {
    let mut check = [0; 8];
    let hash = blake3::hash(data);
    check
        .iter_mut()
        .zip(hash.as_bytes())
        .for_each(|(to, from)| *to = *from);
    check
}

fn take<const N: usize>(data: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = data.split_first_chunk()?;
    *data = rest;
    Some(*head)
}

impl Header {
    /// What the seal covers beside the content: all that says what it is.
    fn bound(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(HEADER_BYTES);
        data.extend_from_slice(MARK);
        data.extend_from_slice(&[self.kind as u8, if self.packed { PACKED } else { 0 }]);
        data.extend_from_slice(&self.media_bytes.to_be_bytes());
        data.extend_from_slice(&self.digest);
        data.extend_from_slice(&self.domain.to_be_bytes());
        data.extend_from_slice(&self.created_ms.to_be_bytes());
        data.extend_from_slice(&self.size.to_be_bytes());
        data
    }

    fn write(&self) -> Vec<u8> {
        let mut data = self.bound();
        data.extend_from_slice(&self.stored.to_be_bytes());
        data.extend_from_slice(&self.check);
        let check = check_of(&data);
        data.extend_from_slice(&check);
        data
    }

    /// None: there is no header here, or a damaged one.
    pub fn read(data: &[u8]) -> Option<Self> {
        let whole = data.get(..HEADER_BYTES)?;
        let (covered, check) = whole.split_at_checked(HEADER_BYTES - 8)?;
        let mut rest = covered.strip_prefix(MARK)?;
        if check != check_of(covered) {
            return None;
        }
        let [kind, flags] = take(&mut rest)?;
        Some(Self {
            kind: Kind::of(kind)?,
            packed: flags & PACKED != 0,
            media_bytes: u16::from_be_bytes(take(&mut rest)?),
            digest: take(&mut rest)?,
            domain: u64::from_be_bytes(take(&mut rest)?),
            created_ms: u64::from_be_bytes(take(&mut rest)?),
            size: u32::from_be_bytes(take(&mut rest)?),
            stored: u32::from_be_bytes(take(&mut rest)?),
            check: take(&mut rest)?,
        })
    }

    /// Bytes of header and body.
    pub fn length(&self) -> usize {
        HEADER_BYTES + self.stored as usize
    }
}

/// A record whose bytes are here and not damaged.
pub struct Record<'a> {
    pub header: Header,
    pub media_type: &'a str,
    stored: &'a [u8],
    body: &'a [u8],
}

impl<'a> Record<'a> {
    /// Kind `Corrupt`: what is there is not what was written.
    pub fn read(data: &'a [u8]) -> Result<Self, Error> {
        let record = Self::parse(data)?;
        record.check()?;
        Ok(record)
    }

    fn check(&self) -> Result<(), Error> {
        if check_of(self.stored) != self.header.check {
            return Err(corrupt("it is not what was written"));
        }
        Ok(())
    }

    /// The same for whoever asks for the content, which has its own digest or seal.
    pub fn parse(data: &'a [u8]) -> Result<Self, Error> {
        let header = Header::read(data).ok_or_else(|| corrupt("it has no header"))?;
        let stored = data
            .get(HEADER_BYTES..header.length())
            .ok_or_else(|| corrupt("it is cut off"))?;
        let (media, body) = stored
            .split_at_checked(usize::from(header.media_bytes))
            .ok_or_else(|| corrupt("its media type is cut off"))?;
        let media_type = std::str::from_utf8(media).map_err(|_| corrupt("its media type is no text"))?;
        Ok(Self {
            header,
            media_type,
            stored,
            body,
        })
    }

    /// The content, held against its digest unless it is a manifest, whose digest is that of the blob it stands for.
    pub fn content(&self, domain: Option<&Domain>) -> Result<Vec<u8>, Error> {
        if self.header.kind == Kind::Manifest {
            self.check()?;
        }
        let mut data = self.body.to_vec();
        if let Some(domain) = domain {
            domain.open(
                self.header.kind,
                &self.header.digest,
                &self.header.bound(),
                &mut data,
            )?;
        }
        if self.header.packed {
            data = zstd::bulk::decompress(&data, self.header.size as usize)
                .map_err(|_| corrupt("it cannot be decompressed"))?;
        }
        let known =
            self.header.kind == Kind::Manifest || blake3::hash(&data).as_bytes() == &self.header.digest;
        if !known || data.len() != self.header.size as usize {
            return Err(corrupt("its content is not that of its digest"));
        }
        Ok(data)
    }
}

/// What is to be written.
pub struct Draft<'a> {
    pub kind: Kind,
    pub digest: Digest,
    pub media_type: &'a str,
    pub created_ms: u64,
    pub content: &'a [u8],
}

impl Draft<'_> {
    /// The bytes of a record.
    pub fn encode(&self, domain: Option<&Domain>) -> Result<Vec<u8>, Error> {
        let packed = compressed(self.content)?;
        let size = u32::try_from(self.content.len())
            .map_err(|_| Error::new(ErrorKind::TooLarge, "a part of the blob is too large"))?;
        // Messages bound it to 128 characters.
        let media = self.media_type.as_bytes();
        let mut header = Header {
            kind: self.kind,
            packed: packed.is_some(),
            media_bytes: u16::try_from(media.len())
                .map_err(|_| Error::new(ErrorKind::Invalid, "the media type is too long"))?,
            digest: self.digest,
            domain: domain.map_or(0, Domain::id),
            created_ms: self.created_ms,
            size,
            stored: 0,
            check: [0; 8],
        };
        let mut body = media.to_vec();
        match (domain, packed) {
            (Some(domain), packed) => {
                let plain = packed.unwrap_or_else(|| self.content.to_vec());
                body.extend(domain.seal(self.kind, &self.digest, &header.bound(), plain)?);
            }
            (None, Some(packed)) => body.extend(packed),
            (None, None) => body.extend_from_slice(self.content),
        }
        header.stored = u32::try_from(body.len())
            .map_err(|_| Error::new(ErrorKind::TooLarge, "a part of the blob is too large"))?;
        header.check = check_of(&body);
        let mut data = header.write();
        data.extend(body);
        Ok(data)
    }
}

/// Bits a byte of a sample, by how often each byte stands in it: an order-0 estimate. It does not see repetitions of what
/// looks random, which are found by chunks that are the same.
fn entropy(data: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    let step = (data.len() / WINDOWS).max(WINDOW_BYTES);
    let mut seen = 0_u32;
    for window in data.chunks(step) {
        for byte in window.iter().take(WINDOW_BYTES) {
            if let Some(count) = counts.get_mut(usize::from(*byte)) {
                *count += 1;
                seen += 1;
            }
        }
    }
    let share = |count: &u32| f64::from(*count) / f64::from(seen.max(1));
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| -share(count) * share(count).log2())
        .sum()
}

thread_local! {
    /// A context of zstd is some hundred KiB: one a thread, not one a chunk.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
}

/// The content compressed; none where that is not tried or does not pay.
fn compressed(data: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    // In a small sample random bytes look less than random, so it is no test for small blobs.
    if data.len() < TRIED_BYTES || (data.len() >= WINDOWS * WINDOW_BYTES && entropy(data) > ENTROPY_MAX) {
        return Ok(None);
    }
    let packed = COMPRESSOR.with(|shared| -> std::io::Result<Vec<u8>> {
        let mut shared = shared.borrow_mut();
        if shared.is_none() {
            *shared = Some(zstd::bulk::Compressor::new(LEVEL)?);
        }
        match shared.as_mut() {
            Some(compressor) => compressor.compress(data),
            None => zstd::bulk::compress(data, LEVEL),
        }
    })?;
    Ok((packed.len() + data.len() / SAVING <= data.len()).then_some(packed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(bytes: usize) -> Vec<u8> {
        let mut state = 88_172_645_463_325_252_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        };
        (0..bytes).map(|_| next()).collect()
    }

    fn draft(content: &[u8]) -> Vec<u8> {
        let digest = *blake3::hash(content).as_bytes();
        let draft = Draft {
            kind: Kind::Blob,
            digest,
            media_type: "text/plain",
            created_ms: 7,
            content,
        };
        draft.encode(None).unwrap()
    }

    #[test]
    fn a_record_is_what_was_written_and_no_byte_of_it_changes_unseen() {
        let content = b"a small blob, a small blob".repeat(9);
        let data = draft(&content);
        let record = Record::read(&data).unwrap();
        assert_eq!(record.content(None).unwrap(), content);
        assert_eq!((record.media_type, record.header.created_ms), ("text/plain", 7));
        assert!(record.header.packed && data.len() < content.len());
        for at in 0..data.len() {
            let mut other = data.clone();
            other[at] ^= 0x10;
            assert!(Record::read(&other).is_err(), "byte {at}");
            assert!(Record::read(&data[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn what_is_random_is_not_tried_and_what_is_text_is() {
        let text = b"the quick brown fox jumps over the lazy dog, ".repeat(1000);
        assert!(entropy(&text) < 5.0);
        assert!(entropy(&noise(65_536)) > ENTROPY_MAX);
        assert!(compressed(&noise(65_536)).unwrap().is_none());
        assert!(compressed(&text).unwrap().unwrap().len() < text.len() / 10);
        let base64: Vec<u8> = noise(65_536).iter().map(|byte| b'A' + (byte & 63)).collect();
        assert!(compressed(&base64).unwrap().unwrap().len() < base64.len() * 7 / 8);
    }
}
