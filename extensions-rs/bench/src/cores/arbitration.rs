//! Arbitration: an order among claimants that are more than the slots, with its reasons.

use std::hint::black_box;

use symphony_arbitration_manager::core::Arbiter;
use symphony_arbitration_manager::options::Options;
use symphony_protocol::{Claimant, Contend};

use super::{spread, timed};
use crate::report::Row;

const ROUNDS: usize = 300;
const CLAIMANTS: usize = 1000;
const SLOTS: u32 = 64;

/// One decision among a thousand claimants of a hundred tenants for 64 slots.
pub fn decision() -> Row {
    let claimant = |number: usize| Claimant {
        tenant: format!("tenant{}", number % 100),
        workflow: format!("workflow{number}"),
        waiting: 1 + number as u64 % 7,
        running: number as u64 % 3,
        waited_ms: (number as u64 * 7919) % 900,
        ..Default::default()
    };
    let ask = Contend {
        conductor: "conductor-0".to_owned(),
        capability: "test.noop".to_owned(),
        slots: SLOTS,
        claimants: (0..CLAIMANTS).map(claimant).collect(),
        ..Default::default()
    };
    let mut arbiter = Arbiter::new("arbitration-0", Options::default(), 0, 0);
    let rounds = (0..ROUNDS).map(|round| {
        timed(|| {
            black_box(arbiter.contend(black_box(&ask), round as u64));
        })
        .0
    });
    spread("core_arbitration_1000", "us", 1e6, 1, rounds.collect())
}
