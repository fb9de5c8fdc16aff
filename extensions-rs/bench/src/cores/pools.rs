//! The Pool Manager: slots of workers granted to the conductors that ask for them.

use std::collections::BTreeMap;
use std::hint::black_box;

use symphony_pool_manager::core::leases::{Leases, shares};

use super::{spread, timed};
use crate::report::Row;

const ROUNDS: usize = 200;
const EACH: usize = 1000;
const SLOTS: u32 = 8;

/// One allocation: a worker's slots divided by the demand of two conductors, and leased to them.
pub fn allocation() -> Row {
    let demand = BTreeMap::from([("conductor-0".to_owned(), 70), ("conductor-1".to_owned(), 30)]);
    let mut leases = Leases::default();
    let mut now_ms = 0;
    let rounds = (0..ROUNDS).map(|_| {
        let work = || {
            for _ in 0..EACH {
                now_ms += 1;
                let wanted = shares(black_box(SLOTS), black_box(&demand));
                black_box(leases.divide(SLOTS, &wanted, now_ms));
            }
        };
        timed(work).0
    });
    spread("core_pool_lease", "ns", 1e9, EACH, rounds.collect())
}
