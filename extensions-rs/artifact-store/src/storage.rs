//! Blobs by their digests: put, found, read, deleted. What is acknowledged is on the disk; nothing half is ever visible.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use symphony_protocol::{ArtifactView, Lineage, ListArtifacts, Trail};

use crate::catalogue::{About, Catalogue};
use crate::domains::Domains;
use crate::error::{Error, ErrorKind};
use crate::faults;
use crate::keyring::Keyring;
use crate::manifest::Manifest;
use crate::packs::{PACK_BYTES, Packs};
use crate::places;
use crate::reader::Reader;
use crate::record::{Digest, Kind};
use crate::references::{self, VALUE_MEDIA_TYPE};
use crate::shared::Shared;
use crate::tiers::Cold;
use crate::writer::Writer;

/// Values whose references are looked up before one deletion; the next one goes on from there.
const WALKS_MAX: usize = 1024;

/// How a store is opened.
pub struct Setup {
    pub keyring: Keyring,
    pub cold: Option<Cold>,
    /// A pack is closed once it has so many bytes.
    pub pack_bytes: u64,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            keyring: Keyring::default(),
            cold: None,
            pack_bytes: PACK_BYTES,
        }
    }
}

pub struct Storage {
    pub(crate) folder: PathBuf,
    pub(crate) shared: Arc<Shared>,
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while it was held left nothing half: every change is one transaction or one rename.
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A digest as 32 bytes. Kind `Invalid`: it is none.
pub fn parsed(digest: &str) -> Result<Digest, Error> {
    let lower = digest
        .bytes()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    match blake3::Hash::from_hex(digest) {
        Ok(hash) if lower => Ok(*hash.as_bytes()),
        _ => Err(Error::new(ErrorKind::Invalid, format!("`{digest}` is no digest"))),
    }
}

pub(crate) fn hex(digest: &Digest) -> String {
    blake3::Hash::from_bytes(*digest).to_hex().to_string()
}

pub(crate) fn unknown(digest: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no artifact {digest}"))
}

impl Storage {
    /// Open a folder; what a crash left behind of unfinished writes is no part of it.
    pub fn open(data: &Path) -> Result<Self, Error> {
        Self::open_as(data, Setup::default())
    }

    /// What is stored from now on is encrypted where there are master keys.
    pub fn open_with(data: &Path, keyring: Keyring) -> Result<Self, Error> {
        let setup = Setup {
            keyring,
            ..Setup::default()
        };
        Self::open_as(data, setup)
    }

    pub fn open_as(data: &Path, setup: Setup) -> Result<Self, Error> {
        let folder = data.join("artifacts");
        std::fs::create_dir_all(folder.join("packs"))?;
        std::fs::create_dir_all(folder.join("part"))?;
        let catalogue = Catalogue::open(&folder.join("catalogue.sqlite"))?;
        let domains = Domains::open(&folder.join("keys"), setup.keyring)?;
        let files = Packs::listed(&folder.join("packs"))?.last().copied();
        let rows = catalogue.packs()?.last().map(|pack| pack.number);
        let next = files.max(rows).unwrap_or_default() + 1;
        let packs = Packs::open(&folder.join("packs"), setup.pack_bytes, domains.is_on(), next)?;
        let shared = Arc::new(Shared::new(packs, catalogue, domains, setup.cold));
        let storage = Self { folder, shared };
        storage.recover()?;
        Ok(storage)
    }

    /// Begin a blob. It is nothing before it is committed; dropped, it was never there.
    pub fn begin(&self, tenant: &str) -> Result<Writer, Error> {
        Writer::new(self.shared.clone(), tenant)
    }

    pub fn has(&self, digest: &str) -> bool {
        let found = parsed(digest).and_then(|digest| locked(&self.shared.catalogue).place(&digest, 0));
        found.is_ok_and(|place| place.is_some())
    }

    /// Note what a value names, unless that is known.
    pub(crate) fn walk(&self, digest: &str, media_type: &str, reader: Reader<'_>) -> Result<(), Error> {
        if media_type != VALUE_MEDIA_TYPE || locked(&self.shared.catalogue).walked(digest)? {
            return Ok(());
        }
        let named = references::named(reader)?;
        locked(&self.shared.catalogue).name(digest, &named)
    }

    /// Note what those values name that were stored before anyone did so. False: some are left, so nothing is sure yet.
    pub fn walk_rest(&self) -> Result<bool, Error> {
        let rest = locked(&self.shared.catalogue).unwalked(VALUE_MEDIA_TYPE, WALKS_MAX)?;
        for digest in &rest {
            match Reader::open(&self.shared, &parsed(digest)?, 0)? {
                Some(reader) => self.walk(digest, VALUE_MEDIA_TYPE, reader)?,
                None => locked(&self.shared.catalogue).remove(digest)?,
            }
        }
        Ok(rest.len() < WALKS_MAX)
    }

    /// Note that a blob which is here was stored once more; none: a tenant has no copy of his own yet.
    pub fn touch(
        &self,
        tenant: &str,
        digest: &str,
        media_type: &str,
        lineage: &Lineage,
        now_ms: u64,
    ) -> Result<Option<u64>, Error> {
        let (name, scope) = (parsed(digest)?, self.shared.scope(tenant)?.1);
        let there = |catalogue: &Catalogue| -> Result<Option<u64>, Error> {
            let place = catalogue.place(&name, scope)?;
            Ok(place.filter(|place| place.scope == scope).map(|place| place.size))
        };
        if there(&locked(&self.shared.catalogue))?.is_none() {
            return Ok(None);
        }
        if media_type == VALUE_MEDIA_TYPE {
            let reader = Reader::open(&self.shared, &name, scope)?.ok_or_else(|| unknown(digest))?;
            self.walk(digest, media_type, reader)?;
        }
        let mut catalogue = locked(&self.shared.catalogue);
        let Some(size) = there(&catalogue)? else {
            return Ok(None);
        };
        let about = About {
            digest,
            size,
            stored: 0,
            media_type,
            created_ms: now_ms,
        };
        catalogue.put(&about, lineage)?;
        if lineage.name.is_some() {
            catalogue.index(digest, media_type, "")?;
        }
        Ok(Some(size))
    }

    /// The file, the offset and the length of the record of a blob, where it lies on the local disk; for tests and for those who
    /// look into packs.
    pub fn lies(&self, digest: &str) -> Result<Option<(PathBuf, u64, u32)>, Error> {
        let place = locked(&self.shared.catalogue).place(&parsed(digest)?, 0)?;
        Ok(place.map(|place| {
            let spot = place.spot;
            (self.shared.packs.path(spot.pack), spot.offset, spot.length)
        }))
    }

    pub fn search(&self, words: &str, limit: usize) -> Result<Vec<ArtifactView>, Error> {
        locked(&self.shared.catalogue).search(words, limit)
    }

    /// Kind `NotFound`: there is no such artifact.
    pub fn tag(
        &self,
        digest: &str,
        add: &[String],
        remove: &[String],
        now_ms: u64,
    ) -> Result<Vec<String>, Error> {
        let mut catalogue = locked(&self.shared.catalogue);
        let media_type = catalogue.media_type(digest)?.ok_or_else(|| unknown(digest))?;
        let tags = catalogue.tag(digest, add, remove)?;
        catalogue.index(digest, &media_type, "")?;
        catalogue.note("tagged", Some(digest), &tags.join(" "), now_ms)?;
        Ok(tags)
    }

    /// Write down what was done, for the audit trail.
    pub fn note(&self, what: &str, digest: Option<&str>, detail: &str, now_ms: u64) -> Result<(), Error> {
        locked(&self.shared.catalogue).note(what, digest, detail, now_ms)
    }

    pub fn trail(&self, start: u64, limit: usize) -> Result<Trail, Error> {
        locked(&self.shared.catalogue).trail(start, limit)
    }

    pub(crate) fn reader(&self, digest: &str) -> Result<Reader<'_>, Error> {
        Reader::open(&self.shared, &parsed(digest)?, 0)?.ok_or_else(|| unknown(digest))
    }

    /// A range, the whole's size and its media type.
    pub fn get(&self, digest: &str, offset: u64, length: usize) -> Result<(Vec<u8>, u64, String), Error> {
        let reader = self.reader(digest)?;
        let data = reader.range(offset, length)?;
        let media_type = locked(&self.shared.catalogue).media_type(digest)?;
        Ok((
            data,
            reader.size(),
            media_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
        ))
    }

    pub fn list(&self, ask: &ListArtifacts) -> Result<(Vec<ArtifactView>, Option<u64>), Error> {
        locked(&self.shared.catalogue).list(ask)
    }

    /// Delete a blob, unless it was stored after `before_ms` or a stored value names it: its content is part of that
    /// value. Gives the bytes that nothing needs any more, or None where it stays; they are freed by compacting.
    pub fn delete(&self, digest: &str, before_ms: u64) -> Result<Option<u64>, Error> {
        let name = parsed(digest)?;
        let manifests = self.manifests(&name)?;
        let mut catalogue = locked(&self.shared.catalogue);
        if catalogue.created_ms(digest)?.is_some_and(|at| at >= before_ms) || catalogue.is_named(digest)? {
            return Ok(None);
        }
        let copies = catalogue.copies(&name)?;
        let known = |scope| manifests.iter().any(|(of, _)| *of == scope);
        if copies
            .iter()
            .any(|copy| copy.kind == Kind::Manifest && !known(copy.scope))
        {
            return Ok(None); // stored this moment
        }
        let mut bytes = 0;
        let transaction = catalogue.connection.transaction()?;
        for copy in &copies {
            let parts = manifests.iter().find(|(scope, _)| *scope == copy.scope);
            let parts = parts.filter(|_| copy.kind == Kind::Manifest);
            for part in parts.map(|(_, manifest)| unique(manifest)).unwrap_or_default() {
                bytes += places::unrefer(&transaction, &part, copy.scope)?;
            }
            bytes += places::remove(&transaction, &name, copy)?;
        }
        transaction.commit()?;
        catalogue.remove(digest)?;
        faults::at("delete.removed");
        Ok(Some(bytes))
    }

    /// The lists of chunks of all copies of a blob, by their scopes. One that cannot be read leaves its chunks counted: room
    /// is lost, and nothing that another blob may need.
    fn manifests(&self, digest: &Digest) -> Result<Vec<(u64, Arc<Manifest>)>, Error> {
        let mut found = Vec::new();
        let copies = locked(&self.shared.catalogue).copies(digest)?;
        for copy in copies {
            if copy.kind != Kind::Manifest {
                continue;
            }
            let list = match self.shared.kept(digest, copy.scope) {
                Some(list) => list,
                None => Arc::new(self.list_of(digest, copy.scope)?),
            };
            found.push((copy.scope, list));
        }
        Ok(found)
    }

    fn list_of(&self, digest: &Digest, scope: u64) -> Result<Manifest, Error> {
        let found = self
            .shared
            .find(|catalogue| catalogue.record(digest, Kind::Manifest, scope))?;
        let Some((_, raw)) = found else {
            return Ok(Manifest::default());
        };
        match self.shared.open(&raw, Kind::Manifest, digest) {
            Ok(found) => Manifest::decode(&found.content),
            Err(error) if error.kind() == ErrorKind::Unavailable => Err(error),
            Err(_) => Ok(Manifest::default()),
        }
    }
}

/// The chunks of a blob, each once: it is counted once for a blob, however often it stands in it.
pub(crate) fn unique(manifest: &Manifest) -> BTreeSet<Digest> {
    manifest.parts.iter().map(|part| part.digest).collect()
}
