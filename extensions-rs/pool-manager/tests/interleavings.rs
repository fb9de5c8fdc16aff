//! Two conductors cannot get one slot: every interleaving of grants that come, come late or are lost, searched through.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a failure is the message

use std::collections::{BTreeMap, BTreeSet};

use symphony_pool_manager::core::leases::{LEASE_MS, Leases, Part, SLACK_MS, shares};

const SLOTS: u32 = 1;
const STEP_MS: u64 = 500;

/// What a conductor believes to hold, and a grant that is on its way to it: its slots, and when it comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Conductor {
    slots: u32,
    until_ms: u64,
    late: Option<(u32, u64)>,
}

impl Conductor {
    /// As `conductor/kernel/workers.py` does: absolute, and counted from receipt.
    fn hear(&mut self, slots: u32, now_ms: u64) {
        (self.slots, self.until_ms) = (slots, now_ms + LEASE_MS);
    }

    fn believes(&self, now_ms: u64) -> u32 {
        if self.until_ms > now_ms { self.slots } else { 0 }
    }

    /// What is the same whenever it is.
    fn key(&self, now_ms: u64) -> (u32, u64, Option<(u32, u64)>) {
        let left = self.until_ms.saturating_sub(now_ms);
        let slots = if left > 0 { self.slots } else { 0 };
        (
            slots,
            left,
            self.late.map(|(slots, at)| (slots, at.saturating_sub(now_ms))),
        )
    }
}

#[derive(Clone, Copy)]
enum Fate {
    Comes,
    ComesLate,
    IsLost,
}

const FATES: [Fate; 3] = [Fate::Comes, Fate::ComesLate, Fate::IsLost];

/// Who wants it: one, the other; or one of them is not known any more.
const DEMANDS: [&[Part<u64>]; 4] = [&[(1, 9), (2, 0)], &[(1, 0), (2, 9)], &[(1, 9)], &[(2, 9)]];

/// Moments in a state as they are seen from now.
fn key(leases: &Leases, conductors: &[Conductor; 2], now_ms: u64) -> String {
    let mut told = String::new();
    for (at, part) in format!("{leases:?}").split("until_ms: ").enumerate() {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (moment, rest) = if at == 0 {
            ("", part)
        } else {
            part.split_at(digits)
        };
        let left = moment
            .parse::<u64>()
            .map_or(0, |moment| moment.saturating_sub(now_ms));
        told += &format!("{left} {rest}");
    }
    format!("{told} {:?}", conductors.map(|one| one.key(now_ms)))
}

/// The most that both ever believe to hold, and the states that there are: all that can be come to.
fn searched(late_ms: u64) -> (u32, usize) {
    let mut most = 0;
    let mut seen = BTreeSet::new();
    let mut open = vec![(Leases::default(), [Conductor::default(); 2], 10_000_u64)];
    while let Some((leases, conductors, now)) = open.pop() {
        for demand in DEMANDS {
            let mut leases = leases.clone();
            let mut wanted = Vec::new();
            shares(SLOTS, demand, &mut wanted);
            leases.divide(SLOTS, &wanted, now);
            let held: BTreeMap<u32, u32> = leases.held().collect();
            for fates in FATES.iter().flat_map(|a| FATES.iter().map(move |b| [a, b])) {
                let mut conductors = conductors;
                for (at, conductor) in conductors.iter_mut().enumerate() {
                    // Messages of one sender come in their order.
                    let (slots, moment) = conductor.late.unwrap_or((0, u64::MAX));
                    if moment <= now {
                        conductor.late = None;
                        conductor.hear(slots, moment);
                    }
                    // One that the manager does not know any more is sent nothing.
                    let Some(slots) = held.get(&u32::try_from(at + 1).unwrap()) else {
                        continue;
                    };
                    match fates[at] {
                        Fate::Comes if conductor.late.is_none() => conductor.hear(*slots, now),
                        Fate::ComesLate if conductor.late.is_none() => {
                            conductor.late = Some((*slots, now + late_ms))
                        }
                        Fate::Comes | Fate::ComesLate | Fate::IsLost => {}
                    }
                }
                most = most.max(conductors.iter().map(|one| one.believes(now)).sum());
                if most > SLOTS {
                    return (most, seen.len()); // found
                }
                let later = now + STEP_MS;
                if seen.insert(key(&leases, &conductors, later)) {
                    open.push((leases.clone(), conductors, later));
                }
            }
        }
    }
    (most, seen.len())
}

#[test]
fn two_conductors_never_hold_one_slot_however_grants_come() {
    let (most, states) = searched(SLACK_MS);
    assert_eq!(most, SLOTS);
    assert!(states > 1_000, "{states} states are no search");
}

/// The search can fail: with messages later than the slack it finds what goes wrong.
#[test]
fn messages_later_than_the_slack_would_break_it() {
    let (most, _) = searched(SLACK_MS + 2 * STEP_MS);
    assert!(most > SLOTS);
}
