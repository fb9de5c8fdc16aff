//! What comes from outside to runs that wait: signals of clients, events, registered workflows.

use super::*;
use crate::core::state::Exec;

/// Words that are kept for one run whose submission has not come yet.
const PARKED_WORDS_MAX: usize = 16;

impl Fold {
    /// Keep a word for a run that is not known yet: the two streams that they come through are not ordered.
    pub(super) fn park(&mut self, key: u128, tenant: &str, word: Word, effects: &mut Effects) {
        if self.parked.len() >= PARKED_MAX && !self.parked.contains_key(&key) {
            return effects.dead.push("too many words to unknown runs".to_owned());
        }
        let words = self.parked.entry(key).or_default();
        if words.len() < PARKED_WORDS_MAX {
            words.push((tenant.to_owned(), word));
        }
    }

    pub(super) fn signal(&mut self, tenant: &str, signal: Signal, effects: &mut Effects) {
        let Some(key) = run_key(&signal.run) else { return };
        match self.runs.get_mut(&key) {
            Some(run)
                if &*run.tenant != tenant
                    && tenant != symphony_protocol::subjects::EVERY_TENANT
                    && !run.asks(tenant, &signal.name) =>
            {
                effects
                    .dead
                    .push(format!("a signal to run {} by another tenant", signal.run));
            }
            Some(run) if run.goes_on() => {
                guarded(run, &mut self.context, effects, |run, context, effects| {
                    Walk::new(run, context, effects).signal(tenant, signal);
                });
                self.close(effects);
            }
            Some(_) => {}
            None if self.tombstones.contains_key(&key) => {}
            None => self.park(key, tenant, Word::Signal(signal), effects),
        }
    }

    /// An event that executions wait for.
    pub(super) fn happened(&mut self, happened: &Happened, effects: &mut Effects) {
        let listening = self.context.listening.get(&happened.name);
        // Who began to wait later has not missed it; who began before the event before it may not hear it twice.
        let waits: Vec<(ExecId, u32)> = listening
            .iter()
            .flat_map(|listeners| &listeners.execs)
            .filter(|(_, (_, since_ms, after))| *since_ms <= happened.at_ms && *after < happened.sequence)
            .map(|(id, (generation, ..))| (*id, *generation))
            .collect();
        self.context.events_sequence = self.context.events_sequence.max(happened.sequence);
        for (id, generation) in waits {
            let Some(run) = waiting_run(&mut self.runs, id, generation) else {
                continue;
            };
            guarded(run, &mut self.context, effects, |run, context, effects| {
                Walk::new(run, context, effects).happened(id, happened);
            });
        }
        self.close(effects);
    }

    /// A registered workflow that tasks wait for.
    pub(super) fn resolved(&mut self, resolved: Resolved, effects: &mut Effects) {
        let key = (resolved.tenant, resolved.name, resolved.range);
        let Some(waiting) = self.context.resolving.remove(&key) else {
            return;
        };
        let (document, plan, problem) = if resolved.missing {
            let (_, name, range) = &key;
            let range = if range.is_empty() { "*" } else { range };
            let why = if resolved.why.is_empty() {
                format!("there is no version in {range}; register {name} first")
            } else {
                resolved.why
            };
            (Payload::default(), None, Some(why))
        } else {
            match self.plan(&resolved.document) {
                Ok((plan, document)) => (document, Some(plan), None),
                Err(why) => (resolved.document, None, Some(why)),
            }
        };
        let found = Arc::new(Found {
            version: resolved.version,
            document,
            plan,
            problem,
        });
        for (id, generation) in waiting {
            let Some(run) = waiting_run(&mut self.runs, id, generation) else {
                continue;
            };
            run.library.insert((key.1.clone(), key.2.clone()), found.clone());
            guarded(run, &mut self.context, effects, |run, context, effects| {
                let mut walk = Walk::new(run, context, effects);
                walk.resolved(id);
                walk.finish();
            });
        }
        self.close(effects);
    }
}

/// The run of an execution that still waits.
fn waiting_run(runs: &mut Runs, id: ExecId, generation: u32) -> Option<&mut Run> {
    let waits = |exec: &Exec| exec.status == Status::Waiting && exec.generation == generation;
    let run = runs.get_mut(&id.run).filter(|run| run.goes_on())?;
    run.exec(id).is_some_and(waits).then_some(run)
}
