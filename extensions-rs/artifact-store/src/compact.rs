//! Packs of which little counts are copied without the rest. A record is never changed in place: it is where it was until the
//! copy is on the disk, and where the copy is from one transaction on.

use std::fs::{self, File};
use std::io::Write;

use rusqlite::params;

use crate::error::{Error, ErrorKind};
use crate::faults;
use crate::packs::{HEAD_SEALED, Spot};
use crate::places::{self, CLOSED, OPEN, Pack};
use crate::record::{Draft, Header, Record};
use crate::recover::records;
use crate::storage::{Storage, locked};
use crate::tiers::HOT;

/// Small packs, as every start leaves one, are put together once there are so many.
const SMALL_MAX: usize = 8;
/// A pack is small below this part of a full one.
const SMALL_PART: u64 = 16;

/// What a compaction came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    pub packs: u64,
    /// Bytes that were copied, and that became free.
    pub copied: u64,
    pub freed: u64,
}

/// A record that was copied.
struct Moved {
    header: Header,
    from: Spot,
    to: Spot,
}

/// The packs that are worth to be copied into one: those of which less than half counts, or many small ones; as many as fit.
fn worth(packs: &[Pack], pack_bytes: u64) -> Vec<Pack> {
    let closed = || packs.iter().filter(|pack| pack.state == CLOSED);
    let sparse = |pack: &&Pack| pack.live * 2 < pack.length;
    let small = |pack: &&Pack| pack.tier == HOT && pack.length < pack_bytes / SMALL_PART;
    let mut chosen: Vec<Pack> = closed().filter(sparse).copied().collect();
    let little: Vec<Pack> = closed().filter(small).copied().collect();
    if little.len() >= SMALL_MAX {
        chosen.extend(little.into_iter().filter(|pack| pack.live * 2 >= pack.length));
    }
    let mut room = pack_bytes;
    chosen.retain(|pack| {
        let fits = pack.live <= room;
        room -= if fits { pack.live } else { 0 };
        fits
    });
    chosen
}

impl Storage {
    /// Note which packs are closed, compact what is worth it, move what is old. Bounded by the size of one pack each.
    pub fn tend(&self, now_ms: u64) -> Result<Compacted, Error> {
        self.close_rest()?;
        let packs = locked(&self.shared.catalogue).packs()?;
        let bad = locked(&self.shared.bad_packs).clone();
        let here = |pack: &Pack| pack.tier != HOT || self.shared.packs.path(pack.number).exists();
        let fit =
            |pack: &Pack| self.shared.packs.is_free(pack.number) && !bad.contains(&pack.number) && here(pack);
        let chosen: Vec<Pack> = worth(&packs, self.shared.packs.pack_bytes())
            .into_iter()
            .filter(fit)
            .collect();
        let made = match self.compact(&chosen, now_ms) {
            // One of them is damaged: the others need not wait for its repair.
            Err(error) if error.kind() == ErrorKind::Corrupt => self.compact_one_by_one(&chosen, now_ms),
            other => other?,
        };
        self.cool(now_ms)?;
        Ok(made)
    }

    fn compact_one_by_one(&self, chosen: &[Pack], now_ms: u64) -> Compacted {
        let mut made = Compacted::default();
        for pack in chosen {
            match self.compact(&[*pack], now_ms) {
                Ok(one) => {
                    made.packs += one.packs;
                    made.copied += one.copied;
                    made.freed += one.freed;
                }
                Err(error) => {
                    tracing::warn!(%error, pack = pack.number, "a pack is left as it is until the next start");
                    locked(&self.shared.bad_packs).insert(pack.number);
                }
            }
        }
        made
    }

    /// Packs that nobody writes to any more.
    pub(crate) fn close_rest(&self) -> Result<(), Error> {
        let catalogue = locked(&self.shared.catalogue);
        for pack in catalogue.packs()? {
            if pack.state == OPEN && self.shared.packs.is_free(pack.number) {
                // One that is gone is found by what reads its records, not here.
                let length = fs::metadata(self.shared.packs.path(pack.number)).map_or(0, |about| about.len());
                catalogue.close_pack(pack.number, length)?;
            }
        }
        Ok(())
    }

    /// Copy what counts of some packs into one, and remove them. What is plain is sealed on the way where there are keys.
    pub(crate) fn compact(&self, chosen: &[Pack], now_ms: u64) -> Result<Compacted, Error> {
        if chosen.is_empty() {
            return Ok(Compacted::default());
        }
        let number = self.shared.packs.number();
        let part = self.part(number);
        let made = self.copy(chosen, number, now_ms);
        let (moved, length) = match made {
            Ok(made) => made,
            Err(error) => {
                let _ = fs::remove_file(&part); // it may never have been made
                return Err(error);
            }
        };
        let copied: u64 = moved.iter().map(|record| u64::from(record.to.length)).sum();
        {
            // Held until the copy is in its place: who looks for a record meanwhile waits, and finds it.
            let mut catalogue = locked(&self.shared.catalogue);
            let busy = |pack: &Pack| !self.shared.packs.is_free(pack.number);
            if chosen.iter().any(busy) {
                fs::remove_file(&part)?; // an upload has found a chunk in it: another time
                return Ok(Compacted::default());
            }
            catalogue.durably(|catalogue| {
                let transaction = catalogue.connection.transaction()?;
                let youngest_ms = chosen.iter().map(|pack| pack.youngest_ms).max().unwrap_or(now_ms);
                moved
                    .iter()
                    .try_for_each(|record| self.move_record(&transaction, record))?;
                if !moved.is_empty() {
                    places::indexed(&transaction, number, length, youngest_ms)?;
                    transaction.execute(
                        "UPDATE packs SET state = 1, length = ?2 WHERE number = ?1",
                        params![crate::catalogue::signed(number), crate::catalogue::signed(length)],
                    )?;
                }
                for pack in chosen {
                    let number = crate::catalogue::signed(pack.number);
                    transaction
                        .execute("UPDATE packs SET state = 2, live = 0 WHERE number = ?1", [number])?;
                }
                transaction.commit()?;
                Ok(())
            })?;
            faults::at("compact.moved");
            if moved.is_empty() {
                fs::remove_file(&part)?; // nothing of them counted
            } else {
                self.put_in_place(number)?;
            }
            faults::at("compact.renamed");
        }
        let mut freed = 0;
        for pack in chosen {
            freed += pack.length;
            self.drop_pack(pack)?;
            faults::at("compact.removed");
        }
        Ok(Compacted {
            packs: chosen.len() as u64,
            copied,
            freed: freed.saturating_sub(length),
        })
    }

    pub(crate) fn put_in_place(&self, number: u64) -> Result<(), Error> {
        fs::rename(self.part(number), self.shared.packs.path(number))?;
        Ok(File::open(self.shared.packs.folder())?.sync_all()?)
    }

    fn copy(&self, chosen: &[Pack], number: u64, now_ms: u64) -> Result<(Vec<Moved>, u64), Error> {
        let mut out = File::create(self.part(number))?;
        out.write_all(self.shared.packs.head())?;
        let mut end = self.shared.packs.head().len() as u64;
        let mut moved = Vec::new();
        for pack in chosen {
            let data = self.whole(pack)?;
            let mut found = 0;
            for (at, header) in records(&data, HEAD_SEALED.len()) {
                let from = Spot {
                    pack: pack.number,
                    offset: at as u64,
                    length: u32::try_from(header.length()).unwrap_or(u32::MAX),
                };
                if !self.counts(&header, &from)? {
                    continue;
                }
                found += u64::from(from.length);
                let raw = data.get(at..at + header.length()).unwrap_or_default();
                let record = self.as_kept(raw, now_ms)?;
                out.write_all(&record)?;
                let to = Spot {
                    pack: number,
                    offset: end,
                    length: u32::try_from(record.len()).unwrap_or(u32::MAX),
                };
                end = to.end();
                moved.push(Moved { header, from, to });
                faults::at("compact.copied");
            }
            let packs = locked(&self.shared.catalogue).packs()?;
            let now = packs.iter().find(|row| row.number == pack.number);
            if now.is_some_and(|row| found < row.live) {
                // What is damaged and counts is not thrown away: it is there to be looked at, and told of.
                let text = format!(
                    "pack {} has damaged records: `symphony artifacts verify` tells which",
                    pack.number
                );
                return Err(Error::new(ErrorKind::Corrupt, text));
            }
        }
        out.sync_all()?;
        File::open(self.folder.join("part"))?.sync_all()?;
        faults::at("compact.synced");
        Ok((moved, end))
    }

    /// All bytes of a pack, from wherever it lies.
    pub(crate) fn whole(&self, pack: &Pack) -> Result<Vec<u8>, Error> {
        if pack.tier == HOT {
            return Ok(fs::read(self.shared.packs.path(pack.number))?);
        }
        let none = || {
            Error::new(
                ErrorKind::Unavailable,
                "[store] names no place for old packs any more",
            )
        };
        self.shared.cold.as_ref().ok_or_else(none)?.whole(pack.number)
    }

    fn counts(&self, header: &Header, spot: &Spot) -> Result<bool, Error> {
        let scope = self.shared.domains.scope(header.domain);
        let place = locked(&self.shared.catalogue).record(&header.digest, header.kind, scope)?;
        Ok(place.is_some_and(|place| &place.spot == spot))
    }

    /// A record as it is to be kept: as it is, or sealed where it was plain and should not be.
    fn as_kept(&self, raw: &[u8], now_ms: u64) -> Result<Vec<u8>, Error> {
        let record = Record::read(raw)?;
        let house = match record.header.domain {
            0 => self.shared.domains.of_tenant("")?,
            _ => None,
        };
        let Some(house) = house else {
            return Ok(raw.to_vec());
        };
        let draft = Draft {
            kind: record.header.kind,
            digest: record.header.digest,
            media_type: record.media_type,
            created_ms: record.header.created_ms.min(now_ms),
            content: &record.content(None)?,
        };
        draft.encode(Some(&house))
    }

    /// Have a record counted where its copy lies, unless it was removed or stored elsewhere meanwhile.
    fn move_record(&self, to: &rusqlite::Transaction<'_>, moved: &Moved) -> Result<(), Error> {
        let scope = self.shared.domains.scope(moved.header.domain);
        let changed = to
            .prepare_cached(
                "UPDATE places SET pack = ?4, start = ?5, length = ?6
                 WHERE digest = ?1 AND kind = ?2 AND scope = ?3 AND pack = ?7 AND start = ?8",
            )?
            .execute(params![
                moved.header.digest.as_slice(),
                moved.header.kind as u8,
                places::bits(scope),
                crate::catalogue::signed(moved.to.pack),
                crate::catalogue::signed(moved.to.offset),
                moved.to.length,
                crate::catalogue::signed(moved.from.pack),
                crate::catalogue::signed(moved.from.offset)
            ])?;
        let bytes = if changed > 0 {
            i64::from(moved.to.length)
        } else {
            0
        };
        places::live(to, moved.to.pack, bytes)
    }

    /// Packs that have anything plain in them.
    pub(crate) fn plain_packs(&self) -> Result<Vec<Pack>, Error> {
        let mut plain = Vec::new();
        let packs = locked(&self.shared.catalogue).packs()?;
        for pack in packs {
            let mut head = [0; 8];
            let here = File::open(self.shared.packs.path(pack.number));
            match here.and_then(|mut file| std::io::Read::read_exact(&mut file, &mut head)) {
                Ok(()) if &head == HEAD_SEALED => {}
                _ if pack.state != CLOSED => {}
                Ok(()) => plain.push(pack),
                Err(_) if !self.whole(&pack)?.starts_with(HEAD_SEALED) => plain.push(pack),
                Err(_) => {}
            }
        }
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(number: u64, length: u64, live: u64, state: i64) -> Pack {
        Pack {
            number,
            indexed: length,
            length,
            live,
            state,
            tier: HOT,
            youngest_ms: 0,
        }
    }

    fn numbers(packs: &[Pack]) -> Vec<u64> {
        worth(packs, 1600).iter().map(|pack| pack.number).collect()
    }

    #[test]
    fn packs_of_which_less_than_half_counts_are_compacted_as_many_as_fit() {
        let packs = [
            pack(1, 1600, 700, CLOSED),
            pack(2, 1600, 801, CLOSED),
            pack(3, 1600, 0, OPEN),
            pack(4, 1600, 790, CLOSED),
            pack(5, 1600, 400, CLOSED),
        ];
        assert_eq!(numbers(&packs), [1, 4]);
        assert!(numbers(&packs[1..3]).is_empty());
    }

    #[test]
    fn small_packs_are_put_together_once_there_are_many() {
        let mut packs: Vec<Pack> = (1..=7).map(|number| pack(number, 90, 90, CLOSED)).collect();
        assert!(numbers(&packs).is_empty());
        packs.push(pack(8, 90, 90, CLOSED));
        assert_eq!(numbers(&packs), [1, 2, 3, 4, 5, 6, 7, 8]);
    }
}
