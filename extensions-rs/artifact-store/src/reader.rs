//! Reads ranges of a blob. Every part that is read is held against its digest.

use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::manifest::Manifest;
use crate::record::{Digest, Kind};
use crate::shared::Shared;

enum What {
    Small(Vec<u8>),
    Large(Arc<Manifest>),
}

pub struct Reader<'a> {
    shared: &'a Shared,
    scope: u64,
    what: What,
    sealed: bool,
}

fn corrupt(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the blob is damaged: {what}"))
}

impl<'a> Reader<'a> {
    /// A blob by its digest, preferably the copy of a scope; none where there is none.
    ///
    /// Errors: `Corrupt`; `Unavailable`, it is under a master key that is not here.
    pub fn open(shared: &'a Shared, digest: &Digest, scope: u64) -> Result<Option<Self>, Error> {
        if let Some(manifest) = shared.kept(digest, scope) {
            let there = crate::storage::locked(&shared.catalogue).record(digest, Kind::Manifest, scope)?;
            if there.is_some() {
                return Ok(Some(Self {
                    shared,
                    scope,
                    what: What::Large(manifest),
                    sealed: shared.domains.is_on(),
                }));
            }
        }
        Self::read(shared, digest, scope)
    }

    /// The same, with nothing taken from memory.
    pub fn read(shared: &'a Shared, digest: &Digest, scope: u64) -> Result<Option<Self>, Error> {
        let Some((place, raw)) = shared.find(|catalogue| catalogue.place(digest, scope))? else {
            return Ok(None);
        };
        let found = shared.open(&raw, place.kind, digest)?;
        let what = match place.kind {
            Kind::Manifest => What::Large(shared.manifest(digest, place.scope, &found.content)?),
            Kind::Blob | Kind::Chunk => What::Small(found.content),
        };
        Ok(Some(Self {
            shared,
            scope: place.scope,
            what,
            sealed: found.sealed,
        }))
    }

    /// Content that is written and not catalogued yet.
    pub fn unfinished(shared: &'a Shared, scope: u64, small: Vec<u8>, parts: Option<&Arc<Manifest>>) -> Self {
        let what = parts.map_or(What::Small(small), |parts| What::Large(parts.clone()));
        Self {
            shared,
            scope,
            what,
            sealed: false,
        }
    }

    pub fn is_encrypted(&self) -> bool {
        self.sealed
    }

    pub fn size(&self) -> u64 {
        match &self.what {
            What::Small(data) => data.len() as u64,
            What::Large(manifest) => manifest.size,
        }
    }

    pub fn pieces(&self) -> usize {
        match &self.what {
            What::Small(_) => 1,
            What::Large(manifest) => manifest.parts.len(),
        }
    }

    pub fn piece(&self, index: usize) -> Result<Vec<u8>, Error> {
        match &self.what {
            What::Small(data) if index == 0 => Ok(data.clone()),
            What::Small(_) => Err(corrupt("a part is missing")),
            What::Large(manifest) => {
                let part = manifest
                    .parts
                    .get(index)
                    .ok_or_else(|| corrupt("a part is missing"))?;
                self.shared.chunk(part, self.scope)
            }
        }
    }

    /// Bytes from `offset` on, at most `length`.
    pub fn range(&self, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        let end = offset.saturating_add(length as u64).min(self.size());
        let manifest = match &self.what {
            What::Small(data) => {
                let from = usize::try_from(offset.min(end)).unwrap_or(usize::MAX);
                let to = usize::try_from(end).unwrap_or(usize::MAX);
                return Ok(data.get(from..to).unwrap_or_default().to_vec());
            }
            What::Large(manifest) => manifest,
        };
        let mut made = Vec::with_capacity(usize::try_from(end.saturating_sub(offset)).unwrap_or_default());
        let mut at = offset;
        while at < end {
            let (index, start) = manifest.at(at).ok_or_else(|| corrupt("out of range"))?;
            let piece = self.piece(index)?;
            let inside = usize::try_from(at - start).unwrap_or(usize::MAX);
            let wanted = usize::try_from(end - at)
                .unwrap_or(usize::MAX)
                .min(piece.len().saturating_sub(inside));
            let part = piece.get(inside..inside + wanted).filter(|part| !part.is_empty());
            made.extend_from_slice(part.ok_or_else(|| corrupt("a part is short"))?);
            at += wanted as u64;
        }
        Ok(made)
    }

    /// The digest of what is there.
    pub fn digest(&self) -> Result<Digest, Error> {
        let mut hasher = blake3::Hasher::new();
        for index in 0..self.pieces() {
            hasher.update(&self.piece(index)?);
        }
        Ok(*hasher.finalize().as_bytes())
    }

    /// The parts that cannot be read as what they should be.
    pub fn damaged(&self) -> Result<Vec<Digest>, Error> {
        let What::Large(manifest) = &self.what else {
            return Ok(Vec::new());
        };
        let mut damaged = Vec::new();
        for part in &manifest.parts {
            match self.shared.chunk(part, self.scope) {
                Err(error) if error.kind() == ErrorKind::Corrupt => damaged.push(part.digest),
                Err(error) => return Err(error),
                Ok(_) => {}
            }
        }
        Ok(damaged)
    }

    pub fn parts(&self) -> Option<&Manifest> {
        match &self.what {
            What::Small(_) => None,
            What::Large(manifest) => Some(manifest),
        }
    }
}
