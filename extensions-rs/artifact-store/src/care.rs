//! Looking after blobs: read again, repaired, and put under another key.

use std::fs;

use symphony_protocol::{ArtifactExplained, Lineage, Needed, Rewrapped as Told, StoreShow, Verified};

use crate::catalogue::About;
use crate::error::{Error, ErrorKind};
use crate::places::{self, Place};
use crate::reader::Reader;
use crate::record::Kind;
use crate::storage::{Storage, hex, locked, parsed};
use crate::tiers::COLD;

/// Digests that an answer names, and those of which it says who needs them.
const NAMED_MAX: usize = 4096;
const NEEDED_MAX: usize = 1024;

/// What can be wrong with a blob that is catalogued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    Missing,
    Corrupt,
}

impl Damage {
    fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Corrupt => "corrupt",
        }
    }
}

/// What a part of the slow check came to.
#[derive(Clone, Debug, Default)]
pub struct Scrubbed {
    /// Where to go on; none: from the beginning.
    pub behind: Option<String>,
    pub read: u64,
    pub bytes: u64,
    pub damaged: Vec<String>,
}

impl Storage {
    /// Read one blob, or all of them, and compare. With `repair` what is corrupt is set aside in `bad`, what is missing
    /// leaves the catalogue, so that either can be stored again, and what lies there unknown is catalogued.
    pub fn verify(&self, digest: Option<&str>, repair: bool, now_ms: u64) -> Result<Verified, Error> {
        let digests = match digest {
            Some(digest) => vec![digest.to_owned()],
            None => locked(&self.shared.catalogue).digests()?,
        };
        let mut verified = Verified::default();
        for digest in digests {
            verified.checked += 1;
            let Some(what) = self.damage(&digest)? else {
                continue;
            };
            if verified.needed.len() < NEEDED_MAX {
                verified
                    .needed
                    .push(locked(&self.shared.catalogue).needed(&digest)?);
            }
            if repair {
                self.set_aside(&digest, what, now_ms)?;
                verified.repaired += 1;
            }
            match what {
                Damage::Missing => verified.missing.push(digest),
                Damage::Corrupt => verified.corrupt.push(digest),
            }
            if verified.corrupt.len() + verified.missing.len() >= NAMED_MAX {
                break;
            }
        }
        if repair {
            locked(&self.shared.bad_packs).clear();
        }
        if repair && digest.is_none() {
            verified.adopted = self.adopt_rest(now_ms)?;
        }
        Ok(verified)
    }

    /// What is wrong with a blob; none where every copy is what it should be. A key that is not here is no damage: an error.
    pub fn damage(&self, digest: &str) -> Result<Option<Damage>, Error> {
        let name = parsed(digest)?;
        let copies = locked(&self.shared.catalogue).copies(&name)?;
        if copies.is_empty() {
            return Ok(Some(Damage::Missing));
        }
        for copy in copies {
            let read = Reader::read(&self.shared, &name, copy.scope).and_then(|reader| match reader {
                Some(reader) => reader.digest().map(Some),
                None => Ok(None),
            });
            match read {
                Ok(Some(found)) if found == name => {}
                Ok(None) => return Ok(Some(Damage::Missing)),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some(Damage::Missing)),
                Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
                Ok(Some(_)) | Err(_) => return Ok(Some(Damage::Corrupt)),
            }
        }
        Ok(None)
    }

    /// Take what is damaged off the books, with its bytes in `bad`, so that it can be stored again. Chunks that others have
    /// too keep their count, and are whole again for all of them once one of them is stored.
    fn set_aside(&self, digest: &str, what: Damage, now_ms: u64) -> Result<(), Error> {
        let name = parsed(digest)?;
        let mut copies = locked(&self.shared.catalogue).copies(&name)?;
        if copies.len() > 1 {
            copies.retain(|copy| self.is_bad(copy, &name));
        }
        fs::create_dir_all(self.folder.join("bad"))?;
        for copy in copies {
            if let Ok(raw) = self.shared.raw(&copy) {
                fs::write(self.folder.join("bad").join(digest), raw)?;
            }
            if let Ok(Some(reader)) = Reader::read(&self.shared, &name, copy.scope) {
                for chunk in reader.damaged()? {
                    let place = locked(&self.shared.catalogue).record(&chunk, Kind::Chunk, copy.scope)?;
                    if let Some(Ok(raw)) = place.map(|place| self.shared.raw(&place)) {
                        fs::write(self.folder.join("bad").join(hex(&chunk)), raw)?;
                    }
                    locked(&self.shared.catalogue).misplace(&chunk, copy.scope)?;
                }
                let mut catalogue = locked(&self.shared.catalogue);
                let transaction = catalogue.connection.transaction()?;
                for chunk in reader.parts().map(crate::storage::unique).unwrap_or_default() {
                    places::unrefer(&transaction, &chunk, copy.scope)?;
                }
                transaction.commit()?;
            }
            let mut catalogue = locked(&self.shared.catalogue);
            let transaction = catalogue.connection.transaction()?;
            places::remove(&transaction, &name, &copy)?;
            transaction.commit()?;
        }
        let mut catalogue = locked(&self.shared.catalogue);
        if catalogue.copies(&name)?.is_empty() {
            catalogue.remove(digest)?;
        }
        catalogue.note(
            "set_aside",
            Some(digest),
            &format!("it was {}; it can be stored again", what.word()),
            now_ms,
        )
    }

    fn is_bad(&self, copy: &Place, name: &crate::record::Digest) -> bool {
        let read = Reader::read(&self.shared, name, copy.scope);
        !matches!(read.map(|reader| reader.map(|reader| reader.digest())), Ok(Some(Ok(found))) if &found == name)
    }

    /// Catalogue blobs of which it is known where they lie and not what they are.
    fn adopt_rest(&self, now_ms: u64) -> Result<u64, Error> {
        let unnamed = locked(&self.shared.catalogue).unnamed()?;
        for (digest, size, stored) in &unnamed {
            let about = About {
                digest,
                size: *size,
                stored: *stored,
                media_type: "application/octet-stream",
                created_ms: now_ms,
            };
            let mut catalogue = locked(&self.shared.catalogue);
            catalogue.put(&about, &Lineage::default())?;
            catalogue.note(
                "adopted",
                Some(digest),
                "it lay on the disk and in no catalogue",
                now_ms,
            )?;
        }
        Ok(unnamed.len() as u64)
    }

    /// Read the next blobs behind a digest, `budget` bytes of them or one.
    pub fn scrub(&self, behind: Option<&str>, budget: u64, now_ms: u64) -> Result<Scrubbed, Error> {
        let next = locked(&self.shared.catalogue).behind(behind.unwrap_or_default(), 64)?;
        let mut made = Scrubbed::default();
        for (digest, stored) in next {
            if made.read > 0 && made.bytes.saturating_add(stored) > budget {
                break;
            }
            if let Some(what) = self.damage(&digest)? {
                let needed = locked(&self.shared.catalogue).needed(&digest)?;
                let detail = format!(
                    "it is {}; {} runs and {} values need it",
                    what.word(),
                    needed.runs.len(),
                    needed.values.len()
                );
                locked(&self.shared.catalogue).note("damaged", Some(&digest), &detail, now_ms)?;
                made.damaged.push(digest.clone());
            }
            made.bytes = made.bytes.saturating_add(stored);
            made.read += 1;
            made.behind = Some(digest);
        }
        Ok(made)
    }

    /// Put the keys of all tenants under the newest master key, and encrypt what is plain.
    pub fn rewrap(&self, now_ms: u64) -> Result<Told, Error> {
        if !self.shared.domains.is_on() {
            let text = "nothing is encrypted: `keys_file` in [store] names no key file";
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        let keys = self.shared.domains.rewrap();
        let mut told = Told {
            rewrapped: keys.done,
            kept: keys.kept,
            failed: keys.failed,
            ..Told::default()
        };
        self.close_rest()?;
        for pack in self.plain_packs()? {
            match self.compact(&[pack], now_ms) {
                Ok(made) if made.packs > 0 => told.sealed += 1,
                Ok(_) => told.failed += 1,
                Err(error) => {
                    tracing::warn!(%error, pack = pack.number, "a pack was not encrypted");
                    told.failed += 1;
                }
            }
        }
        let detail = format!(
            "{} keys put under the newest master key, {} packs encrypted",
            told.rewrapped, told.sealed
        );
        locked(&self.shared.catalogue).note("rewrapped", None, &detail, now_ms)?;
        Ok(told)
    }

    pub fn needed(&self, digest: &str) -> Result<Needed, Error> {
        locked(&self.shared.catalogue).needed(digest)
    }

    pub fn show(&self) -> Result<StoreShow, Error> {
        let open = locked(&self.shared.catalogue).packs()?;
        let written = |pack: u64| fs::metadata(self.shared.packs.path(pack)).map_or(0, |about| about.len());
        let bytes = open.iter().map(|pack| match pack.state {
            places::OPEN => written(pack.number),
            _ => pack.length,
        });
        let catalogue = locked(&self.shared.catalogue);
        let (artifacts, size_bytes, stored_bytes) = catalogue.totals()?;
        let (chunks, shared_bytes) = catalogue.sharing()?;
        Ok(StoreShow {
            artifacts,
            size_bytes,
            stored_bytes,
            encrypted: self.shared.domains.is_on(),
            keys: self.shared.domains.masters() as u64,
            tenant_keys: self.shared.domains.count() as u64,
            packs: open.len() as u64,
            pack_bytes: bytes.sum(),
            cold_packs: open.iter().filter(|pack| pack.tier == COLD).count() as u64,
            chunks,
            shared_bytes,
            trail: catalogue.noted()?,
            ..Default::default()
        })
    }

    pub fn explain(&self, digest: &str, depth: usize) -> Result<ArtifactExplained, Error> {
        let encrypted = self.reader(digest).map(|reader| reader.is_encrypted());
        let catalogue = locked(&self.shared.catalogue);
        let artifact = catalogue
            .view(digest)?
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no artifact {digest}")))?;
        let named_by = catalogue.named_by(digest)?;
        let down = catalogue.graph(digest, false, depth)?;
        let runs = catalogue.needed(digest)?.runs.len();
        let why = if encrypted.is_err() {
            "it is catalogued, and cannot be read: `symphony artifacts verify` tells more".to_owned()
        } else if !named_by.is_empty() {
            format!(
                "{} stored values name it, and keep it as long as they are kept",
                named_by.len()
            )
        } else if runs > 0 {
            format!("{runs} runs made or used it; it goes with the last of them, by the retention's rules")
        } else {
            "no run made it: it was stored by hand, and goes by the retention's rules".to_owned()
        };
        Ok(ArtifactExplained {
            tags: catalogue.tags(digest)?,
            up: catalogue.graph(digest, true, depth)?,
            down,
            named_by,
            encrypted: encrypted.unwrap_or(false),
            why,
            artifact,
            ..Default::default()
        })
    }
}
