//! Decisions as JSON lines, one file a day: the trajectories that a policy is trained on.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use symphony_protocol::bounds::FRAME_BYTES_MAX;
use symphony_protocol::{Decision, DecisionBatch, ExportTrajectories, Exported, RunDecisions};
use symphony_sdk::{Error, ErrorKind};

use crate::disk;

/// A line as it is written.
pub type Fields = serde_json::Map<String, serde_json::Value>;

const DAY_US: u64 = 86_400_000_000;
/// Of the newest lines, for a question about one run: looked through in a fraction of a second.
const LOOKED_BYTES_MAX: u64 = 64 << 20;
/// Choices in an answer: with sixteen alternatives each they fit one message.
const FOUND_MAX: usize = 256;

/// A line, as far as a question about a run needs it.
#[derive(Deserialize)]
struct Kept {
    sequence: u64,
    index: u64,
    #[serde(flatten)]
    decision: Decision,
}

pub struct Decisions {
    data: PathBuf,
    bytes_max: u64,
}

impl Decisions {
    pub fn open(data: &Path, bytes_max: u64) -> Result<Self, Error> {
        fs::create_dir_all(data.join("decisions")).map_err(disk)?;
        Ok(Self {
            data: data.to_owned(),
            bytes_max,
        })
    }

    fn path(&self, day: u64) -> PathBuf {
        self.data.join("decisions").join(format!("{day:08}.jsonl"))
    }

    /// Append the decisions of some messages, each with the sequence of its message in the stream.
    pub fn append(&self, batches: &[(u64, DecisionBatch)]) -> Result<(), Error> {
        let mut open: Option<(u64, BufWriter<File>)> = None;
        for (sequence, batch) in batches {
            for (index, decision) in batch.decisions.iter().enumerate() {
                let day = decision.at_us / DAY_US;
                if open.as_ref().is_none_or(|(opened, _)| *opened != day) {
                    let file = OpenOptions::new().create(true).append(true).open(self.path(day));
                    open = Some((day, BufWriter::new(file.map_err(disk)?)));
                }
                if let Some((_, writer)) = &mut open {
                    let line = line(*sequence, index, batch, decision)?;
                    writer.write_all(line.as_bytes()).map_err(disk)?;
                }
            }
        }
        match open {
            Some((_, mut writer)) => writer.flush().map_err(disk),
            None => Ok(()),
        }
    }

    /// The days on disk, oldest first, with their sizes.
    fn days(&self) -> Result<Vec<(u64, u64)>, Error> {
        let mut days = Vec::new();
        for entry in fs::read_dir(self.data.join("decisions")).map_err(disk)? {
            let entry = entry.map_err(disk)?;
            let path = entry.path();
            if path.extension().is_some_and(|kind| kind == "part") {
                fs::remove_file(&path).map_err(disk)?; // of an erasure that was cut off
                continue;
            }
            let day = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            if let Some(day) = day {
                days.push((day, entry.metadata().map_or(0, |data| data.len())));
            }
        }
        days.sort_unstable();
        Ok(days)
    }

    /// Drop the oldest days above the bound; the day under way stays.
    pub fn trim(&self) -> Result<(), Error> {
        let days = self.days()?;
        let mut size: u64 = days.iter().map(|(_, bytes)| bytes).sum();
        for (day, bytes) in days.iter().take(days.len().saturating_sub(1)) {
            if size <= self.bytes_max {
                break;
            }
            fs::remove_file(self.path(*day)).map_err(disk)?;
            size -= bytes;
        }
        Ok(())
    }

    /// The last choices in which a run went first, oldest first: a line is parsed only where it has the run's name.
    pub fn of_run(&self, run: &str, tenant: &str) -> Result<RunDecisions, Error> {
        let mut found = VecDeque::new();
        let mut cut = false;
        let mut left = LOOKED_BYTES_MAX;
        for (day, bytes) in self.days()?.into_iter().rev() {
            if left == 0 {
                cut = true;
                break;
            }
            let mut file = File::open(self.path(day)).map_err(disk)?;
            cut |= bytes > left;
            file.seek(SeekFrom::Start(bytes.saturating_sub(left)))
                .map_err(disk)?;
            left = left.saturating_sub(bytes);
            let mut of_day = VecDeque::new();
            let mut last = (0, 0);
            for line in BufReader::new(file).split(b'\n') {
                let line = line.map_err(disk)?;
                // One that is cut off, by a crash or by where the look began, is no JSON, and perhaps no text.
                let text = std::str::from_utf8(&line).unwrap_or_default();
                if !text.contains(run) {
                    continue;
                }
                let Ok(Kept {
                    sequence,
                    index,
                    decision,
                }) = serde_json::from_str(text)
                else {
                    continue;
                };
                let ours = decision.run.as_deref() == Some(run)
                    && (tenant == "-" || decision.tenant.as_deref() == Some(tenant));
                if ours && (sequence, index + 1) > last {
                    last = (sequence, index + 1);
                    of_day.push_back(decision);
                    if of_day.len() + found.len() > FOUND_MAX {
                        of_day.pop_front();
                        cut = true;
                    }
                }
            }
            of_day.append(&mut found);
            found = of_day;
        }
        Ok(RunDecisions {
            decisions: found.into(),
            cut,
            ..Default::default()
        })
    }

    /// Write the decisions of a time span to one file, each with what `join` knows of its run. A line that stands twice,
    /// after a crash, is written once.
    pub fn export(
        &self,
        ask: &ExportTrajectories,
        now_ms: u64,
        mut join: impl FnMut(&mut Fields) -> Result<(), Error>,
    ) -> Result<Exported, Error> {
        let since_us = ask.since_ms.unwrap_or(0).saturating_mul(1000);
        let until_us = ask.until_ms.unwrap_or(now_ms).saturating_mul(1000);
        fs::create_dir_all(self.data.join("exports")).map_err(disk)?;
        let name = format!(
            "exports/trajectories-{}-{}.jsonl",
            since_us / 1000,
            until_us / 1000
        );
        let part = self.data.join(format!("{name}.part"));
        let mut writer = BufWriter::new(File::create(&part).map_err(disk)?);
        let mut count = 0;
        let mut last = (0, 0);
        for (day, _) in self.days()? {
            if day < since_us / DAY_US || day > until_us / DAY_US {
                continue;
            }
            for line in BufReader::new(File::open(self.path(day)).map_err(disk)?).lines() {
                let line = line.map_err(disk)?;
                let Ok(mut entry) = serde_json::from_str::<Fields>(&line) else {
                    continue; // the end of a line that a crash cut off
                };
                let number = |field: &str| entry.get(field).and_then(serde_json::Value::as_u64).unwrap_or(0);
                let place = (number("sequence"), number("index") + 1);
                let at_us = number("at_us");
                if place <= last || at_us < since_us || at_us >= until_us {
                    continue;
                }
                last = place;
                count += 1;
                join(&mut entry)?;
                let whole = serde_json::Value::Object(entry);
                writeln!(writer, "{whole}").map_err(disk)?;
            }
        }
        let file = writer.into_inner().map_err(disk)?;
        file.sync_all().map_err(disk)?;
        fs::rename(&part, self.data.join(&name)).map_err(disk)?;
        Ok(Exported {
            bytes: fs::metadata(self.data.join(&name)).map_or(0, |about| about.len()),
            path: name,
            decisions: count,
            ..Default::default()
        })
    }

    /// A piece of an exported file. Kind `Invalid`: the path is none of an export.
    pub fn piece(&self, path: &str, offset: u64) -> Result<Vec<u8>, Error> {
        let name = path.strip_prefix("exports/").unwrap_or_default();
        let plain = |letter: char| letter.is_ascii_alphanumeric() || ".-_".contains(letter);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("`{path}` is no exported file"),
            ));
        }
        let mut file = File::open(self.data.join(path)).map_err(disk)?;
        file.seek(SeekFrom::Start(offset)).map_err(disk)?;
        let mut data = Vec::new();
        file.take(FRAME_BYTES_MAX as u64)
            .read_to_end(&mut data)
            .map_err(disk)?;
        Ok(data)
    }

    /// Take a tenant's decisions out of all files, and its name out of others' rationales. How many decisions went, and how
    /// many exported files were changed.
    pub fn erase(&self, tenant: &str) -> Result<(u64, u64), Error> {
        let mut decisions = 0;
        for (day, _) in self.days()? {
            decisions += rewrite(&self.path(day), tenant)?.0;
        }
        let mut exports = 0;
        for entry in fs::read_dir(self.data.join("exports")).into_iter().flatten() {
            let path = entry.map_err(disk)?.path();
            exports += u64::from(rewrite(&path, tenant)?.1);
        }
        Ok((decisions, exports))
    }
}

/// Write a file of decisions anew without those of a tenant: beside it, then in its place, so that a crash leaves the one or
/// the other. How many went, and whether anything changed.
fn rewrite(path: &Path, tenant: &str) -> Result<(u64, bool), Error> {
    let part = path.with_extension("part");
    let mut writer = BufWriter::new(File::create(&part).map_err(disk)?);
    let (mut gone, mut changed) = (0, false);
    for line in BufReader::new(File::open(path).map_err(disk)?).split(b'\n') {
        let line = line.map_err(disk)?;
        let text = String::from_utf8_lossy(&line);
        if !text.contains(tenant) {
            writer
                .write_all(&line)
                .and_then(|()| writer.write_all(b"\n"))
                .map_err(disk)?;
            continue;
        }
        // One that a crash cut off is no decision, and goes with the name in it.
        let Ok(mut entry) = serde_json::from_str::<Fields>(&text) else {
            changed = true;
            continue;
        };
        if entry.get("tenant").and_then(serde_json::Value::as_str) == Some(tenant) {
            (gone, changed) = (gone + 1, true);
            continue;
        }
        let words = |text: &str| {
            let apart = |letter: char| !(letter.is_alphanumeric() || "-_.".contains(letter));
            text.split(apart).any(|word| word.trim_matches('.') == tenant)
        };
        for field in ["rationale", "reason"] {
            if entry
                .get(field)
                .and_then(serde_json::Value::as_str)
                .is_some_and(words)
            {
                entry.insert(field.to_owned(), "".into());
                changed = true;
            }
        }
        writeln!(writer, "{}", serde_json::Value::Object(entry)).map_err(disk)?;
    }
    let file = writer.into_inner().map_err(disk)?;
    if changed {
        file.sync_all().map_err(disk)?;
        fs::rename(&part, path).map_err(disk)?;
    } else {
        fs::remove_file(&part).map_err(disk)?;
    }
    Ok((gone, changed))
}

fn line(sequence: u64, index: usize, batch: &DecisionBatch, decision: &Decision) -> Result<String, Error> {
    let mut entry = serde_json::json!({
        "sequence": sequence,
        "index": index,
        "partition": batch.partition,
        "epoch": batch.epoch,
        "conductor": batch.conductor,
    });
    let value = serde_json::to_value(decision).map_err(disk)?;
    if let (Some(entry), serde_json::Value::Object(fields)) = (entry.as_object_mut(), value) {
        entry.extend(fields);
    }
    Ok(format!("{entry}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(at_us: u64) -> DecisionBatch {
        DecisionBatch {
            conductor: "c".to_owned(),
            decisions: vec![Decision {
                at_us,
                kind: "start".to_owned(),
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    #[test]
    fn decisions_of_a_span_are_exported_once_each() {
        let folder = tempfile::tempdir().unwrap();
        let decisions = Decisions::open(folder.path(), 1 << 20).unwrap();
        decisions
            .append(&[(1, batch(5_000_000)), (2, batch(DAY_US + 1_000_000))])
            .unwrap();
        decisions
            .append(&[(2, batch(DAY_US + 1_000_000)), (3, batch(DAY_US + 9_000_000))])
            .unwrap();
        let ask = ExportTrajectories {
            since_ms: Some(6_000),
            until_ms: None,
            ..Default::default()
        };
        let exported = decisions.export(&ask, 2 * DAY_US / 1000, |_| Ok(())).unwrap();
        assert_eq!(exported.decisions, 2);
        let text = fs::read_to_string(folder.path().join(exported.path)).unwrap();
        let sequences: Vec<u64> = text
            .lines()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(line).unwrap()["sequence"]
                    .as_u64()
                    .unwrap()
            })
            .collect();
        assert_eq!(sequences, [2, 3]);
    }

    fn about(run: &str, tenant: &str, task: &str) -> Decision {
        Decision {
            at_us: 1,
            kind: "start".to_owned(),
            run: Some(run.to_owned()),
            tenant: Some(tenant.to_owned()),
            task: Some(task.to_owned()),
            ..Default::default()
        }
    }

    #[test]
    fn a_tenant_finds_the_last_choices_of_its_run() {
        let folder = tempfile::tempdir().unwrap();
        let decisions = Decisions::open(folder.path(), 1 << 20).unwrap();
        let of = |at_us: u64, decisions| DecisionBatch {
            decisions,
            ..batch(at_us)
        };
        let later = Decision {
            at_us: DAY_US,
            rationale: "by shares".to_owned(),
            ..about("r1", "acme", "second")
        };
        let first = vec![about("r1", "acme", "first"), about("r2", "acme", "other")];
        decisions.append(&[(1, of(1, first.clone()))]).unwrap();
        decisions
            .append(&[(1, of(1, first)), (2, of(DAY_US, vec![later]))])
            .unwrap();
        let found = decisions.of_run("r1", "acme").unwrap();
        let tasks: Vec<_> = found.decisions.iter().map(|d| d.task.clone().unwrap()).collect();
        assert_eq!(tasks, ["first", "second"]);
        assert_eq!(found.decisions[1].rationale, "by shares");
        assert!(!found.cut);
        assert!(decisions.of_run("r1", "zeta").unwrap().decisions.is_empty());
        let many: Vec<Decision> = (0..300).map(|n| about("r3", "acme", &format!("t{n}"))).collect();
        decisions.append(&[(3, of(2 * DAY_US, many))]).unwrap();
        let found = decisions.of_run("r3", "acme").unwrap();
        assert_eq!((found.decisions.len(), found.cut), (FOUND_MAX, true));
        assert_eq!(found.decisions[FOUND_MAX - 1].task.as_deref(), Some("t299"));
    }

    #[test]
    fn the_oldest_days_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let decisions = Decisions::open(folder.path(), 1).unwrap();
        decisions.append(&[(1, batch(1)), (2, batch(DAY_US))]).unwrap();
        decisions.trim().unwrap();
        assert_eq!(decisions.days().unwrap().len(), 1);
    }
}
