//! The audit trail: what was done to artifacts, each entry chained to those before it by a hash.
//!
//! The table takes neither changes nor deletions; whoever edits the file all the same breaks the chain from there on.

use rusqlite::{OptionalExtension, params};
use symphony_protocol::{Trail, TrailEntry};
use symphony_sdk::chain::{BEGINNING, chained};

use crate::catalogue::{Catalogue, signed, unsigned};
use crate::error::Error;

pub const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS trail (
    number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, what TEXT NOT NULL, digest TEXT NOT NULL,
    detail TEXT NOT NULL, hash TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS trail_stays BEFORE UPDATE ON trail BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END;
CREATE TRIGGER IF NOT EXISTS trail_is_whole BEFORE DELETE ON trail BEGIN SELECT RAISE(ABORT, 'the trail is append-only'); END;
";

impl Catalogue {
    /// Write down what was done. `detail` in one line.
    pub fn note(&mut self, what: &str, digest: Option<&str>, detail: &str, at_ms: u64) -> Result<(), Error> {
        let transaction = self.connection.transaction()?;
        let last: Option<(i64, String)> = transaction
            .prepare_cached("SELECT number, hash FROM trail ORDER BY number DESC LIMIT 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let (last, before) = last.unwrap_or_else(|| (0, BEGINNING.to_owned()));
        let number = last + 1;
        let digest = digest.unwrap_or_default();
        let hash = chained(&before, unsigned(number), at_ms, [what, digest, detail]);
        transaction
            .prepare_cached("INSERT INTO trail VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![number, signed(at_ms), what, digest, detail, hash])?;
        transaction.commit()?;
        Ok(())
    }

    pub fn noted(&self) -> Result<u64, Error> {
        let count = self
            .connection
            .query_row("SELECT COUNT(*) FROM trail", [], |row| row.get(0))?;
        Ok(unsigned(count))
    }

    /// A page from a number on. The chain is followed from its beginning.
    pub fn trail(&self, start: u64, limit: usize) -> Result<Trail, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT number, at_ms, what, digest, detail, hash FROM trail ORDER BY number")?;
        let mut rows = statement.query([])?;
        let mut trail = Trail::default();
        let mut before = BEGINNING.to_owned();
        while let Some(row) = rows.next()? {
            let digest: String = row.get(3)?;
            let entry = TrailEntry {
                number: unsigned(row.get(0)?),
                at_ms: unsigned(row.get(1)?),
                what: row.get(2)?,
                digest: None,
                detail: row.get(4)?,
                hash: row.get(5)?,
            };
            trail.count += 1;
            let parts = [entry.what.as_str(), &digest, &entry.detail];
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
            let digest = (!digest.is_empty()).then_some(digest);
            trail.entries.push(TrailEntry { digest, ..entry });
        }
        Ok(trail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_of_any_entry_breaks_the_chain_there_and_the_table_takes_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.sqlite");
        let digest = "a".repeat(64);
        let mut catalogue = Catalogue::open(&path).unwrap();
        for at_ms in 1..=5 {
            catalogue
                .note("deleted", Some(&digest), "by retention", at_ms)
                .unwrap();
        }
        let page = catalogue.trail(2, 2).unwrap();
        let numbers: Vec<u64> = page.entries.iter().map(|entry| entry.number).collect();
        assert_eq!(
            (numbers, page.next, page.count, page.broken_at),
            (vec![2, 3], Some(4), 5, None)
        );
        for change in ["UPDATE trail SET detail = 'x'", "DELETE FROM trail"] {
            assert!(catalogue.connection.execute(change, []).is_err(), "{change}");
        }
        // With the triggers gone, as by an editor of the file.
        catalogue
            .connection
            .execute_batch("DROP TRIGGER trail_stays; DROP TRIGGER trail_is_whole;")
            .unwrap();
        for (change, broken) in [
            ("UPDATE trail SET at_ms = 9 WHERE number = 3", 3),
            ("DELETE FROM trail WHERE number = 2", 3),
        ] {
            let transaction = catalogue.connection.unchecked_transaction().unwrap();
            transaction.execute(change, []).unwrap();
            assert_eq!(catalogue.trail(0, 9).unwrap().broken_at, Some(broken), "{change}");
            transaction.rollback().unwrap();
        }
        assert_eq!(catalogue.trail(0, 9).unwrap().broken_at, None);
    }
}
