//! Where the records lie: the part of the catalogue that says which of them count.

use rusqlite::{OptionalExtension, Transaction, params};

use crate::catalogue::{Catalogue, signed, unsigned};
use crate::error::Error;
use crate::packs::Spot;
use crate::record::{Digest, Kind};

/// `scope`: within what the same content is stored once: 0 the house, else the number of a tenant's key. `refs`: of a chunk, how many manifests have it. A chunk that was damaged keeps its row, without a place (pack 0), so that it
/// can be stored again for all of them. `indexed`: up to where the records of a pack are in `places`.
pub const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS places (
    digest BLOB NOT NULL, kind INTEGER NOT NULL, scope INTEGER NOT NULL, pack INTEGER NOT NULL,
    start INTEGER NOT NULL, length INTEGER NOT NULL, size INTEGER NOT NULL, refs INTEGER NOT NULL,
    PRIMARY KEY (digest, kind, scope)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS packs (
    number INTEGER PRIMARY KEY, indexed INTEGER NOT NULL, length INTEGER NOT NULL, live INTEGER NOT NULL,
    state INTEGER NOT NULL, tier INTEGER NOT NULL, youngest_ms INTEGER NOT NULL
);
";
/// States of a pack: written to, or so it was when the system ended; closed; replaced by a copy, and to be removed.
pub const OPEN: i64 = 0;
pub const CLOSED: i64 = 1;
pub const GONE: i64 = 2;

/// A record that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub spot: Spot,
    pub kind: Kind,
    pub scope: u64,
    pub size: u64,
}

/// A pack as it is catalogued. `live`: bytes of the records in it that count; `length`: of all of it, once it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pack {
    pub number: u64,
    pub indexed: u64,
    pub length: u64,
    pub live: u64,
    pub state: i64,
    pub tier: i64,
    pub youngest_ms: u64,
}

/// SQLite's integers are signed: a scope is kept bit by bit.
#[allow(clippy::cast_possible_wrap)] // the same bits, which is what is meant
pub(crate) fn bits(scope: u64) -> i64 {
    scope as i64
}

#[allow(clippy::cast_sign_loss)] // the same bits, which is what is meant
fn whole(scope: i64) -> u64 {
    scope as u64
}

fn place(row: &rusqlite::Row<'_>) -> rusqlite::Result<Place> {
    let kind: u8 = row.get(0)?;
    Ok(Place {
        kind: Kind::of(kind).unwrap_or(Kind::Blob),
        scope: whole(row.get(1)?),
        spot: Spot {
            pack: unsigned(row.get(2)?),
            offset: unsigned(row.get(3)?),
            length: row.get(4)?,
        },
        size: unsigned(row.get(5)?),
    })
}

fn pack(row: &rusqlite::Row<'_>) -> rusqlite::Result<Pack> {
    Ok(Pack {
        number: unsigned(row.get(0)?),
        indexed: unsigned(row.get(1)?),
        length: unsigned(row.get(2)?),
        live: unsigned(row.get(3)?),
        state: row.get(4)?,
        tier: row.get(5)?,
        youngest_ms: unsigned(row.get(6)?),
    })
}

const PLACE: &str = "SELECT kind, scope, pack, start, length, size FROM places";
const PACK: &str = "SELECT number, indexed, length, live, state, tier, youngest_ms FROM packs";

/// Put a record on the books, in place of one that was there for the same. Its chunk count is `refs` more.
pub fn insert(to: &Transaction<'_>, digest: &Digest, place: &Place, refs: u64) -> Result<(), Error> {
    drop_live(to, digest, place.kind, place.scope)?;
    to.prepare_cached(
        "INSERT INTO places VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT DO UPDATE SET pack = ?4, start = ?5, length = ?6, size = ?7, refs = refs + ?8",
    )?
    .execute(params![
        digest.as_slice(),
        place.kind as u8,
        bits(place.scope),
        signed(place.spot.pack),
        signed(place.spot.offset),
        place.spot.length,
        signed(place.size),
        signed(refs)
    ])?;
    live(to, place.spot.pack, i64::from(place.spot.length))
}

pub fn is_there(to: &Transaction<'_>, digest: &Digest, kind: Kind, scope: u64) -> Result<bool, Error> {
    let mut statement =
        to.prepare_cached("SELECT 1 FROM places WHERE digest = ?1 AND kind = ?2 AND scope = ?3")?;
    Ok(statement.exists(params![digest.as_slice(), kind as u8, bits(scope)])?)
}

/// One more manifest has a chunk.
pub fn refer(to: &Transaction<'_>, digest: &Digest, scope: u64) -> Result<bool, Error> {
    let mut statement = to.prepare_cached(
        "UPDATE places SET refs = refs + 1 WHERE digest = ?1 AND kind = 2 AND scope = ?2 AND pack > 0",
    )?;
    Ok(statement.execute(params![digest.as_slice(), bits(scope)])? > 0)
}

pub(crate) fn live(to: &Transaction<'_>, pack: u64, bytes: i64) -> Result<(), Error> {
    if pack == 0 {
        return Ok(());
    }
    to.prepare_cached(
        "INSERT INTO packs VALUES (?1, 0, 0, MAX(?2, 0), 0, 0, 0) ON CONFLICT DO UPDATE SET live = MAX(live + ?2, 0)",
    )?
    .execute(params![signed(pack), bytes])?;
    Ok(())
}

fn drop_live(to: &Transaction<'_>, digest: &Digest, kind: Kind, scope: u64) -> Result<(), Error> {
    let there: Option<(i64, i64)> = to
        .prepare_cached("SELECT pack, length FROM places WHERE digest = ?1 AND kind = ?2 AND scope = ?3")?
        .query_row(params![digest.as_slice(), kind as u8, bits(scope)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    if let Some((pack, length)) = there {
        live(to, unsigned(pack), -length)?;
    }
    Ok(())
}

/// Take a record off the books; gives the bytes that it had.
pub fn remove(to: &Transaction<'_>, digest: &Digest, place: &Place) -> Result<u64, Error> {
    drop_live(to, digest, place.kind, place.scope)?;
    let gone = to
        .prepare_cached("DELETE FROM places WHERE digest = ?1 AND kind = ?2 AND scope = ?3")?
        .execute(params![digest.as_slice(), place.kind as u8, bits(place.scope)])?;
    Ok(if gone > 0 { u64::from(place.spot.length) } else { 0 })
}

/// One manifest less has a chunk; the last takes it off the books. Gives the bytes that it had.
pub fn unrefer(to: &Transaction<'_>, digest: &Digest, scope: u64) -> Result<u64, Error> {
    let key = params![digest.as_slice(), bits(scope)];
    to.prepare_cached("UPDATE places SET refs = refs - 1 WHERE digest = ?1 AND kind = 2 AND scope = ?2")?
        .execute(key)?;
    let last = to
        .prepare_cached(&format!(
            "{PLACE} WHERE digest = ?1 AND kind = 2 AND scope = ?2 AND refs <= 0"
        ))?
        .query_row(key, place)
        .optional()?;
    last.map_or(Ok(0), |place| remove(to, digest, &place))
}

/// Note how far a pack is catalogued, and its youngest content.
pub fn indexed(to: &Transaction<'_>, number: u64, upto: u64, at_ms: u64) -> Result<(), Error> {
    to.prepare_cached(
        "INSERT INTO packs VALUES (?1, ?2, 0, 0, 0, 0, ?3)
         ON CONFLICT DO UPDATE SET indexed = MAX(indexed, ?2), youngest_ms = MAX(youngest_ms, ?3)",
    )?
    .execute(params![signed(number), signed(upto), signed(at_ms)])?;
    Ok(())
}

impl Catalogue {
    /// Where a blob lies, small or large; of several copies one that is of `scope`, if there is one.
    pub fn place(&self, digest: &Digest, scope: u64) -> Result<Option<Place>, Error> {
        let mut statement = self.connection.prepare_cached(&format!(
            "{PLACE} WHERE digest = ?1 AND kind IN (1, 3) AND pack > 0 ORDER BY scope = ?2 DESC LIMIT 1"
        ))?;
        Ok(statement
            .query_row(params![digest.as_slice(), bits(scope)], place)
            .optional()?)
    }

    /// All copies of a blob.
    pub fn copies(&self, digest: &Digest) -> Result<Vec<Place>, Error> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("{PLACE} WHERE digest = ?1 AND kind IN (1, 3)"))?;
        let rows = statement.query_map([digest.as_slice()], place)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Where a record lies, of this kind and under this key.
    pub fn record(&self, digest: &Digest, kind: Kind, scope: u64) -> Result<Option<Place>, Error> {
        let mut statement = self.connection.prepare_cached(&format!(
            "{PLACE} WHERE digest = ?1 AND kind = ?2 AND scope = ?3 AND pack > 0"
        ))?;
        Ok(statement
            .query_row(params![digest.as_slice(), kind as u8, bits(scope)], place)
            .optional()?)
    }

    /// Forget where a chunk lay: it is damaged, and is stored by the next who has it.
    pub fn misplace(&mut self, digest: &Digest, scope: u64) -> Result<(), Error> {
        let transaction = self.connection.transaction()?;
        drop_live(&transaction, digest, Kind::Chunk, scope)?;
        transaction.execute(
            "UPDATE places SET pack = 0 WHERE digest = ?1 AND kind = 2 AND scope = ?2",
            params![digest.as_slice(), bits(scope)],
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// Chunks, and the bytes that would be stored besides if each large blob had its own.
    pub fn sharing(&self) -> Result<(u64, u64), Error> {
        let query = "SELECT COUNT(*), COALESCE(SUM(length * (refs - 1)), 0) FROM places WHERE kind = 2";
        let of = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let (chunks, shared): (i64, i64) = self.connection.query_row(query, [], of)?;
        Ok((unsigned(chunks), unsigned(shared)))
    }

    /// The tenants' scopes that anything lies in.
    pub fn scopes(&self) -> Result<Vec<u64>, Error> {
        let mut statement = self
            .connection
            .prepare("SELECT DISTINCT scope FROM places WHERE scope != 0")?;
        let rows = statement.query_map([], |row| Ok(whole(row.get(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Take all that was stored in a scope off the books. Gives the digests of its blobs and the bytes that they had.
    pub fn forget_scope(&mut self, scope: u64) -> Result<(Vec<Digest>, u64), Error> {
        let transaction = self.connection.transaction()?;
        let mut gone = Vec::new();
        let mut bytes = 0;
        {
            let mut statement =
                transaction.prepare("SELECT digest, kind, pack, length FROM places WHERE scope = ?1")?;
            let mut rows = statement.query([bits(scope)])?;
            while let Some(row) = rows.next()? {
                let (digest, kind): (Digest, u8) = (row.get(0)?, row.get(1)?);
                let (pack, length): (i64, i64) = (row.get(2)?, row.get(3)?);
                live(&transaction, unsigned(pack), -length)?;
                bytes += unsigned(length);
                if kind != Kind::Chunk as u8 {
                    gone.push(digest);
                }
            }
        }
        transaction.execute("DELETE FROM places WHERE scope = ?1", [bits(scope)])?;
        transaction.commit()?;
        Ok((gone, bytes))
    }

    /// Chunks that no manifest has.
    pub fn forget_unused_chunks(&self) -> Result<(), Error> {
        self.connection.execute_batch(
            "BEGIN;
             UPDATE packs SET live = MAX(live - (SELECT COALESCE(SUM(length), 0) FROM places
                 WHERE pack = packs.number AND kind = 2 AND refs <= 0), 0)
                 WHERE EXISTS (SELECT 1 FROM places WHERE kind = 2 AND refs <= 0);
             DELETE FROM places WHERE kind = 2 AND refs <= 0;
             COMMIT;",
        )?;
        Ok(())
    }

    pub fn packs(&self) -> Result<Vec<Pack>, Error> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("{PACK} ORDER BY number"))?;
        let rows = statement.query_map([], pack)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Note that a pack is closed, with all of its records catalogued.
    pub fn close_pack(&self, number: u64, length: u64) -> Result<(), Error> {
        self.connection.execute(
            "INSERT INTO packs VALUES (?1, ?2, ?2, 0, 1, 0, 0) ON CONFLICT DO UPDATE SET indexed = ?2, length = ?2, state = 1",
            params![signed(number), signed(length)],
        )?;
        Ok(())
    }

    pub fn move_pack(&self, number: u64, tier: i64) -> Result<(), Error> {
        self.connection.execute(
            "UPDATE packs SET tier = ?2 WHERE number = ?1",
            params![signed(number), tier],
        )?;
        Ok(())
    }

    pub fn forget_pack(&self, number: u64) -> Result<(), Error> {
        self.connection
            .execute("DELETE FROM packs WHERE number = ?1", [signed(number)])?;
        Ok(())
    }
}
