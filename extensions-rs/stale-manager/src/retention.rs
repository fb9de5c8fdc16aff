//! What retention knows of runs in the catalogue: their traits, who needs them, what has to go with them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use symphony_sdk::Error;

use crate::catalogue::{Catalogue, signed, unsigned};
use crate::core::Fact;
use crate::core::lineage::Needs;
use crate::core::shape::Shape;
use crate::disk;
use crate::segments::Place;
use crate::trail;
use crate::traits::Traits;

pub const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS traits (
    run TEXT PRIMARY KEY, parent TEXT, work_us INTEGER NOT NULL, shape BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS traits_by_parent ON traits (parent) WHERE parent IS NOT NULL;
CREATE TABLE IF NOT EXISTS made (digest TEXT NOT NULL, run TEXT NOT NULL, PRIMARY KEY (digest, run)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS made_by_run ON made (run);
CREATE TABLE IF NOT EXISTS surprise (
    run TEXT PRIMARY KEY, decisions INTEGER NOT NULL, bits REAL NOT NULL, last_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tombstones (
    run TEXT PRIMARY KEY, rule TEXT NOT NULL, reason TEXT NOT NULL, value REAL NOT NULL,
    grace_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL, told INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tombstones_by_due ON tombstones (due_ms);
CREATE TABLE IF NOT EXISTS condemned (digest TEXT PRIMARY KEY, since_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spared (run TEXT PRIMARY KEY, until_ms INTEGER NOT NULL) WITHOUT ROWID;
";
/// Runs of one look, the oldest first: some 200 MiB of facts. A larger archive is looked through from its old end.
pub const FACTS_MAX: usize = 500_000;
/// Runs that need one other which are listed; beyond it, others are taken to stay.
const NEEDS_MAX: usize = 4096;
const FACTS: &str = "SELECT r.run, r.tenant, r.workflow, r.status, r.ended_ms, r.length, COALESCE(t.work_us, 0),
    COALESCE(s.decisions, 0), COALESCE(s.bits, 0.0), t.shape, r.held, COALESCE(k.until_ms, 0), d.run IS NOT NULL,
    (SELECT group_concat(tag, char(10)) FROM tags g WHERE g.run = r.run)
    FROM runs r LEFT JOIN traits t ON t.run = r.run LEFT JOIN surprise s ON s.run = r.run
    LEFT JOIN spared k ON k.run = r.run LEFT JOIN tombstones d ON d.run = r.run ORDER BY r.ended_ms, r.run LIMIT ?1";
/// Everything of a run but its record.
const OF_RUN: [&str; 8] = [
    "artifacts",
    "tags",
    "traits",
    "made",
    "surprise",
    "tombstones",
    "spared",
    "holds",
];

/// Note what a record says of its run. A tombstone of an earlier end of it is gone.
pub fn note_traits(connection: &Connection, run: &str, traits: &Traits) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO traits VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            run,
            traits.parent,
            signed(traits.work_us),
            traits.shape.to_bytes()
        ])?;
    let mut statement = connection.prepare_cached("INSERT OR IGNORE INTO made VALUES (?1, ?2)")?;
    for digest in &traits.made {
        statement.execute([digest.as_str(), run])?;
    }
    connection
        .prepare_cached("DELETE FROM tombstones WHERE run = ?1")?
        .execute([run])?;
    Ok(())
}

/// Take a tombstone away, where there is one.
pub fn lift(connection: &Connection, run: &str, why: &str, now_ms: u64) -> Result<bool, Error> {
    let gone = connection
        .prepare_cached("DELETE FROM tombstones WHERE run = ?1")
        .and_then(|mut statement| statement.execute([run]))
        .map_err(disk)?;
    if gone > 0 {
        trail::note_run(connection, "lifted", run, why, now_ms)?;
    }
    Ok(gone > 0)
}

/// Forget a run.
pub fn forget(connection: &Connection, run: &str) -> Result<(), Error> {
    for table in OF_RUN.iter().chain(&["runs"]) {
        connection
            .prepare_cached(&format!("DELETE FROM {table} WHERE run = ?1"))
            .and_then(|mut statement| statement.execute([run]))
            .map_err(disk)?;
    }
    Ok(())
}

/// Keep a run until a moment, whatever a rule says, and take a tombstone away.
pub fn spare(
    connection: &Connection,
    run: &str,
    until_ms: u64,
    why: &str,
    now_ms: u64,
) -> Result<bool, Error> {
    let lifted = lift(connection, run, why, now_ms)?;
    let set =
        "INSERT INTO spared VALUES (?1, ?2) ON CONFLICT (run) DO UPDATE SET until_ms = MAX(until_ms, ?2)";
    connection
        .execute(set, params![run, signed(until_ms)])
        .map_err(disk)?;
    Ok(lifted)
}

/// Who needs a run: those that name what it made and did not make it themselves, its parent and its children.
pub fn needs(connection: &Connection, run: &str) -> Result<Needs, Error> {
    let query = "SELECT a.run FROM made m JOIN artifacts a ON a.digest = m.digest
        WHERE m.run = ?1 AND a.run != ?1 AND NOT EXISTS (SELECT 1 FROM made o WHERE o.digest = m.digest AND o.run = a.run)
        UNION SELECT t.run FROM traits t WHERE t.parent = ?1
        UNION SELECT p.run FROM traits t JOIN runs p ON p.run = t.parent WHERE t.run = ?1
        LIMIT ?2";
    let mut statement = connection.prepare_cached(query).map_err(disk)?;
    let rows = statement
        .query_map(params![run, signed(NEEDS_MAX as u64 + 1)], |row| row.get(0))
        .map_err(disk)?;
    let mut runs = rows.collect::<Result<Vec<String>, _>>().map_err(disk)?;
    let more = runs.len() > NEEDS_MAX || needed_unseen(connection, run)?;
    runs.truncate(NEEDS_MAX);
    Ok(Needs { runs, more })
}

/// Whether a run made something, and another of its tenant names more artifacts than its record could list.
fn needed_unseen(connection: &Connection, run: &str) -> Result<bool, Error> {
    let query = "SELECT EXISTS (SELECT 1 FROM made WHERE run = ?1) AND EXISTS (
        SELECT 1 FROM artifacts a JOIN runs o ON o.run = a.run JOIN runs r ON r.run = ?1
        WHERE a.digest = '*' AND o.tenant = r.tenant AND o.run != ?1)";
    let mut statement = connection.prepare_cached(query).map_err(disk)?;
    statement.query_row([run], |row| row.get(0)).map_err(disk)
}

/// Names that many facts share, once each.
#[derive(Default)]
struct Names(HashMap<String, Arc<str>>);

impl Names {
    fn one(&mut self, name: String) -> Arc<str> {
        if let Some(known) = self.0.get(&name) {
            return known.clone();
        }
        let made: Arc<str> = name.as_str().into();
        self.0.insert(name, made.clone());
        made
    }
}

impl Catalogue {
    /// What a look goes by, the run that ended first before the others.
    pub fn facts(&self) -> Result<Vec<Fact>, Error> {
        let mut names = Names::default();
        let mut statement = self.connection.prepare_cached(FACTS).map_err(disk)?;
        let mut rows = statement.query([signed(FACTS_MAX as u64)]).map_err(disk)?;
        let mut facts = Vec::new();
        while let Some(row) = rows.next().map_err(disk)? {
            facts.push(fact(row, &mut names).map_err(disk)?);
        }
        Ok(facts)
    }

    /// The same of one run.
    pub fn fact(&self, run: &str) -> Result<Option<Fact>, Error> {
        let query = FACTS.replace("ORDER BY r.ended_ms, r.run LIMIT ?1", "WHERE r.run = ?1");
        let mut statement = self.connection.prepare_cached(&query).map_err(disk)?;
        let found = statement.query_row([run], |row| fact(row, &mut Names::default()));
        found.optional().map_err(disk)
    }

    /// Runs of which it has to be asked who needs them: they made something, or are a parent or a child.
    pub fn related(&self) -> Result<HashSet<String>, Error> {
        let query = "SELECT run FROM made UNION SELECT run FROM traits WHERE parent IS NOT NULL
            UNION SELECT parent FROM traits WHERE parent IS NOT NULL";
        let mut statement = self.connection.prepare_cached(query).map_err(disk)?;
        let rows = statement.query_map([], |row| row.get(0));
        rows.and_then(Iterator::collect).map_err(disk)
    }

    /// Whether a run that ended after a moment has a parent which is not archived: it is live still. Of one with a tombstone
    /// the parent has gone before it.
    pub fn parent_lives(&self, run: &str, after_ms: u64) -> Result<bool, Error> {
        let query = "SELECT EXISTS (SELECT 1 FROM traits t JOIN runs r ON r.run = t.run WHERE t.run = ?1
            AND t.parent IS NOT NULL AND r.ended_ms > ?2 AND t.parent NOT IN (SELECT run FROM runs)
            AND NOT EXISTS (SELECT 1 FROM tombstones d WHERE d.run = ?1))";
        let mut statement = self.connection.prepare_cached(query).map_err(disk)?;
        let found = statement.query_row(params![run, signed(after_ms)], |row| row.get(0));
        found.map_err(disk)
    }

    pub fn needs(&self, run: &str) -> Result<Needs, Error> {
        needs(&self.connection, run)
    }

    /// Some runs whose traits are not noted: of before there were any.
    pub fn untold(&self, limit: usize) -> Result<Vec<(String, Place)>, Error> {
        let query =
            "SELECT run, segment, start, length FROM runs WHERE run NOT IN (SELECT run FROM traits) LIMIT ?1";
        let mut statement = self.connection.prepare_cached(query).map_err(disk)?;
        let rows = statement.query_map([signed(limit as u64)], |row| Ok((row.get(0)?, place(row, 1)?)));
        rows.and_then(Iterator::collect).map_err(disk)
    }

    pub fn set_traits(&mut self, of: &[(String, Traits)]) -> Result<(), Error> {
        let transaction = self.connection.transaction().map_err(disk)?;
        for (run, traits) in of {
            note_traits(&transaction, run, traits).map_err(disk)?;
        }
        transaction.commit().map_err(disk)
    }
}

pub fn place(row: &Row<'_>, from: usize) -> rusqlite::Result<Place> {
    Ok(Place {
        segment: unsigned(row.get(from)?),
        offset: unsigned(row.get(from + 1)?),
        length: unsigned(row.get(from + 2)?),
    })
}

fn fact(row: &Row<'_>, names: &mut Names) -> rusqlite::Result<Fact> {
    let tags: Option<String> = row.get(13)?;
    let shape: Option<Vec<u8>> = row.get(9)?;
    Ok(Fact {
        run: row.get(0)?,
        tenant: names.one(row.get(1)?),
        workflow: names.one(row.get(2)?),
        status: names.one(row.get(3)?),
        tags: tags
            .unwrap_or_default()
            .lines()
            .map(|tag| names.one(tag.to_owned()))
            .collect(),
        ended_ms: unsigned(row.get(4)?),
        bytes: unsigned(row.get(5)?),
        work_us: unsigned(row.get(6)?),
        decisions: unsigned(row.get(7)?),
        bits: row.get(8)?,
        shape: Shape::from_bytes(&shape.unwrap_or_default()),
        held: row.get(10)?,
        spared_until_ms: unsigned(row.get(11)?),
        tombstoned: row.get(12)?,
    })
}
