//! What a blob names: the references inside a stored value, found by one walk over its pieces.

use std::collections::BTreeSet;

use symphony_protocol::bounds::VALUE_DEPTH_MAX;
use symphony_protocol::raw::{self, Head};
use symphony_protocol::values::REFERENCE_MARK;

use crate::error::{Error, ErrorKind};
use crate::reader::Reader;

/// The media type of blobs that hold a value, and so may hold references.
pub const VALUE_MEDIA_TYPE: &str = "application/msgpack";
/// References kept of one blob: those of a map over a million items, some 64 MiB of memory.
const NAMED_MAX: usize = 1_000_000;
const DIGEST_BYTES: usize = 64;
const HEAD_BYTES_MAX: usize = 9;

/// The digests that a value names, at any depth. A blob that is no value names what stands before the mistake: nobody
/// can read it as one, so nothing behind it is ever asked for.
///
/// Errors: the blob is damaged, or names more than can be kept.
pub fn named(reader: Reader<'_>) -> Result<BTreeSet<String>, Error> {
    let mut walk = Walk {
        reader,
        next: 0,
        held: Vec::new(),
        at: 0,
        found: BTreeSet::new(),
    };
    match walk.value(0) {
        Ok(_) | Err(Stop::NoValue) => Ok(walk.found),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// Why a walk ends early.
enum Stop {
    NoValue,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What a map has to know of the values in it.
enum Seen {
    One,
    Digest(String),
    Other,
}

struct Walk<'a> {
    reader: Reader<'a>,
    next: usize,
    /// One piece, and the rest of the one before.
    held: Vec<u8>,
    at: usize,
    found: BTreeSet<String>,
}

impl Walk<'_> {
    fn rest(&self) -> &[u8] {
        self.held.get(self.at..).unwrap_or_default()
    }

    /// See that `count` bytes are held, if there are as many.
    fn fill(&mut self, count: usize) -> Result<(), Error> {
        while self.rest().len() < count && self.next < self.reader.pieces() {
            self.held.drain(..self.at);
            self.at = 0;
            self.held.extend(self.reader.piece(self.next)?);
            self.next += 1;
        }
        Ok(())
    }

    fn head(&mut self) -> Result<Head, Stop> {
        self.fill(HEAD_BYTES_MAX)?;
        let mut reader = raw::Reader::new(self.rest());
        let head = reader.head().map_err(|_| Stop::NoValue)?;
        let used = self.rest().len() - reader.rest().len();
        self.at += used;
        Ok(head)
    }

    fn pass(&mut self, mut count: usize) -> Result<(), Stop> {
        while count > 0 {
            self.fill(1)?;
            let step = count.min(self.rest().len());
            if step == 0 {
                return Err(Stop::NoValue);
            }
            self.at += step;
            count -= step;
        }
        Ok(())
    }

    /// A text of at most a digest's length; longer ones are passed over, since nothing here asks for them.
    fn short(&mut self, count: usize) -> Result<Option<String>, Stop> {
        if count > DIGEST_BYTES {
            self.pass(count)?;
            return Ok(None);
        }
        self.fill(count)?;
        let text = self.rest().get(..count).ok_or(Stop::NoValue)?;
        let text = std::str::from_utf8(text).map_err(|_| Stop::NoValue)?.to_owned();
        self.at += count;
        Ok(Some(text))
    }

    fn value(&mut self, depth: usize) -> Result<Seen, Stop> {
        if depth > VALUE_DEPTH_MAX {
            return Err(Stop::NoValue);
        }
        match self.head()? {
            Head::Int(1) => return Ok(Seen::One),
            Head::Str(count) if count == DIGEST_BYTES => {
                return Ok(self.short(count)?.map_or(Seen::Other, Seen::Digest));
            }
            Head::Str(count) | Head::Bin(count) => self.pass(count)?,
            Head::Array(count) => {
                for _ in 0..count {
                    self.value(depth + 1)?;
                }
            }
            Head::Map(count) => self.map(count, depth)?,
            _ => {}
        }
        Ok(Seen::Other)
    }

    fn map(&mut self, count: usize, depth: usize) -> Result<(), Stop> {
        let (mut marked, mut digest) = (false, None);
        for _ in 0..count {
            let Head::Str(length) = self.head()? else {
                return Err(Stop::NoValue);
            };
            let key = self.short(length)?;
            match (key.as_deref(), self.value(depth + 1)?) {
                (Some(REFERENCE_MARK), Seen::One) => marked = true,
                (Some("digest"), Seen::Digest(text)) => digest = Some(text),
                _ => {}
            }
        }
        if let Some(digest) = digest.filter(|_| marked) {
            self.found.insert(digest);
            if self.found.len() > NAMED_MAX {
                let message = format!("the value names more than {NAMED_MAX} artifacts; split it");
                return Err(Error::new(ErrorKind::TooLarge, message).into());
            }
        }
        Ok(())
    }
}
