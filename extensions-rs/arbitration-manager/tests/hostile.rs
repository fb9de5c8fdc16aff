//! One tenant floods, nine submit a trickle: what the nine wait, beside what they wait alone.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a failure is the message

use std::collections::{BTreeMap, VecDeque};

use symphony_arbitration_manager::Options;
use symphony_arbitration_manager::core::Arbiter;
use symphony_arbitration_manager::strategy::Strategy;
use symphony_protocol::{Claim, Claimant, Contend, Usage};

const SLOTS: usize = 8;
/// Of each execution, and between two decisions: a slot that is free is given within it.
const RUN_MS: u64 = 200;
const STEP_MS: u64 = 20;
const LAST_MS: u64 = 120_000;

struct Outcome {
    /// Milliseconds from ready to start of every execution of the trickle, sorted.
    waits: Vec<u64>,
    /// Slot time of each tenant in the minute in which all nine and the flood want more than there is.
    used: BTreeMap<String, u64>,
}

/// `flood` runs come at once; each of nine tenants submits one every `every_ms`.
fn played(by: Strategy, flood: usize, every_ms: u64) -> Outcome {
    let mut arbiter = Arbiter::new(
        "arbitration",
        Options {
            strategy: by,
            ..Default::default()
        },
        1,
        0,
    );
    let mut ready: BTreeMap<String, VecDeque<u64>> = BTreeMap::new();
    ready.insert("flood".to_owned(), std::iter::repeat_n(0, flood).collect());
    let mut running: Vec<(u64, String)> = Vec::new();
    let mut started: BTreeMap<String, u64> = BTreeMap::new();
    let mut served: BTreeMap<String, u64> = BTreeMap::new();
    let mut outcome = Outcome {
        waits: Vec::new(),
        used: BTreeMap::new(),
    };
    for now in (0..LAST_MS).step_by(usize::try_from(STEP_MS).unwrap()) {
        for number in 0..9_u64 {
            if now < LAST_MS - 10 * RUN_MS && (now + number * 37 / STEP_MS * STEP_MS).is_multiple_of(every_ms)
            {
                ready.entry(format!("t{number}")).or_default().push_back(now);
            }
        }
        let (ended, still): (Vec<_>, Vec<_>) = running.into_iter().partition(|(until, _)| *until <= now);
        running = still;
        let mut usage: BTreeMap<String, Usage> = BTreeMap::new();
        for (tenant, run_us, count) in ended
            .iter()
            .map(|(_, tenant)| (tenant, RUN_MS * 1000, 0))
            .chain(started.iter().map(|(tenant, count)| (tenant, 0, *count)))
        {
            let used = usage.entry(tenant.clone()).or_insert_with(|| Usage {
                tenant: tenant.clone(),
                workflow: "w".to_owned(),
                capability: "f".to_owned(),
                ..Default::default()
            });
            used.run_us += run_us;
            used.started += count;
        }
        started.clear();
        let claim = Claim {
            conductor: "c".to_owned(),
            usage: usage.into_values().collect(),
            ..Default::default()
        };
        arbiter.claim(&claim, now);
        let claimants = ready
            .iter()
            .filter(|(_, line)| !line.is_empty())
            .map(|(tenant, line)| Claimant {
                tenant: tenant.clone(),
                workflow: "w".to_owned(),
                waiting: line.len() as u64,
                running: running.iter().filter(|(_, who)| who == tenant).count() as u64,
                waited_ms: now - line[0].max(served.get(tenant).copied().unwrap_or(0)),
                ..Default::default()
            });
        let ask = Contend {
            conductor: "c".to_owned(),
            capability: "f".to_owned(),
            slots: u32::try_from(SLOTS - running.len()).unwrap(),
            now_ms: now,
            claimants: claimants.collect(),
            ..Default::default()
        };
        for place in arbiter.contend(&ask, now).order {
            for _ in 0..place.slots {
                let since = ready.get_mut(&place.tenant).unwrap().pop_front().unwrap();
                running.push((now + RUN_MS, place.tenant.clone()));
                *started.entry(place.tenant.clone()).or_default() += 1;
                *outcome.used.entry(place.tenant.clone()).or_default() += RUN_MS;
                served.insert(place.tenant.clone(), now);
                if place.tenant != "flood" {
                    outcome.waits.push(now - since);
                }
            }
        }
    }
    outcome.waits.sort_unstable();
    outcome
}

fn p99(waits: &[u64]) -> u64 {
    waits[waits.len() * 99 / 100]
}

/// Jain's index of fairness: one where all have the same.
fn jain(used: &BTreeMap<String, u64>) -> f64 {
    let sum: f64 = used.values().map(|one| *one as f64).sum();
    let squares: f64 = used.values().map(|one| (*one as f64).powi(2)).sum();
    sum * sum / (used.len() as f64 * squares)
}

#[test]
fn beside_a_flood_of_ten_thousand_a_trickle_waits_for_one_execution_to_end_at_most() {
    for by in [Strategy::Collaborative, Strategy::Prioritised] {
        // 9 x 0.2 s each second: 1.8 of 8 slots. A slot is free every 25 ms on average once the flood has the rest.
        let alone = played(by, 0, 1_000);
        let flooded = played(by, 10_000, 1_000);
        let (before, after) = (p99(&alone.waits), p99(&flooded.waits));
        // Alone there is always a free slot. Nothing that runs is taken off its slot, so beside a flood that holds all of
        // them the wait is for one execution to end, and no longer.
        assert!(before < STEP_MS, "{by}: {before} ms alone");
        assert!(after <= RUN_MS, "{by}: {after} ms beside the flood");
        assert_eq!(
            alone.waits.len(),
            flooded.waits.len(),
            "nobody of the trickle was left out"
        );
    }
}

#[test]
fn with_more_than_there_is_for_all_ten_each_has_a_tenth() {
    for by in [Strategy::Collaborative, Strategy::RoundRobin] {
        let outcome = played(by, 10_000, 100);
        let index = jain(&outcome.used);
        assert!(index > 0.99, "{by}: {index} of {:?}", outcome.used);
    }
}
