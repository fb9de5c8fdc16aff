//! What writers and readers of blobs share: packs, catalogue and keys, and the lists of chunks that were read last.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use crate::catalogue::Catalogue;
use crate::domains::{Domain, Domains};
use crate::error::{Error, ErrorKind};
use crate::manifest::{Manifest, Part};
use crate::packs::Packs;
use crate::places::Place;
use crate::record::{Digest, Kind, Record};
use crate::storage::locked;
use crate::tiers::Cold;

/// Lists of chunks that are kept: of the blobs that are read piece by piece just now.
const MANIFESTS_MAX: usize = 8;
/// Parts of all these lists: 64 MiB of memory.
const PARTS_MAX: usize = 1_000_000;
/// A record that is moved while it is looked for is looked for again.
const LOOKS_MAX: usize = 4;

type Lists = Vec<(Digest, u64, Arc<Manifest>)>;

pub struct Shared {
    pub packs: Arc<Packs>,
    pub catalogue: Mutex<Catalogue>,
    pub domains: Domains,
    pub cold: Option<Cold>,
    manifests: Mutex<Lists>,
    /// Packs with damage, which are not compacted before that is repaired.
    pub bad_packs: Mutex<BTreeSet<u64>>,
}

/// A record that was found, opened and held against its digest.
pub struct Found {
    pub content: Vec<u8>,
    pub sealed: bool,
}

impl Shared {
    pub fn new(packs: Packs, catalogue: Catalogue, domains: Domains, cold: Option<Cold>) -> Self {
        Self {
            packs: Arc::new(packs),
            catalogue: Mutex::new(catalogue),
            domains,
            cold,
            manifests: Mutex::default(),
            bad_packs: Mutex::default(),
        }
    }

    /// The key of a tenant and the scope of what it stores.
    pub fn scope(&self, tenant: &str) -> Result<(Option<Arc<Domain>>, u64), Error> {
        let domain = self.domains.of_tenant(tenant)?;
        let scope = match &domain {
            Some(domain) if !tenant.is_empty() => domain.id(),
            _ => 0,
        };
        Ok((domain, scope))
    }

    /// The bytes of a record, from wherever its pack lies. Kind `NotFound`: it is there no more.
    pub fn raw(&self, place: &Place) -> Result<Vec<u8>, Error> {
        match self.packs.read(&place.spot) {
            Err(error) if error.kind() == ErrorKind::NotFound => match &self.cold {
                Some(cold) => cold.read(&place.spot),
                None => Err(error),
            },
            other => other,
        }
    }

    /// Open a record that was read, and see that it is the one that was asked for.
    pub fn open(&self, raw: &[u8], kind: Kind, digest: &Digest) -> Result<Found, Error> {
        let record = Record::parse(raw)?;
        if record.header.kind != kind || &record.header.digest != digest {
            return Err(Error::new(
                ErrorKind::Corrupt,
                "the blob is damaged: another lies in its place",
            ));
        }
        let domain = self.domains.of_record(record.header.domain)?;
        Ok(Found {
            content: record.content(domain.as_deref())?,
            sealed: domain.is_some(),
        })
    }

    /// Look for a place, and read what is there; once more where it was moved meanwhile.
    pub fn find(
        &self,
        look: impl Fn(&Catalogue) -> Result<Option<Place>, Error>,
    ) -> Result<Option<(Place, Vec<u8>)>, Error> {
        let mut last = None;
        for _ in 0..LOOKS_MAX {
            let Some(place) = look(&locked(&self.catalogue))? else {
                return Ok(None);
            };
            match self.raw(&place) {
                Ok(raw) => return Ok(Some((place, raw))),
                Err(error) if error.kind() == ErrorKind::NotFound => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        last.map_or(Ok(None), Err)
    }

    /// The content of one chunk.
    pub fn chunk(&self, part: &Part, scope: u64) -> Result<Vec<u8>, Error> {
        let mut known = part.at.map(|(spot, _)| self.packs.read(&spot));
        if let Some(Ok(raw)) = known.take() {
            return Ok(self.open(&raw, Kind::Chunk, &part.digest)?.content);
        }
        let found = self.find(|catalogue| catalogue.record(&part.digest, Kind::Chunk, scope));
        let missing = || Error::new(ErrorKind::Corrupt, "the blob is damaged: a part of it is missing");
        match found {
            Ok(Some((_, raw))) => Ok(self.open(&raw, Kind::Chunk, &part.digest)?.content),
            Ok(None) => Err(missing()),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(missing()),
            Err(error) => Err(error),
        }
    }

    /// The chunks of a large blob.
    pub fn manifest(&self, digest: &Digest, scope: u64, content: &[u8]) -> Result<Arc<Manifest>, Error> {
        let manifest = Arc::new(Manifest::decode(content)?);
        let mut lists = locked(&self.manifests);
        lists.retain(|(known, of, _)| known != digest || *of != scope);
        lists.push((*digest, scope, manifest.clone()));
        let parts = |lists: &Lists| lists.iter().map(|(_, _, list)| list.parts.len()).sum::<usize>();
        while lists.len() > 1 && (lists.len() > MANIFESTS_MAX || parts(&lists) > PARTS_MAX) {
            lists.remove(0);
        }
        Ok(manifest)
    }

    /// The chunks of a large blob, if they were read lately.
    pub fn kept(&self, digest: &Digest, scope: u64) -> Option<Arc<Manifest>> {
        let lists = locked(&self.manifests);
        let found = lists
            .iter()
            .find(|(known, of, _)| known == digest && *of == scope);
        found.map(|(_, _, list)| list.clone())
    }
}
