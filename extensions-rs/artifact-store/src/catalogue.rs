//! The catalogue: what is stored, and where it came from. SQLite; the blobs themselves are the truth of their contents.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};
use symphony_protocol::{ArtifactView, Lineage, ListArtifacts};

use crate::error::{Error, ErrorKind};
use crate::{places, trail};

/// Lineages kept of one artifact: the same content may be made by many runs.
const LINEAGES_MAX: i64 = 64;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS artifacts (
    digest TEXT PRIMARY KEY, size INTEGER NOT NULL, stored INTEGER NOT NULL,
    media_type TEXT NOT NULL, created_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_age ON artifacts (created_ms DESC, digest);
CREATE TABLE IF NOT EXISTS lineage (
    digest TEXT NOT NULL, run TEXT NOT NULL, task TEXT NOT NULL, name TEXT NOT NULL, inputs TEXT NOT NULL,
    PRIMARY KEY (digest, run, task, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_run ON lineage (run);
CREATE TABLE IF NOT EXISTS edges (child TEXT NOT NULL, parent TEXT NOT NULL, PRIMARY KEY (child, parent)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_parent ON edges (parent);
CREATE TABLE IF NOT EXISTS walked (digest TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS made_of (digest TEXT NOT NULL, input TEXT NOT NULL, PRIMARY KEY (digest, input)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_input ON made_of (input);
CREATE TABLE IF NOT EXISTS tags (digest TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (digest, tag)) WITHOUT ROWID;
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (digest UNINDEXED, name, tags, task, media_type, text);
";
/// Catalogues of version 0 have inputs in their lineages alone.
const SINCE_1: &str = "
INSERT OR IGNORE INTO made_of
    SELECT lineage.digest, input.value FROM lineage, json_each(lineage.inputs) AS input;
PRAGMA user_version = 1;
";

pub struct Catalogue {
    pub(crate) connection: Connection,
}

/// What is known of an artifact beside its content.
pub struct About<'a> {
    pub digest: &'a str,
    pub size: u64,
    pub stored: u64,
    pub media_type: &'a str,
    pub created_ms: u64,
}

pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

/// Of a row of digest, size, stored bytes, media type and time.
pub(crate) fn view(row: &rusqlite::Row<'_>) -> rusqlite::Result<ArtifactView> {
    Ok(ArtifactView {
        digest: row.get(0)?,
        size_bytes: unsigned(row.get(1)?),
        stored_bytes: unsigned(row.get(2)?),
        media_type: row.get(3)?,
        created_at_ms: unsigned(row.get(4)?),
        lineage: Vec::new(),
    })
}

/// Note an artifact; one that is known becomes young again.
pub(crate) fn note_artifact(
    to: &rusqlite::Transaction<'_>,
    about: &About<'_>,
    lineage: &Lineage,
) -> Result<(), Error> {
    to.prepare_cached(
        "INSERT INTO artifacts VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (digest) DO UPDATE SET created_ms = MAX(created_ms, excluded.created_ms)",
    )?
    .execute(params![
        about.digest,
        signed(about.size),
        signed(about.stored),
        about.media_type,
        signed(about.created_ms)
    ])?;
    if lineage.run.is_none() && lineage.name.is_none() && lineage.inputs.is_empty() {
        return Ok(());
    }
    let inputs = serde_json::to_string(&lineage.inputs).unwrap_or_default();
    to.prepare_cached(
        "INSERT OR REPLACE INTO lineage SELECT ?1, ?2, ?3, ?4, ?5
         WHERE (SELECT COUNT(*) FROM lineage WHERE digest = ?1) < ?6",
    )?
    .execute(params![
        about.digest,
        lineage.run.as_deref().unwrap_or_default(),
        lineage.task.as_deref().unwrap_or_default(),
        lineage.name.as_deref().unwrap_or_default(),
        inputs,
        LINEAGES_MAX
    ])?;
    for input in &lineage.inputs {
        to.prepare_cached("INSERT OR IGNORE INTO made_of VALUES (?1, ?2)")?
            .execute([about.digest, input.as_str()])?;
    }
    Ok(())
}

impl Catalogue {
    pub fn open(path: &Path) -> Result<Self, Error> {
        let connection = Connection::open(path)?;
        // The catalogue follows the blob: a lost last entry is found again, so one sync at a checkpoint is enough.
        connection.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")?;
        // Digests come in no order: with the 2 MiB that are usual, a million artifacts are looked for on the disk.
        connection.execute_batch("PRAGMA cache_size=-32768;")?;
        connection.execute_batch(SCHEMA)?;
        connection.execute_batch(trail::SCHEMA)?;
        connection.execute_batch(places::SCHEMA)?;
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version < 1 {
            connection.execute_batch(&format!("BEGIN; {SINCE_1} COMMIT;"))?;
        }
        Ok(Self { connection })
    }

    pub fn put(&mut self, about: &About<'_>, lineage: &Lineage) -> Result<(), Error> {
        let transaction = self.connection.transaction()?;
        note_artifact(&transaction, about, lineage)?;
        transaction.commit()?;
        Ok(())
    }

    /// Do something that is on the disk when this returns, with all that was noted before.
    pub fn durably<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        self.connection.execute_batch("PRAGMA synchronous=FULL;")?;
        let outcome = work(self);
        self.connection.execute_batch("PRAGMA synchronous=NORMAL;")?;
        outcome
    }

    pub fn media_type(&self, digest: &str) -> Result<Option<String>, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT media_type FROM artifacts WHERE digest = ?1")?;
        Ok(statement.query_row([digest], |row| row.get(0)).optional()?)
    }

    /// When it was stored last, in milliseconds.
    pub fn created_ms(&self, digest: &str) -> Result<Option<u64>, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT created_ms FROM artifacts WHERE digest = ?1")?;
        Ok(statement
            .query_row([digest], |row| row.get(0))
            .optional()?
            .map(unsigned))
    }

    pub fn remove(&mut self, digest: &str) -> Result<(), Error> {
        let transaction = self.connection.transaction()?;
        for gone in [
            "DELETE FROM artifacts WHERE digest = ?1",
            "DELETE FROM lineage WHERE digest = ?1",
            "DELETE FROM edges WHERE parent = ?1",
            "DELETE FROM walked WHERE digest = ?1",
            "DELETE FROM made_of WHERE digest = ?1",
            "DELETE FROM tags WHERE digest = ?1",
            "DELETE FROM words WHERE digest = ?1",
        ] {
            transaction.execute(gone, [digest])?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Note the artifacts that a value names. On the disk when it returns: a collector that did not know of them would
    /// delete what a kept value stands for.
    pub fn name(&mut self, parent: &str, children: &BTreeSet<String>) -> Result<(), Error> {
        if children.is_empty() {
            return self.insert_edges(parent, children);
        }
        self.durably(|catalogue| catalogue.insert_edges(parent, children))
    }

    fn insert_edges(&mut self, parent: &str, children: &BTreeSet<String>) -> Result<(), Error> {
        let transaction = self.connection.transaction()?;
        for child in children {
            transaction
                .prepare_cached("INSERT OR IGNORE INTO edges VALUES (?1, ?2)")?
                .execute([child.as_str(), parent])?;
        }
        transaction
            .prepare_cached("INSERT OR IGNORE INTO walked VALUES (?1)")?
            .execute([parent])?;
        transaction.commit()?;
        Ok(())
    }

    /// Whether the artifacts that a value names are noted.
    pub fn walked(&self, digest: &str) -> Result<bool, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT 1 FROM walked WHERE digest = ?1")?;
        Ok(statement.exists([digest])?)
    }

    /// Some artifacts of a media type of which it is not noted what they name.
    pub fn unwalked(&self, media_type: &str, limit: usize) -> Result<Vec<String>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT digest FROM artifacts WHERE media_type = ?1 AND digest NOT IN (SELECT digest FROM walked) LIMIT ?2",
        )?;
        let rows = statement.query_map(params![media_type, signed(limit as u64)], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether a stored value names this artifact.
    pub fn is_named(&self, digest: &str) -> Result<bool, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT 1 FROM edges WHERE child = ?1 LIMIT 1")?;
        Ok(statement.exists([digest])?)
    }

    /// A page, newest first, and the cursor of the next.
    pub fn list(&self, ask: &ListArtifacts) -> Result<(Vec<ArtifactView>, Option<u64>), Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT digest, size, stored, media_type, created_ms FROM artifacts
             WHERE digest >= ?1 AND digest < ?2 AND (?3 = '' OR digest IN (SELECT digest FROM lineage WHERE run = ?3))
             ORDER BY created_ms DESC, digest LIMIT ?4 OFFSET ?5",
        )?;
        let above = format!("{}g", ask.prefix);
        let run = ask.run.as_deref().unwrap_or_default();
        let found = params![
            ask.prefix,
            above,
            run,
            signed(ask.limit as u64) + 1,
            signed(ask.cursor)
        ];
        let rows = statement.query_map(found, view)?;
        let mut views = rows.collect::<Result<Vec<_>, _>>()?;
        let limit = usize::try_from(ask.limit).unwrap_or(100);
        let next = (views.len() > limit).then(|| ask.cursor + ask.limit as u64);
        views.truncate(limit);
        for view in &mut views {
            view.lineage = self.lineage(&view.digest)?;
        }
        Ok((views, next))
    }

    pub(crate) fn lineage(&self, digest: &str) -> Result<Vec<Lineage>, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT run, task, name, inputs FROM lineage WHERE digest = ?1")?;
        let some = |text: String| (!text.is_empty()).then_some(text);
        let rows = statement.query_map([digest], |row| {
            let inputs: String = row.get(3)?;
            Ok(Lineage {
                run: some(row.get(0)?),
                task: some(row.get(1)?),
                name: some(row.get(2)?),
                inputs: serde_json::from_str(&inputs).unwrap_or_default(),
            })
        })?;
        rows.collect::<Result<_, _>>()
            .map_err(|error| Error::new(ErrorKind::Unavailable, error.to_string()))
    }

    /// Some digests behind one, with the bytes that reading them takes: what they share counts for each.
    pub fn behind(&self, digest: &str, limit: usize) -> Result<Vec<(String, u64)>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT digest, MAX(size, stored) FROM artifacts WHERE digest > ?1 ORDER BY digest LIMIT ?2",
        )?;
        let rows = statement.query_map(params![digest, signed(limit as u64)], |row| {
            Ok((row.get(0)?, unsigned(row.get(1)?)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Every digest that is catalogued.
    pub fn digests(&self) -> Result<Vec<String>, Error> {
        let mut statement = self
            .connection
            .prepare("SELECT digest FROM artifacts ORDER BY digest")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
