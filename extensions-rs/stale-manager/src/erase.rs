//! The right to erasure: everything that the archive has of a tenant goes, and the trail says so without naming it.

use rusqlite::{OptionalExtension, params};
use symphony_protocol::{ArchiveRecord, DecisionBatch, Erased};
use symphony_sdk::{Error, ErrorKind};

use crate::archive::Archive;
use crate::catalogue::{Catalogue, signed, unsigned};
use crate::decisions::Decisions;
use crate::disk;
use crate::{retention, trail};

/// `erasing`: erasures that are not through yet. `erased`: what comes late from a tracker or a stream is not taken in.
pub const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS erasing (tenant TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erased (mark TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;
";
/// Artifacts that are told at once; what is above it the next collection finds.
const ARTIFACTS_MAX: u64 = 4096;
/// Stands in the table of keys for the archive itself.
const NOBODY: &str = "";

impl Archive {
    /// Erase a tenant. Kind `Invalid`: some of its runs are held. What a crash cuts off, `resume_erasures` ends.
    pub fn erase(&mut self, tenant: &str, decisions: &Decisions, now_ms: u64) -> Result<Erased, Error> {
        let mut erased = self.catalogue.erase(tenant, now_ms)?;
        (erased.decisions, erased.exports) = self.finish_erasure(tenant, decisions)?;
        Ok(erased)
    }

    /// End erasures that a crash cut off.
    pub fn resume_erasures(&mut self, decisions: &Decisions) -> Result<(), Error> {
        for tenant in self.catalogue.erasing()? {
            self.finish_erasure(&tenant, decisions)?;
        }
        Ok(())
    }

    fn finish_erasure(&mut self, tenant: &str, decisions: &Decisions) -> Result<(u64, u64), Error> {
        let counts = decisions.erase(tenant)?;
        self.compact(true)?;
        let done = "DELETE FROM erasing WHERE tenant = ?1";
        self.catalogue.connection.execute(done, [tenant]).map_err(disk)?;
        // Deleted rows are overwritten (`secure_delete`); the write-ahead file has them until it is emptied.
        let empty = "PRAGMA wal_checkpoint(TRUNCATE)";
        self.catalogue
            .connection
            .query_row(empty, [], |_| Ok(()))
            .map_err(disk)?;
        Ok(counts)
    }

    /// Of records, those whose tenant was not erased after they ended.
    pub(crate) fn wanted(&self, records: Vec<ArchiveRecord>) -> Result<Vec<ArchiveRecord>, Error> {
        let mut wanted = Vec::with_capacity(records.len());
        for record in records {
            let ended = record.summary.ended_at_ms.unwrap_or_default();
            if !self.catalogue.is_erased(&record.summary.tenant, ended)? {
                wanted.push(record);
            }
        }
        Ok(wanted)
    }
}

impl Catalogue {
    fn mark(&self, tenant: &str) -> Result<String, Error> {
        trail::subject(&self.connection, NOBODY, tenant)
    }

    /// Whether a tenant was erased at a moment or later.
    fn is_erased(&self, tenant: &str, at_ms: u64) -> Result<bool, Error> {
        let any = "SELECT EXISTS (SELECT 1 FROM erased)";
        if !self
            .connection
            .query_row(any, [], |row| row.get::<_, bool>(0))
            .map_err(disk)?
        {
            return Ok(false);
        }
        let found: Option<i64> = self
            .connection
            .query_row(
                "SELECT at_ms FROM erased WHERE mark = ?1",
                [self.mark(tenant)?],
                |row| row.get(0),
            )
            .optional()
            .map_err(disk)?;
        Ok(found.is_some_and(|erased| unsigned(erased) >= at_ms))
    }

    /// Decisions of erased tenants taken out of what came from the stream.
    pub fn without_erased(&self, batches: &mut [(u64, DecisionBatch)]) -> Result<(), Error> {
        for (_, batch) in batches {
            let mut kept = Vec::with_capacity(batch.decisions.len());
            for decision in std::mem::take(&mut batch.decisions) {
                let tenant = decision.tenant.as_deref().unwrap_or_default();
                if !self.is_erased(tenant, decision.at_us / 1000)? {
                    kept.push(decision);
                }
            }
            batch.decisions = kept;
        }
        Ok(())
    }

    fn erasing(&self) -> Result<Vec<String>, Error> {
        let mut statement = self
            .connection
            .prepare("SELECT tenant FROM erasing")
            .map_err(disk)?;
        statement
            .query_map([], |row| row.get(0))
            .and_then(Iterator::collect)
            .map_err(disk)
    }

    fn erase(&mut self, tenant: &str, now_ms: u64) -> Result<Erased, Error> {
        let mark = self.mark(tenant)?;
        let artifacts = self.alone(tenant)?;
        let transaction = self.connection.transaction().map_err(disk)?;
        let counts =
            "SELECT COUNT(*), COALESCE(SUM(held), 0), COALESCE(SUM(length), 0) FROM runs WHERE tenant = ?1";
        let of = |row: &rusqlite::Row<'_>| {
            Ok((
                unsigned(row.get(0)?),
                unsigned(row.get(1)?),
                unsigned(row.get(2)?),
            ))
        };
        let (runs, held, bytes) = transaction.query_row(counts, [tenant], of).map_err(disk)?;
        if held > 0 {
            let text = format!("{held} of its runs are held: nothing was erased; release them first");
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        let subject = trail::subject(&transaction, tenant, "")?;
        let detail = format!("a tenant: {runs} runs of {bytes} bytes");
        let (entry, hash) = trail::note(&transaction, "erased", &subject, &detail, now_ms)?;
        for run in every(&transaction, tenant)? {
            retention::forget(&transaction, &run)?;
        }
        transaction
            .execute("DELETE FROM tenants WHERE tenant = ?1", [tenant])
            .map_err(disk)?;
        let pending = "INSERT OR REPLACE INTO erasing VALUES (?1, ?2)";
        transaction
            .execute(pending, params![tenant, signed(now_ms)])
            .map_err(disk)?;
        let marked = "INSERT OR REPLACE INTO erased VALUES (?1, ?2)";
        transaction
            .execute(marked, params![mark, signed(now_ms)])
            .map_err(disk)?;
        transaction.commit().map_err(disk)?;
        Ok(Erased {
            runs,
            artifacts,
            entry,
            hash,
            ..Default::default()
        })
    }

    /// Artifacts that runs of the tenant name, and nobody else's.
    fn alone(&self, tenant: &str) -> Result<Vec<String>, Error> {
        let query = "SELECT DISTINCT a.digest FROM artifacts a JOIN runs r ON r.run = a.run
            WHERE r.tenant = ?1 AND a.digest != '*' AND NOT EXISTS (
                SELECT 1 FROM artifacts b JOIN runs o ON o.run = b.run WHERE b.digest IN (a.digest, '*') AND o.tenant != ?1
            ) ORDER BY a.digest LIMIT ?2";
        let mut statement = self.connection.prepare_cached(query).map_err(disk)?;
        let rows = statement.query_map(params![tenant, signed(ARTIFACTS_MAX)], |row| row.get(0));
        rows.and_then(Iterator::collect).map_err(disk)
    }

    /// Archived runs that name an artifact, the newest first.
    pub fn naming(&self, digest: &str, limit: usize) -> Result<Vec<String>, Error> {
        let query = "SELECT r.run FROM artifacts a JOIN runs r ON r.run = a.run WHERE a.digest = ?1
            ORDER BY r.ended_ms DESC, r.run LIMIT ?2";
        let mut statement = self.connection.prepare_cached(query).map_err(disk)?;
        let rows = statement.query_map(params![digest, signed(limit as u64)], |row| row.get(0));
        rows.and_then(Iterator::collect).map_err(disk)
    }
}

fn every(connection: &rusqlite::Connection, tenant: &str) -> Result<Vec<String>, Error> {
    let mut statement = connection
        .prepare_cached("SELECT run FROM runs WHERE tenant = ?1")
        .map_err(disk)?;
    statement
        .query_map([tenant], |row| row.get(0))
        .and_then(Iterator::collect)
        .map_err(disk)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::tests::{names, open, record};
    use std::path::Path;
    use symphony_protocol::{Decision, Hold};

    /// Files below a folder that have a text in them.
    fn with(folder: &Path, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(with(&path, text));
                continue;
            }
            let data = std::fs::read(&path).unwrap();
            let plain = match path.extension().is_some_and(|kind| kind == "zst") {
                true => zstd::decode_all(data.as_slice()).unwrap(),
                false => data,
            };
            if plain.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
        found
    }

    fn decided(tenant: &str, rationale: &str) -> (u64, DecisionBatch) {
        let decision = Decision {
            at_us: 5,
            kind: "start".to_owned(),
            tenant: Some(tenant.to_owned()),
            rationale: rationale.to_owned(),
            ..Default::default()
        };
        (
            1,
            DecisionBatch {
                decisions: vec![decision],
                ..Default::default()
            },
        )
    }

    #[test]
    fn nothing_on_the_disk_has_an_erased_tenant_and_the_trail_tells_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let decisions = Decisions::open(folder.path(), 1 << 20).unwrap();
        let mut archive = open(folder.path());
        let mut records: Vec<_> = (1..=40).map(|n| record(n, "a", n)).collect();
        for (at, record) in records.iter_mut().enumerate() {
            record.summary.tenant = if at % 2 == 0 { "verysecret" } else { "other" }.to_owned();
        }
        let shared = "e".repeat(64);
        records[0].artifacts.push(shared.clone());
        records[1].artifacts.push(shared);
        archive.put(records).unwrap();
        let choices = [
            decided("verysecret", ""),
            decided("other", "before verysecret, which had its share"),
            decided("other", "x"),
        ];
        decisions.append(&choices).unwrap();
        assert!(!with(folder.path(), "verysecret").is_empty());

        let hold = Hold {
            run: format!("{:032x}", 1),
            held: true,
            ..Default::default()
        };
        archive.hold(&hold, 50).unwrap();
        assert_eq!(
            archive.erase("verysecret", &decisions, 60).unwrap_err().kind(),
            ErrorKind::Invalid
        );
        archive.hold(&Hold { held: false, ..hold }, 50).unwrap();
        let erased = archive.erase("verysecret", &decisions, 60).unwrap();

        assert_eq!(
            (erased.runs, erased.decisions, erased.artifacts.len()),
            (20, 1, 20)
        );
        assert_eq!(with(folder.path(), "verysecret"), Vec::<String>::new());
        assert_eq!(names(&archive, "-").len(), 20);
        let trail = archive.catalogue.trail(erased.entry, 9).unwrap();
        assert_eq!(
            (trail.entries[0].what.as_str(), &trail.entries[0].hash),
            ("erased", &erased.hash)
        );
        assert_eq!(trail.broken_at, None);

        let mut late = record(50, "a", 55);
        late.summary.tenant = "verysecret".to_owned();
        let mut again = record(51, "a", 99);
        again.summary.tenant = "verysecret".to_owned();
        archive.put(vec![late, again]).unwrap();
        assert_eq!(
            names(&archive, "verysecret").len(),
            1,
            "what ended before is not taken in; what came after is"
        );
        let mut choices = [decided("verysecret", ""), decided("other", "")];
        archive.catalogue.without_erased(&mut choices).unwrap();
        assert_eq!(choices.map(|(_, batch)| batch.decisions.len()), [0, 1]);
    }

    #[test]
    fn an_erasure_that_was_cut_off_ends_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let decisions = Decisions::open(folder.path(), 1 << 20).unwrap();
        let mut archive = open(folder.path());
        let mut mine = record(1, "a", 1);
        mine.summary.tenant = "verysecret".to_owned();
        archive.put(vec![mine, record(2, "a", 1)]).unwrap();
        decisions.append(&[decided("verysecret", "")]).unwrap();
        archive.catalogue.erase("verysecret", 9).unwrap();
        drop(archive);
        assert!(!with(folder.path(), "verysecret").is_empty());
        let mut archive = open(folder.path());
        archive.resume_erasures(&decisions).unwrap();
        assert_eq!(with(folder.path(), "verysecret"), Vec::<String>::new());
        assert_eq!(names(&archive, "-"), ["a"]);
    }
}
