//! The division of one worker's slots among conductors.
//!
//! A slot that is taken from a conductor is given to another only when the lease it was part of has run out: the one that
//! held it may not have heard yet. So the slots that anyone believes to hold never exceed those that exist.
//!
//! Conductors are numbers here, and nothing is allocated once a worker's list has its length: one decision is made for
//! every worker each time that grants go out.

/// How long a lease lasts; it is renewed every second.
pub const LEASE_MS: u64 = 3_000;
/// Conductors count a lease from receipt: what one holds is given to nobody else until a message may have come so late.
pub const SLACK_MS: u64 = 500;

/// A conductor, as the registry counts them. A number is never given to another.
pub type Number = u32;

/// What a conductor wants of a worker, or holds of it.
pub type Part<T> = (Number, T);

/// Slots that a conductor believes to hold until a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    slots: u32,
    until_ms: u64,
}

/// The leases of one worker.
#[derive(Clone, Debug, Default)]
pub struct Leases {
    /// In the order of the last division.
    current: Vec<Part<Held>>,
    /// Slots taken back whose lease has not run out.
    fading: Vec<Held>,
}

impl Leases {
    /// Slots that somebody may believe to hold.
    pub fn believed(&self, now_ms: u64) -> u32 {
        let current = self.current.iter().map(|(_, held)| held);
        let live = current.chain(&self.fading).filter(|held| held.until_ms > now_ms);
        live.map(|held| held.slots).fold(0, u32::saturating_add)
    }

    /// Divide `slots` by the wanted shares, as far as what is still believed allows; `wanted` names each conductor once.
    /// What each holds then is read by `held`, in the same order.
    pub fn divide(&mut self, slots: u32, wanted: &[Part<u32>], now_ms: u64) {
        self.fading.retain(|held| held.until_ms > now_ms);
        self.current.retain(|(_, held)| held.until_ms > now_ms);
        self.arrange(wanted);
        for ((_, held), (_, want)) in self.current.iter_mut().zip(wanted) {
            if held.slots > *want {
                self.fading.push(Held {
                    slots: held.slots - want,
                    until_ms: held.until_ms,
                });
                held.slots = *want;
            }
        }
        let mut free = slots.saturating_sub(self.believed(now_ms));
        for ((_, held), (_, want)) in self.current.iter_mut().zip(wanted) {
            let more = want.saturating_sub(held.slots).min(free);
            free -= more;
            held.slots += more;
            held.until_ms = now_ms + LEASE_MS + SLACK_MS;
        }
    }

    /// Bring what is held into the order of what is wanted. What nobody wants any more fades, newcomers hold nothing yet.
    fn arrange(&mut self, wanted: &[Part<u32>]) {
        let held = self.current.iter().map(|(number, _)| number);
        if held.eq(wanted.iter().map(|(number, _)| number)) {
            return; // as it is nearly always
        }
        let mut before = std::mem::take(&mut self.current);
        for (number, _) in wanted {
            let found = before.iter().position(|(other, _)| other == number);
            let held = found.map(|at| before.swap_remove(at).1).unwrap_or(Held {
                slots: 0,
                until_ms: 0,
            });
            self.current.push((*number, held));
        }
        self.fading.extend(before.into_iter().map(|(_, held)| held));
    }

    /// What each conductor holds since the last division.
    pub fn held(&self) -> impl Iterator<Item = Part<u32>> {
        self.current.iter().map(|(number, held)| (*number, held.slots))
    }
}

/// Shares of `slots` for conductors in proportion to their demand, into `made`; every one gets something while there is
/// enough.
pub fn shares(slots: u32, demand: &[Part<u64>], made: &mut Vec<Part<u32>>) {
    // A demand beyond four thousand million counts as that, so that no product overflows.
    let weight = |want: u64| want.min(u64::from(u32::MAX) - 1) + 1;
    let total = demand.iter().map(|(_, want)| weight(*want)).sum::<u64>().max(1);
    let floor = u32::from(usize::try_from(slots).unwrap_or(usize::MAX) >= demand.len());
    let mut left = slots;
    let mut most: Option<(u64, usize)> = None;
    made.clear();
    for (at, (number, want)) in demand.iter().enumerate() {
        let share = u64::from(slots) * weight(*want) / total;
        let share = u32::try_from(share).unwrap_or(slots).max(floor).min(left);
        left -= share;
        made.push((*number, share));
        if most.is_none_or(|(known, _)| *want > known) {
            most = Some((*want, at));
        }
    }
    // What rounding left over goes to whoever wants most, the first among equals.
    if let Some((_, share)) = most.and_then(|(_, at)| made.get_mut(at)) {
        *share += left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shared(slots: u32, demand: &[Part<u64>]) -> Vec<Part<u32>> {
        let mut made = Vec::new();
        shares(slots, demand, &mut made);
        made
    }

    #[test]
    fn one_conductor_gets_everything_and_two_share() {
        assert_eq!(shared(8, &[(1, 0)]), [(1, 8)]);
        assert_eq!(shared(8, &[(1, 99), (2, 99)]), [(1, 4), (2, 4)]);
        assert_eq!(
            shared(3, &[(1, 5), (2, 5)]),
            [(1, 2), (2, 1)],
            "the odd one goes to the first"
        );
        assert_eq!(shared(8, &[(1, u64::MAX), (2, 0)]), [(1, 7), (2, 1)]);
    }

    #[test]
    fn a_slot_taken_back_is_given_on_only_when_its_lease_has_run_out() {
        let mut leases = Leases::default();
        leases.divide(4, &[(1, 4)], 0);
        let half = [(1, 2), (2, 2)];
        leases.divide(4, &half, 100);
        assert_eq!(leases.held().collect::<Vec<_>>(), [(1, 2), (2, 0)]);
        leases.divide(4, &half, LEASE_MS + SLACK_MS + 1);
        assert_eq!(leases.held().collect::<Vec<_>>(), half);
    }

    #[test]
    fn what_one_that_is_gone_held_is_given_on_when_its_lease_has_run_out() {
        let mut leases = Leases::default();
        leases.divide(4, &[(1, 2), (2, 2)], 0);
        leases.divide(4, &[(2, 4)], 100);
        assert_eq!(leases.held().collect::<Vec<_>>(), [(2, 2)]);
        leases.divide(4, &[(2, 4)], LEASE_MS + SLACK_MS);
        assert_eq!(leases.held().collect::<Vec<_>>(), [(2, 4)]);
    }

    proptest! {
        #[test]
        fn nobody_ever_believes_in_more_slots_than_there_are(
            steps in proptest::collection::vec((0u64..4000, proptest::collection::vec(0u32..6, 3)), 1..40),
            slots in 0u32..9,
        ) {
            let mut leases = Leases::default();
            let mut now = 0;
            for (wait, wants) in steps {
                now += wait;
                let demand: Vec<Part<u64>> =
                    (0..).zip(&wants).filter(|(_, w)| **w > 0).map(|(i, w)| (i, u64::from(*w))).collect();
                let wanted = shared(slots, &demand);
                prop_assert_eq!(wanted.iter().map(|(_, share)| share).sum::<u32>(), if demand.is_empty() { 0 } else { slots });
                leases.divide(slots, &wanted, now);
                prop_assert!(leases.held().map(|(number, _)| number).eq(demand.iter().map(|(number, _)| *number)));
                prop_assert!(leases.believed(now) <= slots);
            }
        }
    }
}
