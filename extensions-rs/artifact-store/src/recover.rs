//! What a start finds: packs that were written to when the system ended, and moves that were cut off.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;

use symphony_protocol::Lineage;

use crate::catalogue::{self, About};
use crate::error::Error;
use crate::manifest::Manifest;
use crate::packs::{HEAD, Packs, Spot};
use crate::places::{self, CLOSED, GONE, Pack, Place};
use crate::record::{Digest, HEADER_BYTES, Header, Kind, MARK, Record};
use crate::storage::{Storage, hex, locked, unique};

/// A record that was found in a pack.
struct Seen {
    spot: Spot,
    header: Header,
    media_type: String,
    scope: u64,
    manifest: Option<Arc<Manifest>>,
}

/// Every whole record of a pack from an offset on, with where it lies. What is damaged or half written is passed over: the
/// next mark is looked for.
pub(crate) fn records(data: &[u8], from: usize) -> impl Iterator<Item = (usize, Header)> {
    let mut at = from;
    std::iter::from_fn(move || {
        loop {
            let rest = data.get(at..).filter(|rest| rest.len() >= HEADER_BYTES)?;
            if let Some(header) = Header::read(rest) {
                let here = at;
                let length = header.length();
                if Record::read(rest).is_ok() {
                    at += length;
                    return Some((here, header));
                }
            }
            let next = rest
                .get(1..)?
                .windows(MARK.len())
                .position(|window| window == MARK)?;
            at += 1 + next;
        }
    })
}

impl Storage {
    pub(crate) fn part(&self, pack: u64) -> PathBuf {
        self.folder.join("part").join(format!("{pack:012}.pack"))
    }

    /// Finish what was cut off, and catalogue what was acknowledged or nearly so.
    pub(crate) fn recover(&self) -> Result<(), Error> {
        let rows = locked(&self.shared.catalogue).packs()?;
        let row = |number: u64| rows.iter().find(|pack| pack.number == number);
        for entry in fs::read_dir(self.folder.join("part"))?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let number = name
                .strip_suffix(".pack")
                .and_then(|number| number.parse::<u64>().ok());
            match number.filter(|number| row(*number).is_some_and(|pack| pack.state == CLOSED)) {
                // Its content is catalogued as being there: only the last step is missing.
                Some(number) => self.put_in_place(number)?,
                None => fs::remove_file(entry.path())?,
            }
        }
        for pack in rows.iter().filter(|pack| pack.state == GONE) {
            self.drop_pack(pack)?;
        }
        let mut found = Vec::new();
        let mut cut = Vec::new();
        for number in Packs::listed(self.shared.packs.folder())? {
            let known = row(number);
            if known.is_some_and(|pack| pack.state != places::OPEN) {
                continue;
            }
            let data = fs::read(self.shared.packs.path(number))?;
            // What is found here is acknowledged from now on, so it has to be on the disk.
            File::open(self.shared.packs.path(number))?.sync_all()?;
            let from = known.map_or(0, |pack| pack.indexed).max(HEAD.len() as u64);
            self.seen(
                number,
                &data,
                usize::try_from(from).unwrap_or(usize::MAX),
                &mut found,
            )?;
            cut.push((number, data.len() as u64));
        }
        self.forget_keyless()?;
        let adopted = self.adopt(&found)?;
        for (number, length) in cut {
            locked(&self.shared.catalogue).close_pack(number, length)?;
        }
        if adopted > 0 {
            tracing::info!(
                adopted,
                "artifacts were catalogued that lay in packs at the start"
            );
        }
        self.carry_over()
    }

    fn seen(&self, pack: u64, data: &[u8], from: usize, found: &mut Vec<Seen>) -> Result<(), Error> {
        for (at, header) in records(data, from) {
            let raw = data.get(at..at + header.length()).unwrap_or_default();
            let record = Record::read(raw)?;
            // Under a key that was destroyed, or of which the master key is not here: nobody can tell what it is.
            let Ok(domain) = self.shared.domains.of_record(header.domain) else {
                continue;
            };
            let manifest = match header.kind {
                Kind::Manifest => match record.content(domain.as_deref()) {
                    Ok(content) => Some(Arc::new(Manifest::decode(&content)?)),
                    Err(_) => continue,
                },
                Kind::Blob | Kind::Chunk => None,
            };
            found.push(Seen {
                spot: Spot {
                    pack,
                    offset: at as u64,
                    length: u32::try_from(raw.len()).unwrap_or(u32::MAX),
                },
                media_type: record.media_type.to_owned(),
                scope: self.shared.domains.scope(header.domain),
                header,
                manifest,
            });
        }
        Ok(())
    }

    /// Catalogue what was found and is not: small blobs, and large ones of which every chunk is there.
    fn adopt(&self, found: &[Seen]) -> Result<u64, Error> {
        let of = |kind| found.iter().filter(move |seen| seen.header.kind == kind);
        for seen in of(Kind::Chunk) {
            self.take_chunk(seen)?;
        }
        let mut missing = BTreeSet::new();
        for seen in of(Kind::Manifest) {
            let parts = seen.manifest.as_deref().map(unique).unwrap_or_default();
            for part in parts {
                if !self.has_chunk(&part, seen.scope)? {
                    missing.insert(part);
                }
            }
        }
        if !missing.is_empty() {
            self.search_chunks(&missing)?;
        }
        let mut adopted = 0;
        for seen in of(Kind::Blob).chain(of(Kind::Manifest)) {
            adopted += u64::from(self.take(seen)?);
        }
        let catalogue = locked(&self.shared.catalogue);
        // Of uploads that never ended.
        catalogue.forget_unused_chunks()?;
        Ok(adopted)
    }

    fn has_chunk(&self, digest: &Digest, scope: u64) -> Result<bool, Error> {
        let found = locked(&self.shared.catalogue).record(digest, Kind::Chunk, scope)?;
        Ok(found.is_some())
    }

    fn take_chunk(&self, seen: &Seen) -> Result<(), Error> {
        if self.has_chunk(&seen.header.digest, seen.scope)? {
            return Ok(());
        }
        let mut catalogue = locked(&self.shared.catalogue);
        let transaction = catalogue.connection.transaction()?;
        places::insert(&transaction, &seen.header.digest, &seen.place(), 0)?;
        transaction.commit()?;
        Ok(())
    }

    /// Chunks that a power failure took out of the catalogue, of whatever pack: an upload may have begun long before.
    fn search_chunks(&self, missing: &BTreeSet<Digest>) -> Result<(), Error> {
        for number in Packs::listed(self.shared.packs.folder())? {
            let data = fs::read(self.shared.packs.path(number))?;
            let mut found = Vec::new();
            self.seen(number, &data, HEAD.len(), &mut found)?;
            let wanted =
                |seen: &&Seen| seen.header.kind == Kind::Chunk && missing.contains(&seen.header.digest);
            for seen in found.iter().filter(wanted) {
                self.take_chunk(seen)?;
            }
        }
        Ok(())
    }

    fn take(&self, seen: &Seen) -> Result<bool, Error> {
        let digest = seen.header.digest;
        if locked(&self.shared.catalogue)
            .record(&digest, seen.header.kind, seen.scope)?
            .is_some()
        {
            return Ok(false);
        }
        let parts = seen.manifest.as_deref().map(unique).unwrap_or_default();
        for part in &parts {
            if !self.has_chunk(part, seen.scope)? {
                return Ok(false); // it was never acknowledged
            }
        }
        let mut catalogue = locked(&self.shared.catalogue);
        let transaction = catalogue.connection.transaction()?;
        places::insert(&transaction, &digest, &seen.place(), 0)?;
        for part in &parts {
            places::refer(&transaction, part, seen.scope)?;
        }
        let about = About {
            digest: &hex(&digest),
            size: seen.size(),
            stored: u64::from(seen.spot.length),
            media_type: &seen.media_type,
            created_ms: seen.header.created_ms,
        };
        catalogue::note_artifact(&transaction, &about, &Lineage::default())?;
        places::indexed(&transaction, seen.spot.pack, 0, seen.header.created_ms)?;
        transaction.commit()?;
        Ok(true)
    }

    /// Remove a pack of which nothing counts, from wherever it lies.
    pub(crate) fn drop_pack(&self, pack: &Pack) -> Result<(), Error> {
        self.shared.packs.remove(pack.number)?;
        if pack.tier != crate::tiers::HOT
            && let Some(cold) = &self.shared.cold
        {
            cold.remove(pack.number)?;
        }
        locked(&self.shared.catalogue).forget_pack(pack.number)
    }
}

impl Seen {
    fn size(&self) -> u64 {
        match &self.manifest {
            Some(manifest) => manifest.size,
            None => u64::from(self.header.size),
        }
    }

    fn place(&self) -> Place {
        Place {
            spot: self.spot,
            kind: self.header.kind,
            scope: self.scope,
            size: self.size(),
        }
    }
}
