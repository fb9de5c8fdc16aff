//! The archive: segments and their catalogue as one thing.

use std::collections::HashSet;

use symphony_protocol::{ArchiveRecord, ArchivedRun, FindRuns, Hold, Payload, ReadRun, RunList, StaleShow};
use symphony_sdk::Error;
use symphony_sdk::clock::wall_ms;

use crate::catalogue::{Catalogue, EVERYBODY};
use crate::core::Policy;
use crate::core::policy::age_ms;
use crate::disk;
use crate::options::Options;
use crate::segments::Segments;

/// How long a run stays that is read to go on: far longer than its recall is on its way through the log.
const RECALL_MS: u64 = 3_600_000;
/// A segment of which less than so much is still wanted is written anew without the rest.
const WANTED_MIN: f64 = 0.5;
/// Segments that are written anew at once: what comes to the archive waits meanwhile.
const REWRITES_MAX: usize = 8;

pub struct Archive {
    pub(crate) segments: Segments,
    pub catalogue: Catalogue,
    /// The policy in force, and its version; 0: the configuration's.
    pub(crate) policy: Policy,
    pub(crate) version: u64,
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
            segments,
            catalogue,
            policy: options.policy(),
            version: 0,
            next: last + 1,
        })
    }

    /// Keep records; one that is kept already, or a later end of its run, changes nothing. On disk when it returns.
    pub fn put(&mut self, records: Vec<ArchiveRecord>) -> Result<(), Error> {
        let mut new = Vec::with_capacity(records.len());
        for record in self.wanted(records)? {
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
        if ask.state && tenant == EVERYBODY {
            // It is to go on: until its tracker has it again, nothing else names what it needs.
            let now_ms = wall_ms();
            let until_ms = now_ms.saturating_add(RECALL_MS);
            self.catalogue.spare(&ask.run, until_ms, now_ms)?;
        }
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
        let expires = match self.catalogue.due_ms(&ask.run)? {
            Some(due) => Some(due),
            None => self.keeps_ms(&ask.run)?.map(|keep| ended.saturating_add(keep)),
        };
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
            expires_at_ms: expires.filter(|_| !held),
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

    /// Have a policy in force. That it is goes into the trail where it is another than the last.
    pub fn adopt(&mut self, policy: Policy, version: u64, now_ms: u64) -> Result<(), Error> {
        (self.policy, self.version) = (policy, version);
        if self.catalogue.number("policy")? == version {
            return Ok(());
        }
        let detail = format!("version {version} is in force");
        crate::trail::note(&self.catalogue.connection, "policy", "", &detail, now_ms)?;
        self.catalogue.set_number("policy", version)
    }

    pub fn hold(&mut self, hold: &Hold, now_ms: u64) -> Result<bool, Error> {
        self.catalogue
            .hold(&hold.run, hold.held, &hold.reason, &hold.by, now_ms)
    }

    /// How long a run's rule keeps it.
    fn keeps_ms(&self, run: &str) -> Result<Option<u64>, Error> {
        let fact = self.catalogue.fact(run)?;
        Ok(fact.and_then(|fact| age_ms(&self.policy, self.policy.rule(&fact))))
    }

    /// Remove segments in which nothing is left, and write anew those in which little is, or anything where `all` is set.
    /// Returns the bytes that became free.
    ///
    /// The records that stay are on disk in another segment before the catalogue names it, and the old one goes last: a
    /// crash leaves a segment that nothing names, which the next start removes.
    pub fn compact(&mut self, all: bool) -> Result<u64, Error> {
        self.catalogue.set_number("segment", self.next - 1)?; // numbers are not used again
        let mut freed = 0;
        let mut rewrites = 0;
        for segment in self.segments.list()? {
            let (size, wanted) = (self.segments.size(segment), self.catalogue.wanted(segment)?);
            let most = if all { 1.0 } else { WANTED_MIN };
            if size > 0 && wanted as f64 >= size as f64 * most {
                continue;
            }
            if wanted > 0 {
                rewrites += 1;
                if rewrites > REWRITES_MAX && !all {
                    break;
                }
                self.rewrite(segment)?;
            }
            self.segments.remove(segment)?;
            freed += size - wanted.min(size);
        }
        Ok(freed)
    }

    fn rewrite(&mut self, segment: u64) -> Result<(), Error> {
        let kept = self.catalogue.within(segment)?;
        let frames = kept.iter().map(|(_, place)| self.segments.frame(*place));
        let frames = frames.collect::<Result<Vec<_>, _>>()?;
        let places = self.segments.write_frames(self.next, &frames)?;
        self.next += 1;
        let moved: Vec<_> = kept.into_iter().map(|(run, _)| run).zip(places).collect();
        self.catalogue.moved(&moved)
    }

    /// Of some artifacts, those that nothing has needed for the policy's grace: neither a live run nor one that is archived.
    /// What is needed again begins anew.
    pub fn unreferenced(
        &mut self,
        candidates: Vec<String>,
        live: &[String],
        now_ms: u64,
    ) -> Result<Vec<String>, Error> {
        let live: HashSet<&String> = live.iter().collect();
        let (mut free, mut needed) = (Vec::new(), Vec::new());
        for digest in candidates {
            if live.contains(&digest) || self.catalogue.refers(&digest)? {
                needed.push(digest);
            } else {
                free.push(digest);
            }
        }
        let grace_ms = (self.policy.artifacts_grace_minutes * 60_000.0) as u64;
        self.catalogue.condemned(free, &needed, now_ms, grace_ms)
    }

    pub fn show(&self) -> Result<StaleShow, Error> {
        let numbers = self.segments.list()?;
        Ok(StaleShow {
            bytes: numbers.iter().map(|number| self.segments.size(*number)).sum(),
            policy: self.version,
            ..self.catalogue.show()?
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::core::policy::Rule;
    use std::path::Path;
    use symphony_protocol::RunSummary;

    pub const DAY: u64 = 86_400_000;
    pub const HOUR: u64 = 3_600_000;

    pub fn record(run: u64, workflow: &str, ended: u64) -> ArchiveRecord {
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

    pub fn open(folder: &Path) -> Archive {
        let options = Options {
            data: folder.to_owned(),
            retention: Some(Policy {
                days: 1.0,
                grace_hours: 1.0,
                tell_from_value: 2.0,
                rules: vec![Rule {
                    name: "audit".to_owned(),
                    workflow: Some("audit".to_owned()),
                    keep: true,
                    ..Default::default()
                }],
                ..Default::default()
            }),
            ..Default::default()
        };
        Archive::open(options).unwrap()
    }

    pub fn names(archive: &Archive, tenant: &str) -> Vec<String> {
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
    fn what_is_left_in_a_segment_moves_and_is_read_again_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = open(folder.path());
        archive
            .put((1..=4).map(|run| record(run, &format!("w{run}"), run)).collect())
            .unwrap();
        for run in [1, 2, 4] {
            crate::retention::forget(&archive.catalogue.connection, &format!("{run:032x}")).unwrap();
        }
        assert!(archive.compact(false).unwrap() > 0);
        assert_eq!(archive.segments.list().unwrap(), [2]);
        drop(archive);
        let mut archive = open(folder.path());
        let ask = ReadRun {
            run: format!("{:032x}", 3),
            ..Default::default()
        };
        assert_eq!(archive.read(&ask, "-").unwrap().summary.unwrap().workflow, "w3");
        archive.put(vec![record(5, "w5", 5)]).unwrap();
        assert_eq!(
            archive.segments.list().unwrap(),
            [2, 3],
            "numbers are not used again"
        );
    }

    #[test]
    fn a_crash_while_a_segment_is_written_anew_loses_nothing_and_leaves_nothing() {
        for named in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let mut archive = open(folder.path());
            archive
                .put((1..=3).map(|run| record(run, &format!("w{run}"), run)).collect())
                .unwrap();
            crate::retention::forget(&archive.catalogue.connection, &format!("{:032x}", 1)).unwrap();
            let kept = archive.catalogue.within(1).unwrap();
            let frames: Vec<_> = kept
                .iter()
                .map(|(_, place)| archive.segments.frame(*place).unwrap())
                .collect();
            let places = archive.segments.write_frames(2, &frames).unwrap();
            if named {
                let moved: Vec<_> = kept.into_iter().map(|(run, _)| run).zip(places).collect();
                archive.catalogue.moved(&moved).unwrap();
            }
            drop(archive); // the old segment is there as well
            let archive = open(folder.path());
            assert_eq!(
                archive.segments.list().unwrap(),
                [if named { 2 } else { 1 }],
                "{named}"
            );
            for run in 2..=3 {
                let ask = ReadRun {
                    run: format!("{run:032x}"),
                    ..Default::default()
                };
                assert_eq!(
                    archive.read(&ask, "-").unwrap().summary.unwrap().workflow,
                    format!("w{run}")
                );
            }
        }
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
        let mut archive = open(folder.path());
        let digest = "a".repeat(64);
        assert!(
            archive
                .unreferenced(vec![digest.clone()], &[digest], 9)
                .unwrap()
                .is_empty()
        );
    }
}
