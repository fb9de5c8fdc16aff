//! The desk of locks, semaphores and rates: what conductors ask for, what the ledger is to say next, what they are told.
//!
//! `decide` makes the next message of the ledger from the fold and from who waits; only once the broker has it, at the
//! sequence that was expected, does anybody hear of it. So two arbiters cannot both grant: one of them is refused, folds
//! what the other wrote, and decides anew.

use std::collections::{BTreeMap, BTreeSet};

use symphony_protocol::bounds::BATCH_COUNT_MAX;
use symphony_protocol::{Granted, HoldAsk, HoldGrant, HoldWant, LedgerBatch, LedgerHold, LedgerState};

use super::buckets::Buckets;
use super::ledger::{Draft, HOLDS_MAX, Id, Ledger, id_of};
use super::waiters::{Line, Waiter, Waiters};

/// Entries of one message of the ledger; what is left over goes into the next.
const ENTRIES_MAX: usize = BATCH_COUNT_MAX / 2;

/// The time of this service, and the wall's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// Since the service began: a wall clock that jumps fills no bucket.
    pub ms: u64,
    /// Since the Unix epoch: what waiters' `since_ms` is compared with.
    pub wall_ms: u64,
}

/// Who asks: a conductor, for a partition that it owns since an epoch.
type From = (String, u32, u64);

#[derive(Debug, Default)]
pub struct Desk {
    arbiter: String,
    starvation_ms: u64,
    pub(super) ledger: Ledger,
    pub(super) waiters: Waiters,
    pub(super) buckets: Buckets,
    epochs: BTreeMap<u32, u64>,
    /// Holds that are over and stand in the ledger still.
    releasing: BTreeSet<Id>,
    /// Lines in which something may have changed.
    moved: BTreeSet<Line>,
    said: BTreeMap<From, HoldGrant>,
}

impl Desk {
    /// `starvation_ms`: whoever waited longer is served before all others.
    pub fn new(arbiter: &str, starvation_ms: u64) -> Self {
        Self {
            arbiter: arbiter.to_owned(),
            starvation_ms,
            ..Self::default()
        }
    }

    /// The last message of the ledger that was folded.
    pub fn sequence(&self) -> u64 {
        self.ledger.sequence()
    }

    /// The ledger as one message.
    pub fn state(&self) -> LedgerState {
        self.ledger.state(&self.arbiter)
    }

    /// A message of the ledger, ours or another arbiter's. Those who wait for what it grants are told.
    pub fn fold(&mut self, sequence: u64, batch: LedgerBatch) {
        let acquired: Vec<Id> = batch.acquired.iter().map(|hold| id_of(&hold.hold)).collect();
        let freed = self.ledger.apply(sequence, batch);
        self.moved.extend(freed.into_iter().map(Line::Permits));
        self.settle(acquired);
    }

    /// A message that states all of it.
    pub fn reset(&mut self, sequence: u64, state: LedgerState) {
        let acquired: Vec<Id> = state.holds.iter().map(|hold| id_of(&hold.hold)).collect();
        self.ledger.reset(sequence, state);
        let all = self.waiters.iter().flat_map(|(_, waiter)| waiter.lines());
        self.moved.extend(all);
        self.settle(acquired);
    }

    /// A message that cannot be read is passed over.
    pub fn skip(&mut self, sequence: u64) {
        self.ledger.skip(sequence);
    }

    /// Who was waiting for what now stands in the ledger waits no more.
    fn settle(&mut self, acquired: Vec<Id>) {
        for id in acquired {
            let Some(hold) = self.ledger.get(&id) else {
                continue;
            };
            let served = self
                .waiters
                .get(&id)
                .is_some_and(|waiter| serves(hold, &waiter.want, waiter.epoch));
            let hold = told(hold);
            self.releasing.remove(&id); // it was wanted again before its release was written
            if let Some(waiter) = self.waiters.remove_if(&id, served) {
                self.moved.extend(waiter.lines());
                self.say(&(waiter.conductor, waiter.partition, waiter.epoch))
                    .held
                    .push(hold);
            }
        }
        let ledger = &self.ledger;
        self.releasing.retain(|id| ledger.get(id).is_some());
    }

    /// What a conductor asks. An owner of before is not heard.
    pub fn ask(&mut self, ask: HoldAsk, now: Now) {
        let known = self.epochs.entry(ask.partition).or_default();
        if ask.epoch < *known {
            return;
        }
        if ask.epoch > *known {
            *known = ask.epoch;
            let (partition, epoch) = (ask.partition, ask.epoch);
            let older = |waiter: &Waiter| waiter.partition == partition && waiter.epoch < epoch;
            let moved = self.waiters.sweep(older, now.ms);
            self.moved.extend(moved);
        }
        for hold in &ask.released {
            self.release(&id_of(hold));
        }
        let from = (ask.conductor, ask.partition, ask.epoch);
        for want in ask.wants {
            self.want(want, &from, now);
        }
        if !ask.level {
            return;
        }
        let stand = self.ledger.of(ask.partition);
        // Who waits for another token must not take the one that stands for it.
        let stand = stand.filter(|(id, _)| !self.releasing.contains(*id) && self.waiters.get(id).is_none());
        let all: Vec<Granted> = stand.map(|(_, hold)| told(hold)).collect();
        if u64::try_from(all.len()).unwrap_or(u64::MAX) != ask.held {
            let grant = self.say(&from);
            grant.held = all;
            grant.whole = true;
        }
    }

    fn release(&mut self, id: &Id) {
        if let Some(gone) = self.waiters.remove(id) {
            self.moved.extend(gone.lines());
        }
        if self.ledger.get(id).is_some() {
            self.releasing.insert(id.clone());
        }
    }

    fn want(&mut self, want: HoldWant, from: &From, now: Now) {
        let id = id_of(&want.hold);
        let stands = |hold: &&LedgerHold| serves(hold, &want, from.2) && !self.releasing.contains(&id);
        if let Some(hold) = self.ledger.get(&id).filter(stands) {
            let hold = told(hold);
            return self.say(from).held.push(hold);
        }
        let known = self.waiters.get(&id).is_some();
        if self.waiters.add(want, from, now.ms) && !known {
            let lines = self.waiters.get(&id).into_iter().flat_map(Waiter::lines);
            self.moved.extend(lines);
        }
    }

    /// The next message of the ledger; None where there is nothing to write. Grants of rates alone are said at once.
    pub fn decide(&mut self, now: Now) -> Option<LedgerBatch> {
        let mut draft = Draft::default();
        for id in &self.releasing {
            if draft.released.len() < ENTRIES_MAX {
                draft.released.insert(id.clone());
                let hold = self.ledger.get(id);
                let keys = hold
                    .into_iter()
                    .flat_map(|hold| hold.keys.iter().map(move |key| (hold, key)));
                let lines = keys.map(|(hold, key)| Line::Permits((hold.tenant.clone(), key.key.clone())));
                self.moved.extend(lines);
            }
        }
        let timed = self.waiters.rates().map(|(line, _)| line.clone());
        self.moved.extend(timed);
        let overdue_ms = now.wall_ms.saturating_sub(self.starvation_ms);
        for line in std::mem::take(&mut self.moved) {
            let mut closed = false;
            for id in self.waiters.order(&line, overdue_ms) {
                if closed && !self.is_within(&id, &line) {
                    continue;
                }
                if draft.acquired.len() >= ENTRIES_MAX {
                    self.moved.insert(line);
                    break;
                }
                match self.hindrance(&draft, &id, overdue_ms, now) {
                    None => self.grant(&mut draft, &id, now),
                    Some(hindrance) if hindrance == line || self.waiters.is_overdue(&id, overdue_ms) => {
                        closed = true
                    }
                    Some(_) => {} // it waits for another of its keys: who comes after it need not
                }
            }
        }
        (!draft.is_empty()).then(|| draft.batch(&self.arbiter))
    }

    /// The line that keeps a waiter waiting. None: it may be granted all that it wants.
    fn hindrance(&self, draft: &Draft, id: &Id, overdue_ms: u64, now: Now) -> Option<Line> {
        let waiter = self.waiters.get(id)?;
        if self.ledger.get(id).is_some() {
            return None; // another token is all that it wants
        }
        let want = &waiter.want;
        let full = self.ledger.len() + draft.acquired.len() >= HOLDS_MAX + draft.released.len();
        for key in &want.wants.keys {
            let line = Line::Permits((want.tenant.clone(), key.key.clone()));
            if full || self.ledger.taker(draft, &want.tenant, key, id).is_some() {
                return Some(line);
            }
            // Of several keys each has its own line: nobody is overtaken there either.
            let several = want.wants.keys.len() > 1 || want.wants.rate.is_some();
            if several && !self.is_within(id, &line) && self.is_behind(draft, id, &line, overdue_ms) {
                return Some(line);
            }
        }
        let rate = want.wants.rate.as_ref()?;
        let key = (want.tenant.clone(), rate.key.clone());
        (self.buckets.wait_ms(&key, rate, now.ms) > 0).then_some(Line::Rate(key))
    }

    /// Whether a waiter holds the key itself, and wants another token, or its run does: who waits for either to let go of it
    /// must not stand before it.
    fn is_within(&self, id: &Id, line: &Line) -> bool {
        self.ledger.get(id).is_some()
            || matches!(line, Line::Permits((tenant, key)) if self.ledger.is_within(tenant, key, &id.0))
    }

    /// Whether somebody stands before a waiter who waits for this very line.
    fn is_behind(&self, draft: &Draft, id: &Id, line: &Line, overdue_ms: u64) -> bool {
        let before = self.waiters.order(line, overdue_ms);
        let mut before = before.iter().take_while(|other| *other != id);
        before.any(|other| {
            let Some(waiter) = self
                .waiters
                .get(other)
                .filter(|_| self.ledger.get(other).is_none())
            else {
                return false;
            };
            let want = &waiter.want;
            let granted = draft.acquired.iter().any(|hold| id_of(&hold.hold) == *other);
            let mut keys = want
                .wants
                .keys
                .iter()
                .filter(|key| *line == Line::Permits((want.tenant.clone(), key.key.clone())));
            !granted && keys.any(|key| self.ledger.taker(draft, &want.tenant, key, other).is_some())
        })
    }

    fn grant(&mut self, draft: &mut Draft, id: &Id, now: Now) {
        let Some(waiter) = self.waiters.get(id).cloned() else {
            return;
        };
        let want = &waiter.want;
        if let Some(rate) = want.wants.rate.as_ref().filter(|_| self.ledger.get(id).is_none()) {
            self.buckets
                .spend((want.tenant.clone(), rate.key.clone()), rate, now.ms);
        }
        if want.wants.keys.is_empty() {
            let hold = Granted {
                hold: want.hold.clone(),
                renewal: want.renewal,
                ..Default::default()
            };
            self.waiters.remove(id);
            return self
                .say(&(waiter.conductor, waiter.partition, waiter.epoch))
                .held
                .push(hold);
        }
        if draft.acquired.iter().any(|hold| id_of(&hold.hold) == *id) {
            return; // by another of its lines
        }
        draft.released.remove(id);
        draft.acquire(LedgerHold {
            partition: waiter.partition,
            epoch: waiter.epoch,
            tenant: want.tenant.clone(),
            hold: want.hold.clone(),
            keys: want.wants.keys.clone(),
            scope: want.wants.scope,
            renewal: want.renewal,
            token: 0,
        });
    }

    /// What was decided could not be written: it is to be decided anew.
    pub fn reconsider(&mut self) {
        let all = self.waiters.iter().flat_map(|(_, waiter)| waiter.lines());
        self.moved.extend(all);
    }

    /// Once a second: who is told of no more is forgotten, and who has waited too long goes first from now on.
    pub fn sweep(&mut self, now: Now) {
        let moved = self.waiters.sweep(|_| false, now.ms);
        self.moved.extend(moved);
        self.buckets.sweep(now.ms);
        self.reconsider();
    }

    /// Milliseconds until a rate allows the next start that somebody waits for.
    pub fn next_ms(&self, now: Now) -> Option<u64> {
        let heads = self
            .waiters
            .rates()
            .filter_map(|(_, ids)| self.waiters.get(ids.first()?));
        let waits = heads.filter_map(|waiter| {
            let rate = waiter.want.wants.rate.as_ref()?;
            let key = (waiter.want.tenant.clone(), rate.key.clone());
            Some(self.buckets.wait_ms(&key, rate, now.ms).max(1))
        });
        waits.min()
    }

    /// What conductors are to be told now, in messages within their bound.
    pub fn said(&mut self) -> Vec<HoldGrant> {
        let mut messages = Vec::new();
        for mut grant in std::mem::take(&mut self.said).into_values() {
            while grant.held.len() > BATCH_COUNT_MAX {
                let held = grant.held.split_off(grant.held.len() - BATCH_COUNT_MAX);
                let conductor = grant.conductor.clone();
                messages.push(HoldGrant {
                    conductor,
                    held,
                    partition: grant.partition,
                    epoch: grant.epoch,
                    ..Default::default()
                });
            }
            messages.push(grant);
        }
        messages
    }

    fn say(&mut self, from: &From) -> &mut HoldGrant {
        self.said.entry(from.clone()).or_insert_with(|| HoldGrant {
            conductor: from.0.clone(),
            partition: from.1,
            epoch: from.2,
            ..Default::default()
        })
    }
}

/// Whether a hold that stands is what is wanted. A task's is not, for an owner who has come since: the one before may have
/// sent an attempt with its token to a worker that is taken for dead and is not, and the next needs a greater one.
fn serves(hold: &LedgerHold, want: &HoldWant, epoch: u64) -> bool {
    want.renewal <= hold.renewal && (epoch <= hold.epoch || hold.scope)
}

fn told(hold: &LedgerHold) -> Granted {
    Granted {
        hold: hold.hold.clone(),
        token: hold.token,
        renewal: hold.renewal,
    }
}
