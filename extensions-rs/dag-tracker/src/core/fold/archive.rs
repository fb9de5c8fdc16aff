//! Runs that leave for the archive, and those that come back from it because a client asks them to go on.

use super::*;

/// Runs that are on their way back at a time: what is asked of more is refused, and may be asked again.
const RECALLS_MAX: usize = 4096;
/// What is asked of one of them meanwhile.
const RECALL_WORDS_MAX: usize = 16;
/// Ended runs remembered after they were archived, so that the same key is the same run.
const TOMBSTONES_MAX: usize = 200_000;

/// What is left of a run that was archived.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Tombstone {
    pub status: RunStatus,
    pub fingerprint: [u8; 32],
}

/// What makes two submissions of one run the same: its document and its inputs.
pub(super) fn fingerprint(document: &[u8], inputs: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&u64::try_from(document.len()).unwrap_or_default().to_be_bytes());
    hasher.update(document);
    hasher.update(inputs);
    *hasher.finalize().as_bytes()
}

impl Fold {
    /// Forget runs that are safe elsewhere; their identifiers stay.
    pub fn archived(&mut self, runs: &[String]) {
        for key in &runs.iter().filter_map(|run| run_key(run)).collect::<Vec<_>>() {
            let Some(run) = self.runs.get(key).filter(|run| run.status.ended()) else {
                continue;
            };
            let fingerprint = run
                .submitted
                .as_deref()
                .copied()
                .unwrap_or_else(|| fingerprint(&run.document, &run.given_inputs));
            let tomb = Tombstone {
                status: run.status,
                fingerprint,
            };
            self.runs.remove(key);
            self.tombstones.insert(*key, tomb);
            self.buried.push_back(*key);
        }
        let runs = &self.runs;
        self.ended.retain(|key| runs.contains_key(key));
        while self.buried.len() > TOMBSTONES_MAX {
            if let Some(key) = self.buried.pop_front() {
                self.tombstones.remove(&key);
            }
        }
    }

    /// Something is asked of a run that is not here: an archived one that did not succeed is asked back for it.
    pub(super) fn recall(&mut self, key: u128, tenant: &str, control: Control, effects: &mut Effects) {
        let (word, run) = (control.word(), control.run.clone());
        let tomb = self.tombstones.get(&key).map(|tomb| tomb.status);
        let full = self.recalls.len() >= RECALLS_MAX && !self.recalls.contains_key(&key);
        let refused = match tomb {
            None => "which is not known here",
            Some(RunStatus::Succeeded) => "which succeeded, and is archived",
            Some(_) if !control.takes_up() => "which has ended, and is archived",
            Some(_) if full => "while too many archived runs are asked for: ask again",
            Some(_) => {
                let words = self.recalls.entry(key).or_default();
                if words.len() < RECALL_WORDS_MAX {
                    words.push((tenant.to_owned(), control));
                }
                return effects.recalls.push(run);
            }
        };
        effects.dead.push(format!("a {word} of run {run}, {refused}"));
    }

    /// The archive has answered. Told twice, the second changes nothing: nobody asks any more.
    pub(super) fn recalled(&mut self, recalled: Recalled, effects: &mut Effects) {
        let Some(key) = run_key(&recalled.run) else { return };
        let Some(words) = self.recalls.remove(&key) else {
            return;
        };
        if !self.runs.contains_key(&key) {
            let found = match recalled.state.is_empty() {
                true => Err(recalled.why),
                false => self.unpack_run(&recalled.state),
            };
            let mut run = match found {
                Ok(run) if run.key == key && run.status.ended() => run,
                Ok(_) => {
                    return effects
                        .dead
                        .push(format!("the archive gave another run for {}", recalled.run));
                }
                Err(why) => {
                    let what = format!("run {} cannot be taken up again: {why}", recalled.run);
                    return effects.dead.push(what);
                }
            };
            run.tenant = self.context.name(&run.tenant);
            run.note(Entry {
                sequence: self.context.sequence,
                at_ms: self.context.time_ms,
                event: "recalled".into(),
                task: None,
                attempt: 0,
                accepted: true,
                by: "archive".to_owned(),
                detail: String::new(),
            });
            self.tombstones.remove(&key);
            self.buried.retain(|buried| *buried != key);
            self.runs.insert(key, run);
        }
        for (tenant, control) in words {
            self.control(&tenant, control, effects);
        }
        // Where nothing came of it, it is an ended run again, and goes back.
        let ended = self.runs.get(&key).is_some_and(|run| run.status.ended());
        if ended && !self.ended.contains(&key) {
            self.live += 1;
            effects.ended.push(key);
            self.close(effects);
        }
    }
}
