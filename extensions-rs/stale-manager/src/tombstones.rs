//! Tombstones: what goes, until when that can be undone, and the deletion. Each change is one transaction together with its
//! entries of the trail, so that a crash leaves it done or not begun.

use rusqlite::{Connection, OptionalExtension, Row, params};
use symphony_protocol::Doomed;
use symphony_sdk::Error;

use crate::catalogue::{Catalogue, signed, unsigned};
use crate::disk;
use crate::retention::{forget, lift, needs, spare};
use crate::trail;

const STONE: &str = "t.run, r.tenant, r.workflow, t.rule, t.reason, r.length, t.value, r.ended_ms, t.due_ms";

/// A tombstone to be set. `what` stands in the trail, and names nobody.
#[derive(Clone, Debug)]
pub struct Stone {
    pub run: String,
    pub rule: String,
    pub reason: String,
    pub what: String,
    pub value: f64,
    pub grace_ms: u64,
    /// It may go without a word.
    pub told: bool,
}

impl Catalogue {
    /// Set tombstones on runs that are there and neither held nor spared. How many were set.
    pub fn entomb(&mut self, stones: &[Stone], now_ms: u64) -> Result<usize, Error> {
        let transaction = self.connection.transaction().map_err(disk)?;
        let set = "INSERT OR IGNORE INTO tombstones SELECT run, ?2, ?3, ?4, ?5, ?6, ?7 FROM runs WHERE run = ?1 AND held = 0
            AND NOT EXISTS (SELECT 1 FROM spared s WHERE s.run = ?1 AND s.until_ms > ?8)";
        let mut count = 0;
        for stone in stones {
            let due = signed(now_ms.saturating_add(stone.grace_ms));
            let (grace, now) = (signed(stone.grace_ms), signed(now_ms));
            let Stone {
                run,
                rule,
                reason,
                value,
                told,
                ..
            } = stone;
            let new = transaction
                .prepare_cached(set)
                .and_then(|mut statement| {
                    statement.execute(params![run, rule, reason, value, grace, due, told, now])
                })
                .map_err(disk)?;
            if new > 0 {
                trail::note_run(&transaction, "tombstoned", run, &stone.what, now_ms)?;
                count += 1;
            }
        }
        transaction.commit().map_err(disk)?;
        Ok(count)
    }

    /// Take tombstones away that nothing stands for any more. How many there were.
    pub fn lift(&mut self, runs: &[String], now_ms: u64) -> Result<usize, Error> {
        let transaction = self.connection.transaction().map_err(disk)?;
        let mut count = 0;
        for run in runs {
            count += usize::from(lift(&transaction, run, "nothing has it go any more", now_ms)?);
        }
        transaction.commit().map_err(disk)?;
        Ok(count)
    }

    fn stones(&self, rest: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<Doomed>, Error> {
        let query = format!("SELECT {STONE} FROM tombstones t JOIN runs r ON r.run = t.run {rest}");
        let mut statement = self.connection.prepare_cached(&query).map_err(disk)?;
        statement
            .query_map(values, doomed)
            .and_then(Iterator::collect)
            .map_err(disk)
    }

    /// The earliest due first, and how many there are.
    pub fn tombstones(&self, limit: usize) -> Result<(u64, Vec<Doomed>), Error> {
        let count = self
            .connection
            .query_row("SELECT COUNT(*) FROM tombstones", [], |row| row.get(0));
        let found = self.stones("ORDER BY t.due_ms, t.run LIMIT ?1", &[&signed(limit as u64)])?;
        Ok((unsigned(count.map_err(disk)?), found))
    }

    /// Until when a run's tombstone can be undone.
    pub fn due_ms(&self, run: &str) -> Result<Option<u64>, Error> {
        let found = self
            .connection
            .query_row("SELECT due_ms FROM tombstones WHERE run = ?1", [run], |row| {
                row.get(0)
            });
        Ok(found.optional().map_err(disk)?.map(unsigned))
    }

    /// Tombstones of runs of value which nobody was told of.
    pub fn unannounced(&self, limit: usize) -> Result<Vec<Doomed>, Error> {
        self.stones(
            "WHERE t.told = 0 ORDER BY t.due_ms, t.run LIMIT ?1",
            &[&signed(limit as u64)],
        )
    }

    /// They were told of: their grace begins.
    pub fn announced(&mut self, runs: &[String], now_ms: u64) -> Result<(), Error> {
        let transaction = self.connection.transaction().map_err(disk)?;
        for run in runs {
            transaction
                .execute(
                    "UPDATE tombstones SET told = 1, due_ms = MAX(due_ms, ?2 + grace_ms) WHERE run = ?1",
                    params![run, signed(now_ms)],
                )
                .map_err(disk)?;
        }
        transaction.commit().map_err(disk)
    }

    /// Delete runs whose grace has passed, as many as may go at once. One that is held or needed meanwhile stays.
    pub fn bury(&mut self, now_ms: u64, limit: usize) -> Result<Vec<Doomed>, Error> {
        let due = self.stones(
            "WHERE t.told = 1 AND t.due_ms <= ?1 ORDER BY t.due_ms, t.run LIMIT ?2",
            &[&signed(now_ms), &signed(limit as u64)],
        )?;
        if due.is_empty() {
            return Ok(due);
        }
        let transaction = self.connection.transaction().map_err(disk)?;
        let mut gone = Vec::new();
        for stone in due {
            match fate(&transaction, &stone.run, now_ms)? {
                Fate::Goes => {}
                Fate::Later => continue,
                Fate::Stays => {
                    lift(
                        &transaction,
                        &stone.run,
                        "it is held, or one needs it that stays",
                        now_ms,
                    )?;
                    continue;
                }
            }
            let detail = format!("{} bytes", stone.bytes);
            trail::note_run(&transaction, "deleted", &stone.run, &detail, now_ms)?;
            forget(&transaction, &stone.run)?;
            gone.push(stone);
        }
        let sum =
            "INSERT INTO numbers VALUES ('deleted', ?1) ON CONFLICT (name) DO UPDATE SET value = value + ?1";
        transaction
            .execute(sum, [signed(gone.len() as u64)])
            .map_err(disk)?;
        transaction.commit().map_err(disk)?;
        Ok(gone)
    }

    /// Note artifacts that nothing needs, and those that are needed again. Gives those that nothing has needed for the grace.
    pub fn condemned(
        &mut self,
        free: Vec<String>,
        needed: &[String],
        now_ms: u64,
        grace_ms: u64,
    ) -> Result<Vec<String>, Error> {
        let transaction = self.connection.transaction().map_err(disk)?;
        for digest in needed {
            let gone = "DELETE FROM condemned WHERE digest = ?1";
            transaction.execute(gone, [digest]).map_err(disk)?;
        }
        let mut through = Vec::new();
        for digest in free {
            let since = "INSERT INTO condemned VALUES (?1, ?2) ON CONFLICT (digest) DO UPDATE SET since_ms = MIN(since_ms, ?2)
                RETURNING since_ms";
            let since: i64 = transaction
                .prepare_cached(since)
                .and_then(|mut statement| {
                    statement.query_row(params![digest, signed(now_ms)], |row| row.get(0))
                })
                .map_err(disk)?;
            if unsigned(since).saturating_add(grace_ms) <= now_ms {
                through.push(digest);
            }
        }
        transaction.commit().map_err(disk)?;
        Ok(through)
    }

    /// Keep an archived run until a moment, since its tracker takes it up again.
    pub fn spare(&self, run: &str, until_ms: u64, now_ms: u64) -> Result<(), Error> {
        if self.ended_ms(run)?.is_some() {
            spare(
                &self.connection,
                run,
                until_ms,
                "its tracker takes it up again",
                now_ms,
            )?;
        }
        Ok(())
    }

    /// Take tombstones back whose grace has not passed, all of them where none is named; the runs stay until a moment. How
    /// many there were.
    pub fn undo(&mut self, runs: Option<&[String]>, until_ms: u64, now_ms: u64) -> Result<u64, Error> {
        let open = self.stones("WHERE t.due_ms > ?1 OR t.told = 0", &[&signed(now_ms)])?;
        let open = open.into_iter().map(|stone| stone.run);
        let every: Vec<String> = match runs {
            Some(runs) => open.filter(|run| runs.contains(run)).collect(),
            None => open.collect(),
        };
        let transaction = self.connection.transaction().map_err(disk)?;
        let mut undone = 0;
        for run in every {
            if spare(&transaction, &run, until_ms, "undone by an operator", now_ms)? {
                undone += 1;
            }
        }
        transaction.commit().map_err(disk)?;
        Ok(undone)
    }
}

/// What becomes of a tombstoned run whose grace has passed.
enum Fate {
    Goes,
    /// One that needs it can still be brought back.
    Later,
    Stays,
}

fn fate(connection: &Connection, run: &str, now_ms: u64) -> Result<Fate, Error> {
    let held = connection.query_row("SELECT held FROM runs WHERE run = ?1", [run], |row| {
        row.get::<_, bool>(0)
    });
    let needs = needs(connection, run)?;
    if held.map_err(disk)? || needs.more {
        return Ok(Fate::Stays);
    }
    let mut fate = Fate::Goes;
    for needer in &needs.runs {
        let due: Option<i64> = connection
            .prepare_cached("SELECT CASE told WHEN 1 THEN due_ms ELSE ?2 END FROM tombstones WHERE run = ?1")
            .and_then(|mut statement| {
                statement
                    .query_row(params![needer, i64::MAX], |row| row.get(0))
                    .optional()
            })
            .map_err(disk)?;
        match due {
            None => return Ok(Fate::Stays),
            Some(due) if unsigned(due) > now_ms => fate = Fate::Later,
            Some(_) => {}
        }
    }
    Ok(fate)
}

fn doomed(row: &Row<'_>) -> rusqlite::Result<Doomed> {
    Ok(Doomed {
        run: row.get(0)?,
        tenant: row.get(1)?,
        workflow: row.get(2)?,
        rule: row.get(3)?,
        reason: row.get(4)?,
        bytes: unsigned(row.get(5)?),
        value: row.get(6)?,
        ended_at_ms: unsigned(row.get(7)?),
        due_at_ms: Some(unsigned(row.get(8)?)),
    })
}
