//! What results, decisions, time and supplied artifacts do to the fold.

use super::*;
use crate::core::state::{Exec, LOCK};

impl Fold {
    pub(super) fn key(&mut self, epoch: u64) -> [u8; 32] {
        if let Some(key) = self.keys.get(&epoch) {
            return *key;
        }
        let key = mesh_key(&self.options.secret, self.options.partition, epoch);
        while self.keys.len() >= KEYS_MAX {
            self.keys.pop_first();
        }
        self.keys.insert(epoch, key);
        key
    }

    pub(super) fn result(&mut self, worker: &str, result: TaskResult, effects: &mut Effects) {
        let input = TokenInput {
            run: &result.run,
            task: &result.task,
            generation: result.generation,
            r#try: result.r#try,
            epoch: result.epoch,
            n: result.n,
            worker,
        };
        let key = self.key(result.epoch);
        if dispatch_token(&key, &input) != result.token.0 {
            effects
                .dead
                .push(format!("a result of {worker} without a valid token"));
            return;
        }
        let mut settled = Settled {
            worker: worker.to_owned(),
            epoch: result.epoch,
            n: result.n,
            run: result.run.clone(),
            task: result.task.clone(),
            accepted: false,
            status: "cancelled".to_owned(),
            run_us: result.run_us,
            kind: match &result.outcome {
                Outcome::Failed(failed) => Some(failed.error.kind.clone()).filter(|kind| !kind.is_empty()),
                Outcome::Succeeded(_) | Outcome::Cancelled(_) => None,
            },
        };
        let known = run_key(&result.run).and_then(|key| self.runs.get_mut(&key));
        if let Some(run) = known.filter(|run| run.broken.is_none()) {
            let done = guarded(run, &mut self.context, effects, |run, context, effects| {
                take_result(run, worker, result, context, effects)
            });
            if let Some(Some(status)) = done {
                settled.accepted = true;
                settled.status = status.word().to_owned();
            }
        }
        effects.settled.push(settled);
        self.close(effects);
    }

    pub(super) fn decided(&mut self, batch: DecidedBatch, effects: &mut Effects) {
        if !self.is_owner(batch.epoch) {
            effects.dead.push("a decision of an earlier owner".to_owned());
            return;
        }
        for decision in batch.decisions {
            let known = run_key(&decision.run).and_then(|key| self.runs.get_mut(&key));
            let Some(run) = known.filter(|run| run.broken.is_none()) else {
                continue;
            };
            let Some(id) = run.find(&decision.task) else {
                continue;
            };
            let lost = if let Action::Lost(lost) = &decision.action {
                Some(lost.clone())
            } else {
                None
            };
            let acquired = if let Action::Acquired(acquired) = &decision.action {
                Some(acquired.token)
            } else {
                None
            };
            let wanted = if lost.is_some() || acquired.is_some() {
                Status::Ready
            } else {
                Status::Undecided
            };
            let granted = run.lock.as_ref().is_some_and(|lock| lock.token.is_some());
            let fits = acquired.is_none_or(|_| id.frame == LOCK && !granted);
            let current = fits
                && run.exec(id).is_some_and(|exec| {
                    exec.status == wanted
                        && exec.generation == decision.generation
                        && exec.r#try == decision.r#try
                });
            run.note(Entry {
                sequence: self.context.sequence,
                at_ms: self.context.time_ms,
                event: "decided".into(),
                task: Some(decision.task.clone()),
                attempt: decision.r#try,
                accepted: current,
                by: decision.policy.clone(),
                detail: format!("{:?}: {}", decision.action, decision.reason),
            });
            if !current {
                continue;
            }
            guarded(run, &mut self.context, effects, |run, context, effects| {
                if lost.is_some() {
                    effects.closed.push(id);
                }
                let mut walk = Walk::new(run, context, effects);
                if let Some(token) = acquired {
                    walk.lock_acquired(token);
                    return walk.finish();
                }
                match lost {
                    Some(lost) => walk.lose(
                        id,
                        ErrorValue {
                            kind: "lost".to_owned(),
                            message: lost.message,
                            ..Default::default()
                        },
                        lost.begun,
                        lost.attempts,
                    ),
                    None => walk.decided(id, &decision.action),
                }
                walk.finish();
            });
        }
        self.close(effects);
    }

    /// Release every timer that is due by the broker's time of this event.
    pub(super) fn due(&mut self, effects: &mut Effects) {
        while let Some(timer) = self
            .context
            .timers
            .first()
            .copied()
            .filter(|t| t.at_ms <= self.context.time_ms)
        {
            self.context.timers.remove(&timer);
            let Some(run) = self.runs.get_mut(&timer.id.run).filter(|run| run.goes_on()) else {
                continue;
            };
            guarded(run, &mut self.context, effects, |run, context, effects| {
                Walk::new(run, context, effects).fire(timer);
            });
        }
        self.close(effects);
    }

    /// A piece of an artifact; once all are here, the maps that wait for it go on.
    pub(super) fn supply(&mut self, supplied: Supplied, effects: &mut Effects) {
        let Some(waiting) = self.context.waiting.get(&supplied.digest).cloned() else {
            return;
        };
        let total: usize = self
            .supplied
            .values()
            .flatten()
            .flatten()
            .map(|piece| piece.len())
            .sum();
        let count = usize::try_from(supplied.count).unwrap_or(1);
        let pieces = self
            .supplied
            .entry(supplied.digest.clone())
            .or_insert_with(|| vec![None; count]);
        let missing = supplied.missing || total + supplied.data.len() > SUPPLIED_BYTES_MAX;
        if let Some(slot) = usize::try_from(supplied.index)
            .ok()
            .and_then(|at| pieces.get_mut(at))
        {
            *slot = Some(supplied.data);
        }
        if !missing && pieces.iter().any(Option::is_none) {
            return;
        }
        let data: Vec<u8> = pieces
            .iter()
            .flatten()
            .flat_map(|piece| piece.iter().copied())
            .collect();
        self.supplied.remove(&supplied.digest);
        self.context.waiting.remove(&supplied.digest);
        let whole = !missing && blake3::hash(&data).to_hex().as_str() == supplied.digest;
        let list = Payload::from(data);
        for (id, generation) in waiting {
            let Some(run) = self.runs.get_mut(&id.run).filter(|run| run.goes_on()) else {
                continue;
            };
            let waits = |exec: &Exec| exec.status == Status::Waiting && exec.generation == generation;
            if !run.exec(id).is_some_and(waits) {
                continue;
            }
            guarded(run, &mut self.context, effects, |run, context, effects| {
                let mut walk = Walk::new(run, context, effects);
                if whole {
                    walk.begin_map(id, list.clone());
                } else {
                    let digest = &supplied.digest;
                    let message = format!("the artifact {digest} that the map goes over cannot be read");
                    walk.fail_unbegun(id, error("unavailable", message));
                }
                walk.finish();
            });
        }
        self.close(effects);
    }
}
