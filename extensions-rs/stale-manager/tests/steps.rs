//! Whatever is done in whatever order, and wherever the process is killed in between: what is held or needed stays, nothing
//! goes without a tombstone whose grace has passed, and what is there can be read.

#![allow(clippy::unwrap_used, reason = "a failure is the message")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;
use symphony_protocol::{ArchiveRecord, Hold, ReadRun, RunSummary};
use symphony_stale_manager::core::Policy;
use symphony_stale_manager::core::policy::Rule;
use symphony_stale_manager::{Archive, Options};

const HOUR: u64 = 3_600_000;
const RUNS: u64 = 8;

#[derive(Clone, Debug)]
enum Step {
    Put(u64),
    Look,
    Bury(usize),
    Hold(u64, bool),
    Undo(u64),
    Compact(bool),
    Wait(u64),
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..RUNS).prop_map(Step::Put),
        4 => Just(Step::Look),
        4 => (1..4_usize).prop_map(Step::Bury),
        2 => (0..RUNS, any::<bool>()).prop_map(|(run, held)| Step::Hold(run, held)),
        2 => (0..RUNS).prop_map(Step::Undo),
        2 => any::<bool>().prop_map(Step::Compact),
        4 => (1..4_u64).prop_map(Step::Wait),
        2 => Just(Step::Kill),
    ]
}

fn name(run: u64) -> String {
    format!("{run:032x}")
}

/// Every third run is the child of the one before it.
fn parent(run: u64) -> Option<u64> {
    (run % 3 == 2).then(|| run - 1)
}

fn record(run: u64, ended_ms: u64) -> ArchiveRecord {
    ArchiveRecord {
        summary: RunSummary {
            run: name(run),
            tenant: format!("t{}", run % 2),
            workflow: if run % 4 == 3 { "audit" } else { "plain" }.to_owned(),
            version: "1.0.0".to_owned(),
            status: "succeeded".to_owned(),
            submitted_at_ms: ended_ms,
            ended_at_ms: Some(ended_ms),
            parent: parent(run).map(name),
            ..Default::default()
        },
        view: vec![0x80].into(),
        ..Default::default()
    }
}

fn open(folder: &Path) -> Archive {
    let audit = Rule {
        name: "audit".to_owned(),
        workflow: Some("audit".to_owned()),
        keep: true,
        ..Default::default()
    };
    let options = Options {
        data: folder.to_owned(),
        retention: Some(Policy {
            days: 2.0 / 24.0,
            grace_hours: 1.0,
            tell_from_value: 2.0,
            rules: vec![audit],
            ..Default::default()
        }),
        ..Default::default()
    };
    Archive::open(options).unwrap()
}

/// What the archive should be like.
#[derive(Default)]
struct Model {
    now_ms: u64,
    /// When each ended that is there.
    there: BTreeMap<u64, u64>,
    held: BTreeSet<u64>,
    spared_until: BTreeMap<u64, u64>,
    /// Since when each has had its tombstone.
    doomed: BTreeMap<u64, u64>,
}

impl Model {
    fn see_tombstones(&mut self, archive: &Archive) -> Result<(), TestCaseError> {
        let (_, stones) = archive.catalogue.tombstones(99).unwrap();
        let doomed: BTreeSet<u64> = stones
            .iter()
            .map(|stone| u64::from_str_radix(&stone.run, 16).unwrap())
            .collect();
        self.doomed.retain(|run, _| doomed.contains(run));
        for run in doomed {
            self.doomed.entry(run).or_insert(self.now_ms);
            prop_assert!(
                !self.held.contains(&run) && run % 4 != 3,
                "{} is held or kept",
                run
            );
            prop_assert!(
                self.spared_until
                    .get(&run)
                    .is_none_or(|until| *until <= self.now_ms),
                "{} is spared",
                run
            );
        }
        Ok(())
    }

    /// A run went: was it allowed to?
    fn gone(&mut self, run: u64) -> Result<(), TestCaseError> {
        let since = self.doomed.remove(&run);
        prop_assert!(
            since.is_some_and(|since| since + HOUR <= self.now_ms),
            "{} had no grace: {:?}",
            run,
            since
        );
        self.there.remove(&run);
        self.spared_until.remove(&run);
        Ok(())
    }

    fn check(&self, archive: &mut Archive) -> Result<(), TestCaseError> {
        for run in 0..RUNS {
            let ask = ReadRun {
                run: name(run),
                ..Default::default()
            };
            let read = archive.read(&ask, "-").unwrap();
            prop_assert_eq!(read.found, self.there.contains_key(&run), "run {}", run);
            if read.found {
                let summary = read.summary.unwrap();
                prop_assert_eq!(summary.ended_at_ms, self.there.get(&run).copied());
                prop_assert_eq!(read.held, self.held.contains(&run));
            }
        }
        prop_assert_eq!(archive.catalogue.trail(0, 1).unwrap().broken_at, None);
        Ok(())
    }
}

fn take(step: &Step, archive: &mut Archive, model: &mut Model, folder: &Path) -> Result<(), TestCaseError> {
    match step {
        Step::Put(run) => {
            archive.put(vec![record(*run, model.now_ms)]).unwrap();
            model.there.insert(*run, model.now_ms);
        }
        Step::Look => {
            archive.look(model.now_ms).unwrap();
        }
        Step::Bury(most) => {
            let gone = archive.catalogue.bury(model.now_ms, *most).unwrap();
            prop_assert!(gone.len() <= *most);
            let gone: BTreeSet<u64> = gone
                .iter()
                .map(|stone| u64::from_str_radix(&stone.run, 16).unwrap())
                .collect();
            for run in &gone {
                model.gone(*run)?;
            }
            for run in gone {
                // Families go together, or one of them is next: whoever is left has a tombstone whose grace has passed.
                for other in model
                    .there
                    .keys()
                    .filter(|other| parent(**other) == Some(run) || parent(run) == Some(**other))
                {
                    let since = model.doomed.get(other);
                    prop_assert!(
                        since.is_some_and(|since| since + HOUR <= model.now_ms),
                        "{} needed {}",
                        other,
                        run
                    );
                }
            }
        }
        Step::Hold(run, held) => {
            let hold = Hold {
                run: name(*run),
                held: *held,
                ..Default::default()
            };
            let found = archive.hold(&hold, model.now_ms).unwrap();
            prop_assert_eq!(found, model.there.contains_key(run));
            if *held && found {
                model.held.insert(*run);
            } else {
                model.held.remove(run);
            }
        }
        Step::Undo(run) => {
            let until = model.now_ms + 3 * HOUR;
            if archive
                .catalogue
                .undo(Some(&[name(*run)]), until, model.now_ms)
                .unwrap()
                > 0
            {
                prop_assert!(model.doomed.contains_key(run));
                model.spared_until.insert(*run, until);
            }
        }
        Step::Compact(all) => {
            archive.compact(*all).unwrap();
        }
        Step::Wait(hours) => model.now_ms += hours * HOUR,
        Step::Kill => {
            // What a kill in the middle of a write leaves, beside what is in place.
            let segments = folder.join("archive/segments");
            let there = std::fs::read_dir(&segments).unwrap();
            let numbers =
                there.filter_map(|entry| entry.unwrap().path().file_stem()?.to_str()?.parse::<u64>().ok());
            let next = numbers.max().unwrap_or_default() + 1;
            std::fs::write(segments.join(format!("{next:016}.zst")), b"named by nothing").unwrap();
            std::fs::write(segments.join(format!("{:016}.part", next + 1)), b"half of one").unwrap();
            *archive = open(folder);
        }
    }
    model.see_tombstones(archive)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..Default::default() })]

    #[test]
    fn held_and_needed_runs_stay_and_nothing_goes_without_its_grace(steps in prop::collection::vec(step(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = open(folder.path());
        let mut model = Model { now_ms: 1000 * HOUR, ..Default::default() };
        for run in 0..RUNS {
            take(&Step::Put(run), &mut archive, &mut model, folder.path())?;
        }
        for step in &steps {
            take(step, &mut archive, &mut model, folder.path())?;
            model.check(&mut archive)?;
        }
    }
}
