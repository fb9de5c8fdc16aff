//! Looks through the archive: what a policy has go, what one run is worth, and the tombstones that follow.

use std::collections::BTreeMap;

use symphony_protocol::{Doomed, RetentionShow, RuleEffect, Worth};
use symphony_sdk::Error;

use crate::archive::Archive;
use crate::core::lineage::Needs;
use crate::core::plan::{Judged, Plan, Verdict, plan};
use crate::core::{Fact, Policy};
use crate::tombstones::Stone;
use crate::traits::Traits;

/// Of records that came before there were traits: read again so many in one look.
const TRAITS_MAX: usize = 2000;
/// Surprise of a run that is not archived by then, nor will be: a run may wait for a month, and be retried.
const STRANGERS_MS: u64 = 90 * 86_400_000;
/// A run whose parent is not archived has one that is still live, as far as can be told: for so long after its own end.
const PARENT_MS: u64 = 30 * 86_400_000;
/// Runs that are listed of those which name an artifact.
const NAMED_BY_MAX: usize = 64;

/// What a look changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    pub tombstoned: usize,
    pub lifted: usize,
}

impl Archive {
    /// Judge every run by a policy. Changes nothing.
    pub fn judge(&self, policy: &Policy, now_ms: u64) -> Result<(Vec<Fact>, Plan), Error> {
        let facts = self.catalogue.facts()?;
        let related = self.catalogue.related()?;
        let needs = |run: &str| {
            if !related.contains(run) {
                return Needs::default();
            }
            let lives = self.catalogue.parent_lives(run, now_ms.saturating_sub(PARENT_MS));
            let found = lives.and_then(|lives| {
                let needs = self.catalogue.needs(run)?;
                Ok(Needs {
                    more: needs.more || lives,
                    ..needs
                })
            });
            // Nothing goes of which it cannot be told who needs it.
            found.unwrap_or(Needs {
                runs: Vec::new(),
                more: true,
            })
        };
        let plan = plan(&facts, policy, now_ms, needs);
        Ok((facts, plan))
    }

    /// Set tombstones on what the policy in force has go, and take those away that nothing stands for any more.
    pub fn look(&mut self, now_ms: u64) -> Result<Looked, Error> {
        let (stones, lifted) = self.look_for(now_ms)?;
        Ok(Looked {
            tombstoned: self.catalogue.entomb(&stones, now_ms)?,
            lifted: self.catalogue.lift(&lifted, now_ms)?,
        })
    }

    /// What a look would set, and take away. Whoever sets it looks again at what is held and spared.
    pub fn look_for(&mut self, now_ms: u64) -> Result<(Vec<Stone>, Vec<String>), Error> {
        self.catch_up()?;
        self.catalogue.tidy(now_ms.saturating_sub(STRANGERS_MS), now_ms)?;
        let (facts, plan) = self.judge(&self.policy, now_ms)?;
        let new = plan.going(&facts).filter(|(fact, _)| !fact.tombstoned);
        let stones = new.map(|(fact, judged)| self.stone(fact, judged)).collect();
        let stays = |(fact, judged): &(&Fact, &Judged)| fact.tombstoned && judged.verdict != Verdict::Goes;
        let all = facts.iter().zip(&plan.judged).filter(stays);
        Ok((stones, all.map(|(fact, _)| fact.run.clone()).collect()))
    }

    fn catch_up(&mut self) -> Result<(), Error> {
        let mut found = Vec::new();
        for (run, place) in self.catalogue.untold(TRAITS_MAX)? {
            found.push((run, Traits::of(&self.segments.read(place)?)));
        }
        self.catalogue.set_traits(&found)
    }

    fn stone(&self, fact: &Fact, judged: &Judged) -> Stone {
        let (rule, version) = (judged.rule.map_or(0, |place| place + 1), self.version);
        let by = if judged.pressed {
            "pressure".to_owned()
        } else {
            format!("rule {rule}")
        };
        Stone {
            run: fact.run.clone(),
            rule: name(&self.policy, judged).to_owned(),
            reason: judged.reason.clone(),
            what: format!(
                "by {by} of policy version {version}, worth {:.3}",
                judged.worth.value
            ),
            value: judged.worth.value,
            grace_ms: self.policy.grace_ms(judged.pressed),
            told: judged.worth.value < self.policy.tell_from_value,
        }
    }

    /// What a policy would have go now, some of it by name.
    pub fn preview(&self, policy: &Policy, limit: usize, now_ms: u64) -> Result<RetentionShow, Error> {
        let (facts, plan) = self.judge(policy, now_ms)?;
        let mut shown = RetentionShow {
            considered: facts.len() as u64,
            ..Default::default()
        };
        let mut effects: BTreeMap<&str, RuleEffect> = BTreeMap::new();
        for (fact, judged) in facts.iter().zip(&plan.judged) {
            let rule = name(policy, judged);
            let effect = effects.entry(rule).or_insert_with(|| RuleEffect {
                rule: rule.to_owned(),
                ..Default::default()
            });
            effect.runs += 1;
            match judged.verdict {
                Verdict::Kept => {}
                Verdict::Goes => {
                    effect.goes += 1;
                    effect.bytes += fact.bytes;
                    shown.going += 1;
                    shown.bytes += fact.bytes;
                    if shown.goes.len() < limit {
                        shown.goes.push(self.doomed(policy, fact, judged, now_ms)?);
                    }
                }
                saved => {
                    effect.saved += 1;
                    *shown.saved.entry(by_what(saved).to_owned()).or_default() += 1;
                }
            }
        }
        shown.rules = effects.into_values().collect();
        Ok(shown)
    }

    fn doomed(&self, policy: &Policy, fact: &Fact, judged: &Judged, now_ms: u64) -> Result<Doomed, Error> {
        let due = self.catalogue.due_ms(&fact.run)?;
        Ok(Doomed {
            run: fact.run.clone(),
            tenant: fact.tenant.to_string(),
            workflow: fact.workflow.to_string(),
            rule: name(policy, judged).to_owned(),
            reason: judged.reason.clone(),
            bytes: fact.bytes,
            value: judged.worth.value,
            ended_at_ms: fact.ended_ms,
            due_at_ms: due.or_else(|| Some(now_ms.saturating_add(policy.grace_ms(judged.pressed)))),
        })
    }

    /// What a run or an artifact is worth, and what becomes of it.
    pub fn explain(&self, subject: &str, now_ms: u64) -> Result<Worth, Error> {
        let artifact = subject.len() > 32;
        let runs = if artifact {
            self.catalogue.naming(subject, NAMED_BY_MAX)?
        } else {
            vec![subject.to_owned()]
        };
        let (facts, plan) = self.judge(&self.policy, now_ms)?;
        let all = facts
            .iter()
            .zip(&plan.judged)
            .filter(|(fact, _)| runs.contains(&fact.run));
        let best = all.max_by(|one, other| one.1.worth.value.total_cmp(&other.1.worth.value));
        let digest = artifact.then(|| subject.to_owned());
        let Some((fact, judged)) = best else {
            return Ok(Worth {
                found: false,
                digest,
                ..Default::default()
            });
        };
        let due = self.catalogue.due_ms(&fact.run)?;
        let weights = &self.policy.worth;
        let verdict = match due {
            Some(_) if judged.verdict == Verdict::Goes => "tombstoned",
            _ => judged.verdict.word(),
        };
        Ok(Worth {
            found: true,
            run: Some(fact.run.clone()),
            digest,
            tenant: Some(fact.tenant.to_string()),
            workflow: Some(fact.workflow.to_string()),
            value: judged.worth.value,
            parts: judged
                .worth
                .parts()
                .map(|(name, part)| (name.to_owned(), part))
                .into(),
            weights: [
                ("surprise".to_owned(), weights.surprise),
                ("rarity".to_owned(), weights.rarity),
                ("outcome".to_owned(), weights.outcome),
                ("cost".to_owned(), weights.cost),
            ]
            .into(),
            decisions: fact.decisions,
            surprise_bits: fact.bits,
            alike: judged.worth.alike,
            work_us: fact.work_us,
            bytes: fact.bytes,
            rule: Some(name(&self.policy, judged).to_owned()),
            verdict: verdict.to_owned(),
            why: sentence(fact, judged, facts.len(), name(&self.policy, judged), verdict),
            due_at_ms: due,
            named_by: if artifact { runs } else { Vec::new() },
            ..Default::default()
        })
    }
}

fn name<'a>(policy: &'a Policy, judged: &Judged) -> &'a str {
    if judged.pressed {
        "pressure"
    } else {
        policy.name(judged.rule)
    }
}

fn by_what(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "hold",
        Verdict::Lineage => "lineage",
        Verdict::Undone => "undo",
        Verdict::Valued => "value",
        Verdict::Kept | Verdict::Goes => "nothing",
    }
}

fn sentence(fact: &Fact, judged: &Judged, runs: usize, rule: &str, verdict: &str) -> String {
    let worth = &judged.worth;
    let parts = format!(
        "worth {:.3}: surprise {:.2} ({} choices, {:.1} bits), rarity {:.2} (about {:.0} of {runs} runs are like it), \
         outcome {:.2} ({}), cost {:.2} ({:.1} s of work)",
        worth.value,
        worth.surprise,
        fact.decisions,
        fact.bits,
        worth.rarity,
        worth.alike,
        worth.outcome,
        fact.status,
        worth.cost,
        fact.work_us as f64 / 1e6,
    );
    let reason = &judged.reason;
    match verdict {
        "held" => format!("{parts}; by `{rule}` it would go, since {reason}, but it is held"),
        "lineage" => {
            format!("{parts}; by `{rule}` it would go, since {reason}, but a run that stays needs it")
        }
        "undone" => format!("{parts}; by `{rule}` it would go, since {reason}, but an operator undid that"),
        "valued" => format!("{parts}; by `{rule}` it would go, since {reason}, but its value spares it"),
        "goes" => format!("{parts}; by `{rule}` it goes, since {reason}"),
        "tombstoned" => format!("{parts}; by `{rule}` it has a tombstone, since {reason}"),
        _ => format!("{parts}; it stays by `{rule}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::tests::{DAY, HOUR, names, open, record};
    use symphony_protocol::Hold;

    fn run(number: u64) -> String {
        format!("{number:032x}")
    }

    #[test]
    fn what_goes_has_a_tombstone_first_and_a_hold_outlasts_it() {
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
            run: run(3),
            held: true,
            reason: "case 7".to_owned(),
            ..Default::default()
        };
        assert!(archive.hold(&hold, 11).unwrap());
        let now = 2 * DAY;
        let planned = archive.preview(&archive.policy.clone(), 9, now).unwrap();
        assert_eq!((planned.going, planned.saved.get("hold")), (1, Some(&1)));
        let look = archive.look(now).unwrap();
        assert_eq!(
            look,
            Looked {
                tombstoned: 1,
                lifted: 0
            }
        );
        assert_eq!(
            archive.catalogue.tombstones(9).unwrap().1[0].run,
            planned.goes[0].run
        );
        assert!(
            archive.catalogue.bury(now + HOUR - 1, 9).unwrap().is_empty(),
            "its grace has not passed"
        );
        assert_eq!(names(&archive, "-").len(), 3);
        assert_eq!(archive.catalogue.bury(now + HOUR, 9).unwrap().len(), 1);
        archive.compact(false).unwrap();
        assert_eq!(names(&archive, "-"), ["audit", "held"]);
        let gone: Vec<String> = (1..=3).map(|n| format!("{n:064x}")).collect();
        assert!(
            archive.unreferenced(gone.clone(), &[], now).unwrap().is_empty(),
            "artifacts have a grace, too"
        );
        let free = |archive: &mut Archive, live: &[String], at| {
            archive.unreferenced(gone.clone(), live, at).unwrap()
        };
        assert_eq!(free(&mut archive, &[], now + HOUR), [format!("{:064x}", 1)]);
        assert!(
            free(&mut archive, &gone, now + HOUR).is_empty(),
            "one that a live run has"
        );
        assert!(
            free(&mut archive, &[], now + HOUR + 1).is_empty(),
            "what was needed again begins anew"
        );
        archive.hold(&Hold { held: false, ..hold }, now).unwrap();
        assert_eq!(archive.look(now).unwrap().tombstoned, 1);
        let trail = archive.catalogue.trail(0, 99).unwrap();
        let what: Vec<&str> = trail.entries.iter().map(|entry| entry.what.as_str()).collect();
        assert_eq!(what, ["held", "tombstoned", "deleted", "released", "tombstoned"]);
        assert_eq!(trail.broken_at, None);
    }

    #[test]
    fn no_more_go_at_once_than_may_and_none_of_value_before_it_was_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = open(folder.path());
        archive.policy.tell_from_value = 0.0;
        archive.put((1..=5).map(|n| record(n, "a", n)).collect()).unwrap();
        let now = 2 * DAY;
        archive.look(now).unwrap();
        assert!(
            archive.catalogue.bury(now + 9 * DAY, 9).unwrap().is_empty(),
            "nobody was told"
        );
        let told: Vec<String> = archive
            .catalogue
            .unannounced(9)
            .unwrap()
            .into_iter()
            .map(|stone| stone.run)
            .collect();
        assert_eq!(told.len(), 5);
        let later = now + 9 * DAY;
        archive.catalogue.announced(&told, later).unwrap();
        assert!(
            archive.catalogue.bury(later + HOUR - 1, 9).unwrap().is_empty(),
            "their grace begins with that"
        );
        let at_once = [2, 2, 2].map(|most| archive.catalogue.bury(later + HOUR, most).unwrap().len());
        assert_eq!(at_once, [2, 2, 1]);
        assert_eq!(archive.show().unwrap().deleted, 5);
    }

    #[test]
    fn an_archive_that_outgrew_its_room_has_tombstones_of_its_own_grace() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = open(folder.path());
        archive.policy.days = 0.0;
        archive
            .put((1..=20).map(|n| record(n, "a", n)).collect())
            .unwrap();
        let bytes = archive.show().unwrap().bytes as f64;
        archive.policy.pressure.mib = bytes / 2.0 / 1024.0 / 1024.0;
        archive.policy.pressure.down_to = 1.0;
        archive.policy.pressure.grace_hours = 2.0;
        assert_eq!(archive.look(100).unwrap().tombstoned, 10);
        let (_, stones) = archive.catalogue.tombstones(99).unwrap();
        assert!(
            stones
                .iter()
                .all(|stone| stone.rule == "pressure" && stone.due_at_ms == Some(100 + 2 * HOUR))
        );
        assert_eq!(
            archive.look(101).unwrap(),
            Looked::default(),
            "what has a tombstone counts as gone"
        );
        assert_eq!(archive.catalogue.bury(100 + 2 * HOUR, 99).unwrap().len(), 10);
        archive.compact(true).unwrap();
        assert!(archive.show().unwrap().bytes as f64 <= bytes / 2.0);
    }

    #[test]
    fn an_undo_brings_back_and_spares() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = open(folder.path());
        archive.put(vec![record(1, "a", 10), record(2, "b", 10)]).unwrap();
        let now = 2 * DAY;
        assert_eq!(archive.look(now).unwrap().tombstoned, 2);
        assert_eq!(
            archive.catalogue.undo(Some(&[run(1)]), now + DAY, now).unwrap(),
            1
        );
        assert_eq!(archive.look(now + 1).unwrap(), Looked::default());
        assert_eq!(archive.catalogue.bury(now + HOUR, 9).unwrap().len(), 1);
        assert_eq!(names(&archive, "-"), ["a"]);
        assert_eq!(
            archive.look(now + DAY + 1).unwrap().tombstoned,
            1,
            "what an undo spares it spares for a time"
        );
        let late = now + DAY + HOUR + 1;
        assert_eq!(
            archive.catalogue.undo(None, late + DAY, late).unwrap(),
            0,
            "its grace has passed"
        );
    }

    #[test]
    fn a_hold_between_tombstone_and_deletion_wins() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = open(folder.path());
        archive.put(vec![record(1, "a", 10)]).unwrap();
        archive.look(2 * DAY).unwrap();
        archive
            .hold(
                &Hold {
                    run: run(1),
                    held: true,
                    ..Default::default()
                },
                2 * DAY,
            )
            .unwrap();
        assert!(archive.catalogue.bury(9 * DAY, 9).unwrap().is_empty());
        assert_eq!(names(&archive, "-"), ["a"]);
    }

    #[test]
    fn a_run_that_is_read_to_go_on_stays_until_its_tracker_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = open(folder.path());
        archive.put(vec![record(1, "a", 10)]).unwrap();
        let now = symphony_sdk::clock::wall_ms();
        assert_eq!(archive.look(now).unwrap().tombstoned, 1);
        let ask = symphony_protocol::ReadRun {
            run: run(1),
            state: true,
            ..Default::default()
        };
        assert!(archive.read(&ask, "-").unwrap().found);
        assert_eq!(archive.look(now + 1000).unwrap(), Looked::default());
        assert!(archive.catalogue.bury(now + HOUR / 2, 9).unwrap().is_empty());
        assert_eq!(archive.look(now + 2 * HOUR).unwrap().tombstoned, 1);
    }

    #[test]
    fn what_another_run_made_of_it_keeps_a_run_and_one_that_only_has_it_too_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = open(folder.path());
        let made = "d".repeat(64);
        let mut records = vec![record(1, "a", 10), record(2, "audit", 10), record(3, "a", 10)];
        for (place, makes) in [(0, true), (1, false), (2, false)] {
            records[place].artifacts.push(made.clone());
            records[place].view = view(place as u64 + 1, makes.then_some(made.as_str()));
        }
        archive.put(records).unwrap();
        assert_eq!(archive.look(9 * DAY).unwrap().tombstoned, 1);
        assert_eq!(archive.catalogue.tombstones(9).unwrap().1[0].run, run(3));
        assert_eq!(archive.explain(&run(1), 9 * DAY).unwrap().verdict, "lineage");
    }

    /// A view in which a task made an artifact.
    fn view(number: u64, made: Option<&str>) -> symphony_protocol::Payload {
        use symphony_protocol::{NodeView, RunView, Value, encode, values::reference};
        let outputs = made.map(|digest| {
            Value::Map(vec![("out".to_owned(), reference(digest, 1, "text/plain"))])
                .pack()
                .into()
        });
        let node = NodeView {
            task: "a".to_owned(),
            status: "succeeded".to_owned(),
            outputs,
            ..Default::default()
        };
        encode(&RunView {
            run: run(number),
            nodes: vec![node],
            ..Default::default()
        })
        .unwrap()
        .into()
    }

    #[test]
    fn a_child_whose_parent_is_not_archived_yet_stays_but_not_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = open(folder.path());
        let mut child = record(2, "a", 10);
        child.summary.parent = Some(run(1));
        archive.put(vec![child]).unwrap();
        assert_eq!(archive.look(9 * DAY).unwrap(), Looked::default());
        assert_eq!(archive.explain(&run(2), 9 * DAY).unwrap().verdict, "lineage");
        archive.put(vec![record(1, "a", 20)]).unwrap();
        assert_eq!(
            archive.look(9 * DAY).unwrap().tombstoned,
            2,
            "a family goes together"
        );
        let due = 9 * DAY + HOUR;
        assert_eq!(archive.catalogue.bury(due, 1).unwrap()[0].run, run(1));
        assert_eq!(
            archive.look(due).unwrap(),
            Looked::default(),
            "also where it goes one by one"
        );
        assert_eq!(archive.catalogue.bury(due, 1).unwrap()[0].run, run(2));
        let mut orphan = record(3, "a", 10);
        orphan.summary.parent = Some(run(4));
        archive.put(vec![orphan]).unwrap();
        assert_eq!(archive.look(31 * DAY).unwrap().tombstoned, 1);
    }

    /// Prints how long a look takes: `cargo test -p symphony-stale-manager --lib -- --ignored --nocapture look_of`.
    #[test]
    #[ignore = "a measurement"]
    fn look_of_a_hundred_thousand_runs() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = open(folder.path());
        for batch in 0..100 {
            let runs = (0..1000).map(|n| record(batch * 1000 + n + 1, &format!("w{}", n % 50), n + 1));
            archive.put(runs.collect()).unwrap();
        }
        let begin = std::time::Instant::now();
        let (facts, plan) = archive.judge(&archive.policy.clone(), 9 * DAY).unwrap();
        let going = plan.going(&facts).count();
        assert_eq!(going, 100_000);
        eprintln!(
            "judged {} runs in {:.2} s, all of them going",
            facts.len(),
            begin.elapsed().as_secs_f64()
        );
        let begin = std::time::Instant::now();
        archive.look(9 * DAY).unwrap();
        eprintln!(
            "and set as many tombstones in {:.2} s",
            begin.elapsed().as_secs_f64()
        );
        let begin = std::time::Instant::now();
        assert_eq!(archive.catalogue.bury(20 * DAY, 1000).unwrap().len(), 1000);
        archive.compact(false).unwrap();
        eprintln!("and deleted 1000 in {:.2} s", begin.elapsed().as_secs_f64());
    }

    #[test]
    fn a_child_of_a_run_that_stays_stays() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = open(folder.path());
        let mut child = record(1, "a", 10);
        child.summary.parent = Some(run(2));
        archive.put(vec![child, record(2, "audit", 10)]).unwrap();
        assert_eq!(archive.look(9 * DAY).unwrap(), Looked::default());
        let told = archive.explain(&run(1), 9 * DAY).unwrap();
        assert_eq!(told.verdict, "lineage");
        assert!(told.why.contains("a run that stays needs it"), "{}", told.why);
    }

    #[test]
    fn an_artifact_is_worth_what_its_best_run_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = open(folder.path());
        let shared = "e".repeat(64);
        let mut records: Vec<_> = (1..=20).map(|n| record(n, "a", n)).collect();
        let mut odd = record(21, "b", 21);
        odd.summary.status = "failed".to_owned();
        records.push(odd);
        for record in &mut records {
            record.artifacts.push(shared.clone());
        }
        archive.put(records).unwrap();
        let told = archive.explain(&shared, 30).unwrap();
        assert_eq!((told.run, told.named_by.len()), (Some(run(21)), 21));
        assert!(told.value > archive.explain(&run(1), 30).unwrap().value);
        assert!(!archive.explain(&"0".repeat(64), 30).unwrap().found);
    }
}
