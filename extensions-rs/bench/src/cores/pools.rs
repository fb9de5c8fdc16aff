//! The Pool Manager: slots of workers granted to the conductors that ask for them.

use std::hint::black_box;

use symphony_pool_manager::core::leases::{Leases, shares};

use super::{spread, timed};
use crate::report::Row;

const ROUNDS: usize = 200;
const EACH: usize = 1000;
const SLOTS: u32 = 8;

/// One allocation: a worker's slots divided by the demand of two conductors, and leased to them.
pub fn allocation() -> Row {
    let demand = [(1, 70), (2, 30)];
    let mut leases = Leases::default();
    let mut wanted = Vec::new();
    let mut now_ms = 0;
    let rounds = (0..ROUNDS).map(|_| {
        let work = || {
            for _ in 0..EACH {
                now_ms += 1;
                shares(black_box(SLOTS), black_box(&demand), &mut wanted);
                leases.divide(SLOTS, black_box(&wanted), now_ms);
                black_box(&leases);
            }
        };
        timed(work).0
    });
    spread("core_pool_lease", "ns", 1e9, EACH, rounds.collect())
}
