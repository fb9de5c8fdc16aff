//! The archive: segments and their catalogue as one thing.

use symphony_protocol::{ArchiveRecord, ArchivedRun, FindRuns, Hold, Payload, ReadRun, RunList, StaleShow};
use symphony_sdk::Error;

use crate::catalogue::Catalogue;
use crate::disk;
use crate::options::Options;
use crate::segments::Segments;

pub struct Archive {
    options: Options,
    segments: Segments,
    pub catalogue: Catalogue,
    next: u64,
}

impl Archive {
    /// Open or make it, and remove what a crash left: segments that the catalogue does not name.
    pub fn open(options: Options) -> Result<Self, Error> {
        let folder = options.data.join("archive");
        std::fs::create_dir_all(&folder).map_err(disk)?;
        let segments = Segments::open(&folder.join("segments"))?;
        let catalogue = Catalogue::open(&folder.join("catalogue.sqlite3"))?;
        let named = catalogue.segments()?;
        let mut last = catalogue.number("segment")?;
        for number in segments.list()? {
            last = last.max(number);
            if named.binary_search(&number).is_err() {
                segments.remove(number)?;
            }
        }
        Ok(Self {
            options,
            segments,
            catalogue,
            next: last + 1,
        })
    }

    /// Keep records; one that is kept already, or a later end of its run, changes nothing. On disk when it returns.
    pub fn put(&mut self, records: Vec<ArchiveRecord>) -> Result<(), Error> {
        let mut new = Vec::with_capacity(records.len());
        for record in records {
            // A run that was retried ends again: its last end is the one to keep.
            let ended_ms = record.summary.ended_at_ms.unwrap_or_default();
            if self
                .catalogue
                .ended_ms(&record.summary.run)?
                .is_none_or(|known| known < ended_ms)
            {
                new.push(record);
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        let places = self.segments.write(self.next, &new)?;
        self.next += 1;
        self.catalogue.put(&new, &places)
    }

    /// An archived run, as its tenant may see it.
    pub fn read(&self, ask: &ReadRun, tenant: &str) -> Result<ArchivedRun, Error> {
        let Some((place, held)) = self.catalogue.place(&ask.run, tenant)? else {
            return Ok(ArchivedRun {
                found: false,
                ..Default::default()
            });
        };
        let record = self.segments.read(place)?;
        let ended = record
            .summary
            .ended_at_ms
            .unwrap_or(record.summary.submitted_at_ms);
        let keep = self.options.retention_ms(&record.summary.workflow);
        Ok(ArchivedRun {
            found: true,
            summary: Some(record.summary),
            view: Some(record.view),
            history: Some(record.history),
            held,
            state: if ask.state {
                record.state
            } else {
                Payload::default()
            },
            expires_at_ms: keep.filter(|_| !held).map(|keep| ended.saturating_add(keep)),
            ..Default::default()
        })
    }

    pub fn list(&self, ask: &FindRuns, tenant: &str) -> Result<RunList, Error> {
        let (runs, next) = self.catalogue.list(ask, tenant)?;
        Ok(RunList {
            runs,
            next,
            ..Default::default()
        })
    }

    pub fn hold(&mut self, hold: &Hold, now_ms: u64) -> Result<bool, Error> {
        self.catalogue
            .hold(&hold.run, hold.held, &hold.reason, &hold.by, now_ms)
    }

    /// Drop what is past its retention, and segments in which nothing is left. Returns how many runs went.
    pub fn expire(&mut self, now_ms: u64) -> Result<u64, Error> {
        let special: Vec<String> = self.options.workflows.keys().cloned().collect();
        let mut gone = 0;
        for name in &special {
            if let Some(keep) = self.options.retention_ms(name) {
                gone += self
                    .catalogue
                    .expire(now_ms.saturating_sub(keep), Some(name), &[])?;
            }
        }
        if let Some(keep) = self.options.retention_ms("") {
            let but: Vec<&str> = special.iter().map(String::as_str).collect();
            gone += self.catalogue.expire(now_ms.saturating_sub(keep), None, &but)?;
        }
        if gone > 0 {
            self.catalogue.set_number("segment", self.next - 1)?; // numbers are not used again
            let named = self.catalogue.segments()?;
            for number in self.segments.list()? {
                if named.binary_search(&number).is_err() {
                    self.segments.remove(number)?;
                }
            }
        }
        Ok(gone)
    }

    /// Of some artifacts, those that nothing needs: neither a live run nor one that is kept or held.
    pub fn unreferenced(&self, candidates: Vec<String>, live: &[String]) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        for digest in candidates {
            if !live.contains(&digest) && !self.catalogue.refers(&digest)? {
                found.push(digest);
            }
        }
        Ok(found)
    }

    pub fn show(&self) -> Result<StaleShow, Error> {
        let numbers = self.segments.list()?;
        Ok(StaleShow {
            bytes: numbers.iter().map(|number| self.segments.size(*number)).sum(),
            ..self.catalogue.show()?
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::path::Path;
    use symphony_protocol::RunSummary;

    const DAY: u64 = 86_400_000;

    fn record(run: u64, workflow: &str, ended: u64) -> ArchiveRecord {
        ArchiveRecord {
            summary: RunSummary {
                run: format!("{run:032x}"),
                tenant: "acme".to_owned(),
                workflow: workflow.to_owned(),
                version: "1.0.0".to_owned(),
                status: "succeeded".to_owned(),
                submitted_at_ms: ended - 1,
                ended_at_ms: Some(ended),
                ..Default::default()
            },
            artifacts: vec![format!("{run:064x}")],
            view: vec![0x80].into(),
            state: b"kept".to_vec().into(),
            ..Default::default()
        }
    }

    fn open(folder: &Path) -> Archive {
        let options = Options {
            data: folder.to_owned(),
            retention_days: 1.0,
            workflows: BTreeMap::from([("audit".to_owned(), 0.0)]),
            ..Default::default()
        };
        Archive::open(options).unwrap()
    }

    fn names(archive: &Archive, tenant: &str) -> Vec<String> {
        let ask = FindRuns {
            limit: 100,
            ..Default::default()
        };
        let list = archive.list(&ask, tenant).unwrap();
        list.runs.into_iter().map(|run| run.workflow).collect()
    }

    #[test]
    fn what_was_archived_is_read_again_after_a_restart_by_its_tenant_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = open(folder.path());
        archive.put(vec![record(1, "a", 10), record(2, "b", 20)]).unwrap();
        archive.put(vec![record(2, "again", 20)]).unwrap();
        drop(archive);
        let archive = open(folder.path());
        assert_eq!(names(&archive, "acme"), ["b", "a"]);
        assert!(names(&archive, "other").is_empty());
        let mut ask = ReadRun {
            run: format!("{:032x}", 2),
            ..Default::default()
        };
        let read = archive.read(&ask, "acme").unwrap();
        assert_eq!(read.summary.unwrap().workflow, "b");
        assert_eq!(read.expires_at_ms, Some(20 + DAY));
        assert!(read.state.is_empty(), "only who asks for it has it sent");
        ask.state = true;
        assert_eq!(&*archive.read(&ask, "acme").unwrap().state, b"kept");
        assert!(!archive.read(&ask, "other").unwrap().found);
    }

    #[test]
    fn a_crash_between_segment_and_catalogue_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = open(folder.path());
        archive.put(vec![record(1, "a", 10)]).unwrap();
        archive.segments.write(7, &[record(2, "torn", 20)]).unwrap();
        std::fs::write(
            folder.path().join("archive/segments/0000000000000009.part"),
            b"half",
        )
        .unwrap();
        drop(archive);
        let mut archive = open(folder.path());
        assert_eq!(archive.segments.list().unwrap(), [1]);
        archive.put(vec![record(2, "b", 20)]).unwrap();
        assert_eq!(names(&archive, "-"), ["b", "a"]);
    }

    #[test]
    fn retention_is_by_workflow_and_a_hold_outlasts_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = open(folder.path());
        archive
            .put(vec![
                record(1, "a", 10),
                record(2, "audit", 10),
                record(3, "held", 10),
            ])
            .unwrap();
        let hold = Hold {
            run: format!("{:032x}", 3),
            held: true,
            reason: "case 7".to_owned(),
            ..Default::default()
        };
        assert!(archive.hold(&hold, 11).unwrap());
        assert_eq!(archive.expire(2 * DAY).unwrap(), 1);
        assert_eq!(names(&archive, "-"), ["audit", "held"]);
        let gone = (1..=3).map(|n| format!("{n:064x}")).collect();
        assert_eq!(archive.unreferenced(gone, &[]).unwrap(), [format!("{:064x}", 1)]);
        archive.hold(&Hold { held: false, ..hold }, 12).unwrap();
        assert_eq!(archive.expire(2 * DAY).unwrap(), 1);
    }

    #[test]
    fn pages_follow_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = open(folder.path());
        archive
            .put((1..=5).map(|n| record(n, &format!("w{n}"), n * 10)).collect())
            .unwrap();
        let mut ask = FindRuns {
            limit: 2,
            ..Default::default()
        };
        let mut seen = Vec::new();
        loop {
            let page = archive.list(&ask, "acme").unwrap();
            seen.extend(page.runs.into_iter().map(|run| run.workflow));
            let Some(next) = page.next else { break };
            ask.cursor = next;
        }
        assert_eq!(seen, ["w5", "w4", "w3", "w2", "w1"]);
    }

    #[test]
    fn an_artifact_of_a_live_run_is_not_unreferenced() {
        let folder = tempfile::tempdir().unwrap();
        let archive = open(folder.path());
        let digest = "a".repeat(64);
        assert!(
            archive
                .unreferenced(vec![digest.clone()], &[digest])
                .unwrap()
                .is_empty()
        );
    }
}
