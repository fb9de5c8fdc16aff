//! Arbitration: who gets a slot, among claimants that are more than the slots; and the same as an order with its reasons.

use std::hint::black_box;

use symphony_arbitration_manager::core::Arbiter;
use symphony_arbitration_manager::options::Options;
use symphony_protocol::{Claim, Claimant, Contend, Usage};

use super::{spread, timed};
use crate::report::Row;

const ROUNDS: usize = 300;
const CLAIMANTS: usize = 1000;
const SLOTS: u32 = 64;

/// One decision among a thousand claimants of a hundred tenants for 64 slots, all of whom used something lately.
pub fn decisions() -> [Row; 2] {
    let claimant = |number: usize| Claimant {
        tenant: format!("tenant{}", number % 100),
        workflow: format!("workflow{number}"),
        waiting: 1 + number as u64 % 7,
        running: number as u64 % 3,
        waited_ms: (number as u64 * 7919) % 900,
        ..Default::default()
    };
    let usage = |number: usize| Usage {
        tenant: format!("tenant{}", number % 100),
        workflow: format!("workflow{number}"),
        capability: "test.noop".to_owned(),
        started: 10,
        run_us: (number as u64 * 104_729) % 1_000_000,
        ..Default::default()
    };
    let ask = Contend {
        conductor: "conductor-0".to_owned(),
        capability: "test.noop".to_owned(),
        slots: SLOTS,
        claimants: (0..CLAIMANTS).map(claimant).collect(),
        ..Default::default()
    };
    let used = Claim {
        conductor: "conductor-0".to_owned(),
        usage: (0..CLAIMANTS).map(usage).collect(),
        ..Default::default()
    };
    let mut arbiter = Arbiter::new("arbitration-0", Options::default(), 0, 0);
    arbiter.claim(&used, 0);
    let decided = (0..ROUNDS).map(|round| {
        let decide = || black_box(arbiter.decide(black_box(&ask), round as u64).served().count());
        timed(decide).0
    });
    let decided = spread("core_arbitration_1000", "us", 1e6, 1, decided.collect());
    let explained = (0..ROUNDS).map(|round| {
        let explain = || black_box(arbiter.contend(black_box(&ask), round as u64));
        timed(explain).0
    });
    [
        decided,
        spread(
            "core_arbitration_1000_explained",
            "us",
            1e6,
            1,
            explained.collect(),
        ),
    ]
}
