//! Artifacts found by words and tags, and by what they were made of.

use std::collections::{BTreeSet, VecDeque};

use rusqlite::{OptionalExtension, params};
use symphony_protocol::{ArtifactView, LineageEdge, Needed};

use crate::catalogue::{Catalogue, signed, view};
use crate::error::{Error, ErrorKind};

/// Steps of a lineage that are told.
const EDGES_MAX: usize = 2000;
/// Tags of one artifact.
const TAGS_MAX: usize = 64;
/// Runs and values that are named of those who need an artifact.
const NAMED_MAX: i64 = 64;

impl Catalogue {
    /// Have an artifact found by the words of its lineage, its tags and its text.
    pub fn index(&mut self, digest: &str, media_type: &str, text: &str) -> Result<(), Error> {
        let lineages = self.lineage(digest)?;
        let all = |of: fn(&symphony_protocol::Lineage) -> Option<&String>| {
            let words: BTreeSet<&str> = lineages.iter().filter_map(of).map(String::as_str).collect();
            words.into_iter().collect::<Vec<_>>().join(" ")
        };
        let (names, tasks) = (
            all(|lineage| lineage.name.as_ref()),
            all(|lineage| lineage.task.as_ref()),
        );
        let tags = self.tags(digest)?.join(" ");
        let transaction = self.connection.transaction()?;
        let kept: Option<String> = transaction
            .prepare_cached("SELECT text FROM words WHERE digest = ?1")?
            .query_row([digest], |row| row.get(0))
            .optional()?;
        let text = if text.is_empty() {
            kept.unwrap_or_default()
        } else {
            text.to_owned()
        };
        transaction
            .prepare_cached("DELETE FROM words WHERE digest = ?1")?
            .execute([digest])?;
        transaction
            .prepare_cached("INSERT INTO words VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute([digest, &names, &tags, &tasks, media_type, &text])?;
        transaction.commit()?;
        Ok(())
    }

    /// Artifacts that have all of some words, the best first.
    pub fn search(&self, words: &str, limit: usize) -> Result<Vec<ArtifactView>, Error> {
        // Each word as it is: what people type is no query of the index's own language. The last one may be a beginning.
        let quoted: Vec<String> = words
            .split_whitespace()
            .map(|word| format!("\"{}\"*", word.replace('"', "\"\"")))
            .collect();
        if quoted.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "say what to search for"));
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT a.digest, a.size, a.stored, a.media_type, a.created_ms
             FROM words JOIN artifacts a ON a.digest = words.digest WHERE words MATCH ?1 ORDER BY rank LIMIT ?2",
        )?;
        let rows = statement.query_map(params![quoted.join(" "), signed(limit as u64)], view)?;
        let mut views = rows.collect::<Result<Vec<_>, _>>()?;
        for view in &mut views {
            view.lineage = self.lineage(&view.digest)?;
        }
        Ok(views)
    }

    pub fn tags(&self, digest: &str) -> Result<Vec<String>, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT tag FROM tags WHERE digest = ?1 ORDER BY tag")?;
        let rows = statement.query_map([digest], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Kind `Invalid`: it would have too many.
    pub fn tag(&mut self, digest: &str, add: &[String], remove: &[String]) -> Result<Vec<String>, Error> {
        let transaction = self.connection.transaction()?;
        for tag in remove {
            transaction.execute("DELETE FROM tags WHERE digest = ?1 AND tag = ?2", [digest, tag])?;
        }
        for tag in add {
            transaction.execute("INSERT OR IGNORE INTO tags VALUES (?1, ?2)", [digest, tag])?;
        }
        let count: i64 =
            transaction.query_row("SELECT COUNT(*) FROM tags WHERE digest = ?1", [digest], |row| {
                row.get(0)
            })?;
        if usize::try_from(count).unwrap_or(usize::MAX) > TAGS_MAX {
            return Err(Error::new(ErrorKind::Invalid, "an artifact has at most 64 tags"));
        }
        transaction.commit()?;
        self.tags(digest)
    }

    /// One artifact as it is catalogued.
    pub fn view(&self, digest: &str) -> Result<Option<ArtifactView>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT digest, size, stored, media_type, created_ms FROM artifacts WHERE digest = ?1",
        )?;
        let Some(mut view) = statement.query_row([digest], view).optional()? else {
            return Ok(None);
        };
        view.lineage = self.lineage(digest)?;
        Ok(Some(view))
    }

    /// What an artifact was made of (`up`), or what was made of it, over some steps; the nearest first.
    pub fn graph(&self, digest: &str, up: bool, depth: usize) -> Result<Vec<LineageEdge>, Error> {
        let query = if up {
            "SELECT digest, input FROM made_of WHERE digest = ?1 ORDER BY input"
        } else {
            "SELECT digest, input FROM made_of WHERE input = ?1 ORDER BY digest"
        };
        let mut statement = self.connection.prepare_cached(query)?;
        let mut seen = BTreeSet::from([digest.to_owned()]);
        let mut next = VecDeque::from([(digest.to_owned(), 0)]);
        let mut edges = Vec::new();
        while let Some((at, step)) = next.pop_front() {
            if step >= depth {
                continue;
            }
            let rows = statement.query_map([&at], |row| {
                Ok(LineageEdge {
                    made: row.get(0)?,
                    of: row.get(1)?,
                })
            })?;
            for edge in rows {
                let edge = edge?;
                let other = if up { edge.of.clone() } else { edge.made.clone() };
                if edges.len() >= EDGES_MAX {
                    return Ok(edges);
                }
                edges.push(edge);
                if seen.insert(other.clone()) {
                    next.push_back((other, step + 1));
                }
            }
        }
        Ok(edges)
    }

    /// Values that name an artifact: they keep it.
    pub fn named_by(&self, digest: &str) -> Result<Vec<String>, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT parent FROM edges WHERE child = ?1 ORDER BY parent LIMIT ?2")?;
        let rows = statement.query_map(params![digest, NAMED_MAX], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Who needs an artifact: runs that made it, runs that made a value which names it, and these values.
    pub fn needed(&self, digest: &str) -> Result<Needed, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT run FROM lineage WHERE run != '' AND (digest = ?1
             OR digest IN (SELECT parent FROM edges WHERE child = ?1)
             OR digest IN (SELECT digest FROM made_of WHERE input = ?1)) ORDER BY run LIMIT ?2",
        )?;
        let runs = statement.query_map(params![digest, NAMED_MAX], |row| row.get(0))?;
        Ok(Needed {
            digest: digest.to_owned(),
            runs: runs.collect::<Result<_, _>>()?,
            values: self.named_by(digest)?,
        })
    }

    /// Blobs that lie somewhere and are no artifacts, with their bytes and those that they take.
    pub fn unnamed(&self) -> Result<Vec<(String, u64, u64)>, Error> {
        let mut statement = self.connection.prepare(
            "SELECT lower(hex(digest)), MAX(size), SUM(length) FROM places WHERE kind IN (1, 3) AND pack > 0
             AND lower(hex(digest)) NOT IN (SELECT digest FROM artifacts) GROUP BY digest",
        )?;
        let unsigned = crate::catalogue::unsigned;
        let rows = statement.query_map([], |row| {
            Ok((row.get(0)?, unsigned(row.get(1)?), unsigned(row.get(2)?)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Artifacts, their bytes, and the bytes that they take.
    pub fn totals(&self) -> Result<(u64, u64, u64), Error> {
        let of = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let query = "SELECT COUNT(*), COALESCE(SUM(size), 0), (SELECT COALESCE(SUM(live), 0) FROM packs) FROM artifacts";
        let (count, size, stored): (i64, i64, i64) = self.connection.query_row(query, [], of)?;
        let unsigned = crate::catalogue::unsigned;
        Ok((unsigned(count), unsigned(size), unsigned(stored)))
    }
}
