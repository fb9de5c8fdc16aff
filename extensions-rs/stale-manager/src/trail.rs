//! The audit trail: what became of archived runs, each entry chained to those before it by a hash.
//!
//! An entry names a run by a keyed hash. Each tenant has a key of its own, which goes when the tenant is erased: from then
//! on nobody can tell whose run an entry was about.

use ring::rand::{SecureRandom, SystemRandom};
use rusqlite::{Connection, OptionalExtension, params};
use symphony_protocol::{Trail, TrailEntry};
use symphony_sdk::chain::{BEGINNING, chained};
use symphony_sdk::{Error, ErrorKind};

use crate::catalogue::{Catalogue, signed, unsigned};
use crate::disk;

pub const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS trail (
    number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, what TEXT NOT NULL, subject TEXT NOT NULL,
    detail TEXT NOT NULL, hash TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS trail_stays BEFORE UPDATE ON trail BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END;
CREATE TRIGGER IF NOT EXISTS trail_is_whole BEFORE DELETE ON trail BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END;
CREATE TABLE IF NOT EXISTS tenants (tenant TEXT PRIMARY KEY, key BLOB NOT NULL) WITHOUT ROWID;
";

/// The keyed hash that stands for a run of a tenant; the tenant's key is made where there is none.
pub fn subject(connection: &Connection, tenant: &str, run: &str) -> Result<String, Error> {
    let known: Option<Vec<u8>> = connection
        .prepare_cached("SELECT key FROM tenants WHERE tenant = ?1")
        .and_then(|mut statement| statement.query_row([tenant], |row| row.get(0)).optional())
        .map_err(disk)?;
    let key: [u8; 32] = match known.and_then(|key| key.try_into().ok()) {
        Some(key) => key,
        None => {
            let mut key = [0; 32];
            let random = SystemRandom::new().fill(&mut key);
            random.map_err(|_| Error::new(ErrorKind::Io, "the machine gives no random numbers"))?;
            connection
                .execute(
                    "INSERT OR REPLACE INTO tenants VALUES (?1, ?2)",
                    params![tenant, key],
                )
                .map_err(disk)?;
            key
        }
    };
    Ok(blake3::keyed_hash(&key, run.as_bytes()).to_hex().to_string())
}

/// Write down what was done to a run that is archived.
pub fn note_run(
    connection: &Connection,
    what: &str,
    run: &str,
    detail: &str,
    at_ms: u64,
) -> Result<(), Error> {
    let tenant: Option<String> = connection
        .prepare_cached("SELECT tenant FROM runs WHERE run = ?1")
        .and_then(|mut statement| statement.query_row([run], |row| row.get(0)).optional())
        .map_err(disk)?;
    let subject = subject(connection, tenant.as_deref().unwrap_or_default(), run)?;
    note(connection, what, &subject, detail, at_ms).map(|_| ())
}

/// Write down what was done; the entry's number and hash. `detail` in one line, and without a name of anybody's.
pub fn note(
    connection: &Connection,
    what: &str,
    subject: &str,
    detail: &str,
    at_ms: u64,
) -> Result<(u64, String), Error> {
    let last: Option<(i64, String)> = connection
        .prepare_cached("SELECT number, hash FROM trail ORDER BY number DESC LIMIT 1")
        .and_then(|mut statement| {
            statement
                .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .map_err(disk)?;
    let (last, before) = last.unwrap_or_else(|| (0, BEGINNING.to_owned()));
    let number = last + 1;
    let hash = chained(&before, unsigned(number), at_ms, [what, subject, detail]);
    connection
        .prepare_cached("INSERT INTO trail VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
        .and_then(|mut statement| {
            statement.execute(params![number, signed(at_ms), what, subject, detail, hash])
        })
        .map_err(disk)?;
    Ok((unsigned(number), hash))
}

impl Catalogue {
    /// A page from a number on. The chain is followed from its beginning.
    pub fn trail(&self, start: u64, limit: usize) -> Result<Trail, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT number, at_ms, what, subject, detail, hash FROM trail ORDER BY number")
            .map_err(disk)?;
        let mut rows = statement.query([]).map_err(disk)?;
        let mut trail = Trail::default();
        let mut before = BEGINNING.to_owned();
        while let Some(row) = rows.next().map_err(disk)? {
            let (entry, subject) = entry(row).map_err(disk)?;
            trail.count += 1;
            let parts = [entry.what.as_str(), &subject, &entry.detail];
            let follows = entry.number == trail.count
                && entry.hash == chained(&before, entry.number, entry.at_ms, parts);
            if !follows && trail.broken_at.is_none() {
                trail.broken_at = Some(entry.number);
            }
            before.clone_from(&entry.hash);
            if entry.number < start {
                continue;
            }
            if trail.entries.len() >= limit {
                trail.next.get_or_insert(entry.number);
                continue;
            }
            trail.entries.push(entry);
        }
        Ok(trail)
    }
}

fn entry(row: &rusqlite::Row<'_>) -> rusqlite::Result<(TrailEntry, String)> {
    let subject: String = row.get(3)?;
    let entry = TrailEntry {
        number: unsigned(row.get(0)?),
        at_ms: unsigned(row.get(1)?),
        what: row.get(2)?,
        digest: (!subject.is_empty()).then(|| subject.clone()),
        detail: row.get(4)?,
        hash: row.get(5)?,
    };
    Ok((entry, subject))
}

#[cfg(test)]
mod tests {
    use crate::archive::tests::{open, record};

    #[test]
    fn an_edit_of_any_entry_breaks_the_chain_there_and_the_table_takes_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = open(folder.path());
        archive.put((1..=4).map(|n| record(n, "a", n)).collect()).unwrap();
        archive.look(1 << 40).unwrap();
        let catalogue = &archive.catalogue;
        let page = catalogue.trail(2, 2).unwrap();
        let numbers: Vec<u64> = page.entries.iter().map(|entry| entry.number).collect();
        assert_eq!(
            (numbers, page.next, page.count, page.broken_at),
            (vec![2, 3], Some(4), 4, None)
        );
        assert!(
            page.entries
                .iter()
                .all(|entry| entry.digest.as_ref().is_some_and(|subject| subject.len() == 64))
        );
        for change in ["UPDATE trail SET detail = 'x'", "DELETE FROM trail"] {
            assert!(catalogue.connection.execute(change, []).is_err(), "{change}");
        }
        // With the trigger gone, as by an editor of the file.
        catalogue
            .connection
            .execute_batch("DROP TRIGGER trail_stays")
            .unwrap();
        catalogue
            .connection
            .execute("UPDATE trail SET detail = 'x' WHERE number = 3", [])
            .unwrap();
        assert_eq!(catalogue.trail(0, 9).unwrap().broken_at, Some(3));
    }
}
