//! Writes a blob from beginning to end: a small one as one record, a large one cut by its content into chunks, so that versions
//! of it share those that did not change.
//!
//! Cuts are found by FastCDC (Xia et al., USENIX ATC 2016; the masks of 2020), so an insertion moves the cuts near it alone.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use fastcdc::v2020::FastCDC;

use crate::domains::Domain;
use crate::error::{Error, ErrorKind};
use crate::manifest::{Manifest, Part};
use crate::packs::{Pin, Spot};
use crate::record::{Digest, Draft, Kind};
use crate::shared::Shared;
use crate::storage::locked;

/// A blob of so many bytes at most is one record: it is what fits into a message, and too short to share much.
pub const SMALL_BYTES: usize = 64 * 1024;
/// Chunks are as small as makes versions share most, and as large as keeps their list below a thousandth of the blob.
const CHUNK_BYTES_MIN: usize = 16 * 1024;
const CHUNK_BYTES: usize = 64 * 1024;
const CHUNK_BYTES_MAX: usize = 256 * 1024;
/// What is gathered before it is cut.
const GATHERED_BYTES: usize = 1024 * 1024;

pub struct Writer {
    shared: Arc<Shared>,
    domain: Option<Arc<Domain>>,
    scope: u64,
    hasher: blake3::Hasher,
    gathered: Vec<u8>,
    parts: Vec<Part>,
    /// The chunks that this upload has written.
    written: HashMap<Digest, Spot>,
    pins: BTreeMap<u64, Pin>,
    size: u64,
    stored: u64,
}

/// A blob that is written, and is nothing yet.
pub struct Finished {
    pub digest: Digest,
    pub size: u64,
    /// Bytes that its chunks took which were not there before.
    pub stored: u64,
    pub small: Vec<u8>,
    pub parts: Option<Arc<Manifest>>,
    pub written: HashMap<Digest, Spot>,
    pub domain: Option<Arc<Domain>>,
    pub scope: u64,
    _pins: BTreeMap<u64, Pin>,
}

impl Writer {
    pub fn new(shared: Arc<Shared>, tenant: &str) -> Result<Self, Error> {
        let (domain, scope) = shared.scope(tenant)?;
        Ok(Self {
            shared,
            domain,
            scope,
            hasher: blake3::Hasher::new(),
            gathered: Vec::new(),
            parts: Vec::new(),
            written: HashMap::new(),
            pins: BTreeMap::new(),
            size: 0,
            stored: 0,
        })
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn write(&mut self, mut data: &[u8]) -> Result<(), Error> {
        self.hasher.update(data);
        self.size += data.len() as u64;
        while !data.is_empty() {
            let room = GATHERED_BYTES - self.gathered.len();
            let (now, later) = data.split_at(room.min(data.len()));
            self.gathered.extend_from_slice(now);
            data = later;
            if self.gathered.len() == GATHERED_BYTES {
                self.cut(CHUNK_BYTES_MAX)?;
            }
        }
        Ok(())
    }

    /// Store chunks of what is gathered, as long as so many bytes are left to look at: an end that more data may move is
    /// no cut.
    fn cut(&mut self, least: usize) -> Result<(), Error> {
        let data = std::mem::take(&mut self.gathered);
        let finder = FastCDC::new(&data, CHUNK_BYTES_MIN, CHUNK_BYTES, CHUNK_BYTES_MAX);
        let mut at = 0;
        while data.len() - at >= least.max(1) {
            let (_, end) = finder.cut(at, data.len() - at);
            let chunk = data.get(at..end).unwrap_or_default();
            if chunk.is_empty() {
                return Err(Error::new(ErrorKind::Invalid, "the content cannot be cut"));
            }
            self.chunk(chunk)?;
            at = end;
        }
        self.gathered = data.get(at..).unwrap_or_default().to_vec();
        Ok(())
    }

    fn chunk(&mut self, data: &[u8]) -> Result<(), Error> {
        let digest = *blake3::hash(data).as_bytes();
        let spot = match self.written.get(&digest) {
            Some(spot) => *spot,
            None => match self.known(&digest)? {
                Some(spot) => spot,
                None => self.store(digest, data)?,
            },
        };
        self.parts.push(Part {
            digest,
            size: u32::try_from(data.len()).unwrap_or(u32::MAX),
            at: Some((spot, self.scope)),
        });
        Ok(())
    }

    /// Where a chunk lies that others have stored. It stays there as long as this upload is under way.
    fn known(&mut self, digest: &Digest) -> Result<Option<Spot>, Error> {
        let catalogue = locked(&self.shared.catalogue);
        let Some(place) = catalogue.record(digest, Kind::Chunk, self.scope)? else {
            return Ok(None);
        };
        let pack = place.spot.pack;
        self.pins
            .entry(pack)
            .or_insert_with(|| self.shared.packs.pin(pack));
        Ok(Some(place.spot))
    }

    fn store(&mut self, digest: Digest, content: &[u8]) -> Result<Spot, Error> {
        let draft = Draft {
            kind: Kind::Chunk,
            digest,
            media_type: "",
            created_ms: 0,
            content,
        };
        let record = draft.encode(self.domain.as_deref())?;
        let (spot, pin) = self.shared.packs.append_part(&record)?;
        self.pins.entry(spot.pack).or_insert(pin);
        self.written.insert(digest, spot);
        self.stored += u64::from(spot.length);
        Ok(spot)
    }

    /// All of it is here.
    pub fn finish(mut self) -> Result<Finished, Error> {
        let large = !self.parts.is_empty() || self.gathered.len() > SMALL_BYTES;
        if large {
            self.cut(1)?;
        }
        Ok(Finished {
            digest: *self.hasher.finalize().as_bytes(),
            size: self.size,
            stored: self.stored,
            small: std::mem::take(&mut self.gathered),
            parts: large.then(|| Arc::new(Manifest::new(std::mem::take(&mut self.parts)))),
            written: std::mem::take(&mut self.written),
            domain: self.domain.clone(),
            scope: self.scope,
            _pins: std::mem::take(&mut self.pins),
        })
    }
}
