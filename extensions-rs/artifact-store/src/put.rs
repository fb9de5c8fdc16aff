//! How a blob becomes visible: its record is on the disk, then one transaction says where it lies, what it is and where it came from.

use std::sync::Arc;

use symphony_protocol::Lineage;

use crate::catalogue::About;
use crate::error::{Error, ErrorKind};
use crate::faults;
use crate::packs::Pending;
use crate::places::{self, Place};
use crate::reader::Reader;
use crate::record::{Draft, Kind};
use crate::storage::{Storage, hex, locked, unique};
use crate::writer::{Finished, Writer};

/// Of a text, what is indexed.
const TEXT_BYTES: usize = 64 * 1024;
/// Media types that are text beside `text/*`, by their ends.
const TEXTUAL: [&str; 4] = ["json", "xml", "yaml", "toml"];

/// What was stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    pub digest: String,
    pub size: u64,
    /// Bytes that it takes on the disk beside what was there.
    pub stored: u64,
}

/// A blob that is to be stored, and what is said of it.
pub struct Incoming<'a> {
    pub writer: Writer,
    /// What its digest must be.
    pub expected: Option<&'a str>,
    pub media_type: &'a str,
    pub lineage: &'a Lineage,
}

struct Placed<'a> {
    finished: Finished,
    digest: String,
    pending: Pending,
    media_type: &'a str,
    lineage: &'a Lineage,
}

impl Storage {
    /// Make a written blob visible under its digest.
    ///
    /// Errors: `Invalid`, the content is not that of `expected`; `Unavailable`, the disk or the catalogue refuses.
    pub fn commit(&self, blob: Incoming<'_>, now_ms: u64) -> Result<Written, Error> {
        let [written] = <[_; 1]>::try_from(self.commit_all(vec![blob], now_ms)?)
            .map_err(|_| Error::new(ErrorKind::Unavailable, "the blob was not stored"))?;
        Ok(written)
    }

    /// The same for many: all of them or none, with one sync and one transaction.
    pub fn commit_all(&self, blobs: Vec<Incoming<'_>>, now_ms: u64) -> Result<Vec<Written>, Error> {
        let mut placed = Vec::with_capacity(blobs.len());
        for blob in blobs {
            placed.push(self.append(blob, now_ms)?);
        }
        for one in &placed {
            self.shared.packs.sync(&one.pending.spot)?;
        }
        let written = self.catalogued(&placed, now_ms)?;
        faults::at("put.indexed");
        for one in &placed {
            self.index(one)?;
        }
        Ok(written)
    }

    fn append<'a>(&self, blob: Incoming<'a>, now_ms: u64) -> Result<Placed<'a>, Error> {
        let mut finished = blob.writer.finish()?;
        let digest = hex(&finished.digest);
        if blob.expected.is_some_and(|expected| expected != digest) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "the content is not that of the digest",
            ));
        }
        // Before the blob can be seen: nobody finds a value while what it names may still be deleted.
        let small = finished.small.clone();
        let reader = Reader::unfinished(&self.shared, finished.scope, small, finished.parts.as_ref());
        self.walk(&digest, blob.media_type, reader)?;
        let list = finished.parts.as_ref().map(|parts| parts.encode());
        let draft = Draft {
            kind: if list.is_some() {
                Kind::Manifest
            } else {
                Kind::Blob
            },
            digest: finished.digest,
            media_type: blob.media_type,
            created_ms: now_ms,
            content: list.as_deref().unwrap_or(&finished.small),
        };
        let pending = self
            .shared
            .packs
            .append(&draft.encode(finished.domain.as_deref())?)?;
        finished.stored += u64::from(pending.spot.length);
        Ok(Placed {
            finished,
            digest,
            pending,
            media_type: blob.media_type,
            lineage: blob.lineage,
        })
    }

    fn catalogued(&self, placed: &[Placed<'_>], now_ms: u64) -> Result<Vec<Written>, Error> {
        let mut made = Vec::with_capacity(placed.len());
        let mut catalogue = locked(&self.shared.catalogue);
        let transaction = catalogue.connection.transaction()?;
        for one in placed {
            let Finished {
                scope, size, stored, ..
            } = one.finished;
            let kind = if one.finished.parts.is_some() {
                Kind::Manifest
            } else {
                Kind::Blob
            };
            let spot = one.pending.spot;
            let place = Place {
                spot,
                kind,
                scope,
                size,
            };
            // A copy that is there already had its chunks counted.
            let again = places::is_there(&transaction, &one.finished.digest, kind, scope)?;
            places::insert(&transaction, &one.finished.digest, &place, 0)?;
            if !again {
                refer_all(&transaction, &one.finished)?;
            }
            places::indexed(
                &transaction,
                spot.pack,
                self.shared.packs.catalogued(&spot),
                now_ms,
            )?;
            let about = About {
                digest: &one.digest,
                size,
                stored,
                media_type: one.media_type,
                created_ms: now_ms,
            };
            crate::catalogue::note_artifact(&transaction, &about, one.lineage)?;
            made.push(Written {
                digest: one.digest.clone(),
                size,
                stored,
            });
        }
        transaction.commit()?;
        Ok(made)
    }

    /// Have it found by words: what has a name, or is text. Steps' values are neither, and cost nothing here. The text of
    /// what is encrypted is in no index.
    fn index(&self, one: &Placed<'_>) -> Result<(), Error> {
        let textual = one.media_type.starts_with("text/")
            || TEXTUAL.iter().any(|known| one.media_type.ends_with(known));
        if !textual && one.lineage.name.is_none() {
            return Ok(());
        }
        let text = if textual && !self.shared.domains.is_on() {
            let (small, parts) = (one.finished.small.clone(), one.finished.parts.as_ref());
            let reader = Reader::unfinished(&self.shared, one.finished.scope, small, parts);
            String::from_utf8_lossy(&reader.range(0, TEXT_BYTES)?).into_owned()
        } else {
            String::new()
        };
        locked(&self.shared.catalogue).index(&one.digest, one.media_type, &text)
    }
}

/// Count the chunks of a blob, those that are new and those that others have.
fn refer_all(to: &rusqlite::Transaction<'_>, blob: &Finished) -> Result<(), Error> {
    let Some(parts) = blob.parts.as_ref().map(Arc::as_ref) else {
        return Ok(());
    };
    let mut left = unique(parts);
    for part in &parts.parts {
        let Some((spot, scope)) = part.at.filter(|_| left.remove(&part.digest)) else {
            continue;
        };
        if places::refer(to, &part.digest, scope)? {
            continue; // where another upload put the same meanwhile, its copy is the one
        }
        let place = Place {
            spot,
            kind: Kind::Chunk,
            scope,
            size: u64::from(part.size),
        };
        places::insert(to, &part.digest, &place, 1)?;
    }
    Ok(())
}
