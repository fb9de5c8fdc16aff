//! The catalogue of archived runs: SQLite, synced at each commit. It lists, finds, holds and forgets.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter, types::Value};
use symphony_protocol::{ArchiveRecord, FindRuns, RunSummary, StaleShow, TaskCounts};
use symphony_sdk::Error;

use crate::disk;
use crate::segments::Place;
use crate::traits::Traits;
use crate::{erase, retention, trail};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS runs (
    run TEXT PRIMARY KEY, tenant TEXT NOT NULL, workflow TEXT NOT NULL, version TEXT NOT NULL, status TEXT NOT NULL,
    error_kind TEXT, submitted_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, duration_us INTEGER NOT NULL,
    total INTEGER NOT NULL, succeeded INTEGER NOT NULL, failed INTEGER NOT NULL, skipped INTEGER NOT NULL,
    retried INTEGER NOT NULL, held INTEGER NOT NULL DEFAULT 0, segment INTEGER NOT NULL, start INTEGER NOT NULL,
    length INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_age ON runs (tenant, submitted_ms DESC, run);
CREATE INDEX IF NOT EXISTS by_end ON runs (ended_ms);
CREATE INDEX IF NOT EXISTS by_segment ON runs (segment);
CREATE TABLE IF NOT EXISTS artifacts (digest TEXT NOT NULL, run TEXT NOT NULL, PRIMARY KEY (digest, run)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_run ON artifacts (run);
CREATE TABLE IF NOT EXISTS tags (tag TEXT NOT NULL, run TEXT NOT NULL, PRIMARY KEY (tag, run)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tags_by_run ON tags (run);
CREATE TABLE IF NOT EXISTS holds (
    run TEXT NOT NULL, held INTEGER NOT NULL, reason TEXT NOT NULL, by TEXT NOT NULL, at_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
";
/// Every tenant: an operator asks.
pub const EVERYBODY: &str = "-";

pub struct Catalogue {
    pub(crate) connection: Connection,
}

pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

impl Catalogue {
    pub fn open(path: &Path) -> Result<Self, Error> {
        let connection = Connection::open(path).map_err(disk)?;
        connection
            .execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;")
            .map_err(disk)?;
        for schema in [SCHEMA, retention::SCHEMA, trail::SCHEMA, erase::SCHEMA] {
            connection.execute_batch(schema).map_err(disk)?;
        }
        Ok(Self { connection })
    }

    /// Note records that lie in a segment. A run that is known already has the new record instead, and keeps its hold.
    pub fn put(&mut self, records: &[ArchiveRecord], places: &[Place]) -> Result<(), Error> {
        let transaction = self.connection.transaction().map_err(disk)?;
        for (record, place) in records.iter().zip(places) {
            if insert(&transaction, record, *place).map_err(disk)? {
                let traits = Traits::of(record);
                retention::note_traits(&transaction, &record.summary.run, &traits).map_err(disk)?;
            }
        }
        transaction.commit().map_err(disk)
    }

    /// When a run that is kept ended.
    pub fn ended_ms(&self, run: &str) -> Result<Option<u64>, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT ended_ms FROM runs WHERE run = ?1")
            .map_err(disk)?;
        let found = statement
            .query_row([run], |row| row.get(0))
            .optional()
            .map_err(disk)?;
        Ok(found.map(unsigned))
    }

    /// Where a run's record lies, and whether it is held; None for another tenant's.
    pub fn place(&self, run: &str, tenant: &str) -> Result<Option<(Place, bool)>, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT segment, start, length, held, tenant FROM runs WHERE run = ?1")
            .map_err(disk)?;
        let found = statement
            .query_row([run], |row| {
                let place = Place {
                    segment: unsigned(row.get(0)?),
                    offset: unsigned(row.get(1)?),
                    length: unsigned(row.get(2)?),
                };
                Ok((place, row.get::<_, i64>(3)? != 0, row.get::<_, String>(4)?))
            })
            .optional()
            .map_err(disk)?;
        Ok(found
            .filter(|(_, _, owner)| tenant == EVERYBODY || owner == tenant)
            .map(|(place, held, _)| (place, held)))
    }

    /// A page of runs, newest first, and the cursor of the next.
    pub fn list(&self, ask: &FindRuns, tenant: &str) -> Result<(Vec<RunSummary>, Option<u64>), Error> {
        let mut wheres = vec!["1"];
        let mut values: Vec<Value> = Vec::new();
        let mut condition = |text: &'static str, value: Value| {
            wheres.push(text);
            values.push(value);
        };
        if tenant != EVERYBODY {
            condition("tenant = ?", tenant.to_owned().into());
        }
        if let Some(workflow) = &ask.workflow {
            condition("workflow = ?", workflow.clone().into());
        }
        if let Some(status) = &ask.status {
            condition("status = ?", status.clone().into());
        }
        if let Some(tag) = &ask.tag {
            condition("run IN (SELECT run FROM tags WHERE tag = ?)", tag.clone().into());
        }
        if let Some(text) = &ask.text {
            let searched = "instr(run || ' ' || lower(workflow) || ' ' || COALESCE(error_kind, ''), ?) > 0";
            condition(searched, text.to_lowercase().into());
        }
        if let Some(since) = ask.since_ms {
            condition("submitted_ms >= ?", signed(since).into());
        }
        if let Some(until) = ask.until_ms {
            condition("submitted_ms < ?", signed(until).into());
        }
        let limit = u64::from(ask.limit);
        values.extend([signed(limit + 1).into(), signed(ask.cursor).into()]);
        let query = format!(
            "SELECT run, tenant, workflow, version, status, submitted_ms, ended_ms, duration_us, total, succeeded,
             failed, skipped, retried FROM runs WHERE {} ORDER BY submitted_ms DESC, run LIMIT ? OFFSET ?",
            wheres.join(" AND ")
        );
        let mut statement = self.connection.prepare_cached(&query).map_err(disk)?;
        let rows = statement
            .query_map(params_from_iter(values), summary)
            .map_err(disk)?;
        let mut found = rows.collect::<Result<Vec<_>, _>>().map_err(disk)?;
        let more = u64::try_from(found.len()).unwrap_or_default() > limit;
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok((found, more.then_some(ask.cursor + limit)))
    }

    /// Set or lift a hold, and a tombstone with it. False: no such run.
    pub fn hold(
        &mut self,
        run: &str,
        held: bool,
        reason: &str,
        by: &str,
        now_ms: u64,
    ) -> Result<bool, Error> {
        let transaction = self.connection.transaction().map_err(disk)?;
        let changed = transaction
            .execute("UPDATE runs SET held = ?2 WHERE run = ?1", params![run, held])
            .map_err(disk)?;
        transaction
            .execute(
                "INSERT INTO holds SELECT ?1, ?2, ?3, ?4, ?5 WHERE ?6 > 0",
                params![
                    run,
                    held,
                    reason,
                    by,
                    signed(now_ms),
                    signed(u64::try_from(changed).unwrap_or_default())
                ],
            )
            .map_err(disk)?;
        if changed > 0 {
            let what = if held { "held" } else { "released" };
            trail::note_run(&transaction, what, run, "by an operator", now_ms)?;
            if held {
                retention::lift(&transaction, run, "it is held", now_ms)?;
            }
        }
        transaction.commit().map_err(disk)?;
        Ok(changed > 0)
    }

    /// Whether a kept run refers to an artifact. `*` stands for more than a record could list: all of them.
    pub fn refers(&self, digest: &str) -> Result<bool, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT 1 FROM artifacts WHERE digest IN (?1, '*') LIMIT 1")
            .map_err(disk)?;
        statement.exists([digest]).map_err(disk)
    }

    /// Segments that some run lies in.
    pub fn segments(&self) -> Result<Vec<u64>, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT DISTINCT segment FROM runs ORDER BY segment")
            .map_err(disk)?;
        let rows = statement.query_map([], |row| row.get(0)).map_err(disk)?;
        let found = rows.collect::<Result<Vec<i64>, _>>().map_err(disk)?;
        Ok(found.into_iter().map(unsigned).collect())
    }

    /// Bytes of a segment that some run lies in.
    pub fn wanted(&self, segment: u64) -> Result<u64, Error> {
        let sum = "SELECT COALESCE(SUM(length), 0) FROM runs WHERE segment = ?1";
        let found = self
            .connection
            .query_row(sum, [signed(segment)], |row| row.get(0));
        found.map(unsigned).map_err(disk)
    }

    /// Runs that lie in a segment, in its order.
    pub fn within(&self, segment: u64) -> Result<Vec<(String, Place)>, Error> {
        let query = "SELECT run, segment, start, length FROM runs WHERE segment = ?1 ORDER BY start";
        let mut statement = self.connection.prepare_cached(query).map_err(disk)?;
        let rows = statement.query_map([signed(segment)], |row| {
            Ok((row.get(0)?, retention::place(row, 1)?))
        });
        rows.and_then(Iterator::collect).map_err(disk)
    }

    /// Runs lie elsewhere now.
    pub fn moved(&mut self, runs: &[(String, Place)]) -> Result<(), Error> {
        let transaction = self.connection.transaction().map_err(disk)?;
        for (run, place) in runs {
            let set = "UPDATE runs SET segment = ?2, start = ?3, length = ?4 WHERE run = ?1";
            let (segment, start, length) =
                (signed(place.segment), signed(place.offset), signed(place.length));
            transaction
                .execute(set, params![run, segment, start, length])
                .map_err(disk)?;
        }
        transaction.commit().map_err(disk)
    }

    /// A number that outlives the process: positions and counts.
    pub fn number(&self, name: &str) -> Result<u64, Error> {
        let found = self
            .connection
            .query_row("SELECT value FROM numbers WHERE name = ?1", [name], |row| {
                row.get(0)
            })
            .optional()
            .map_err(disk)?;
        Ok(found.map_or(0, unsigned))
    }

    pub fn set_number(&mut self, name: &str, value: u64) -> Result<(), Error> {
        self.connection
            .execute(
                "INSERT OR REPLACE INTO numbers VALUES (?1, ?2)",
                params![name, signed(value)],
            )
            .map_err(disk)?;
        Ok(())
    }

    pub fn add_number(&mut self, name: &str, more: u64) -> Result<(), Error> {
        let sum = self.number(name)?.saturating_add(more);
        self.set_number(name, sum)
    }

    pub fn show(&self) -> Result<StaleShow, Error> {
        let (archived, held) = self
            .connection
            .query_row("SELECT COUNT(*), COALESCE(SUM(held), 0) FROM runs", [], |row| {
                Ok((unsigned(row.get(0)?), unsigned(row.get(1)?)))
            })
            .map_err(disk)?;
        let count = |query: &str| -> Result<u64, Error> {
            let found = self.connection.query_row(query, [], |row| row.get(0));
            found.map(unsigned).map_err(disk)
        };
        Ok(StaleShow {
            archived,
            held,
            purged: self.number("purged")?,
            collected: self.number("collected")?,
            deleted: self.number("deleted")?,
            decisions: count("SELECT COALESCE(SUM(decisions), 0) FROM surprise JOIN runs USING (run)")?,
            tombstones: count("SELECT COUNT(*) FROM tombstones")?,
            trail: count("SELECT COUNT(*) FROM trail")?,
            ..Default::default()
        })
    }
}

/// Whether it was new, or a later end of a run that was known.
fn insert(connection: &Connection, record: &ArchiveRecord, place: Place) -> rusqlite::Result<bool> {
    let s = &record.summary;
    let ended = s.ended_at_ms.unwrap_or(s.submitted_at_ms);
    let new = connection
        .prepare_cached(
            "INSERT INTO runs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 0, ?15, ?16, ?17)
             ON CONFLICT (run) DO UPDATE SET version = ?4, status = ?5, error_kind = ?6, ended_ms = ?8, duration_us = ?9,
             total = ?10, succeeded = ?11, failed = ?12, skipped = ?13, retried = ?14, segment = ?15, start = ?16,
             length = ?17 WHERE excluded.ended_ms > ended_ms",
        )?
        .execute(params![
            s.run,
            s.tenant,
            s.workflow,
            s.version,
            s.status,
            record.error_kind,
            signed(s.submitted_at_ms),
            signed(ended),
            signed(s.duration_us),
            signed(s.tasks.total),
            signed(s.tasks.succeeded),
            signed(s.tasks.failed),
            signed(s.tasks.skipped),
            signed(s.tasks.retried),
            signed(place.segment),
            signed(place.offset),
            signed(place.length)
        ])?;
    if new > 0 {
        let mut statement = connection.prepare_cached("INSERT OR IGNORE INTO artifacts VALUES (?1, ?2)")?;
        for digest in &record.artifacts {
            statement.execute(params![digest, s.run])?;
        }
        let mut statement = connection.prepare_cached("INSERT OR IGNORE INTO tags VALUES (?1, ?2)")?;
        for (name, value) in &record.tags {
            statement.execute(params![format!("{name}={value}"), s.run])?;
        }
    }
    Ok(new > 0)
}

fn summary(row: &Row<'_>) -> rusqlite::Result<RunSummary> {
    let number = |index: usize| row.get(index).map(unsigned);
    Ok(RunSummary {
        run: row.get(0)?,
        tenant: row.get(1)?,
        workflow: row.get(2)?,
        version: row.get(3)?,
        status: row.get(4)?,
        submitted_at_ms: number(5)?,
        ended_at_ms: Some(number(6)?),
        duration_us: number(7)?,
        tasks: TaskCounts {
            total: number(8)?,
            succeeded: number(9)?,
            failed: number(10)?,
            skipped: number(11)?,
            retried: number(12)?,
        },
        ..Default::default()
    })
}
